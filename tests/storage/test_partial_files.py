"""Files in the making: whose they are, and when they are removed."""

import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aecli.errors import UnavailableError, UsageError
from aecli.storage import partial_files as unfinished
from aecli.storage.atomic import atomic_write
from aecli.storage.partial_files import remove_abandoned, unfinished_file, unfinished_folder
from aecli.storage.paths import require_folder, require_output
from tests.command_line import Run

MAKERS = (unfinished_file, unfinished_folder)


@pytest.fixture(params=MAKERS, ids=lambda make: make.__name__)
def left(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """What a killed process left beside `target`."""
    code = (
        "import os, pathlib, sys\n"
        f"from aecli.storage.partial_files import {request.param.__name__} as make\n"
        "with make(pathlib.Path(sys.argv[1])) as path:\n"
        "    if path.is_dir():\n"
        "        (path / 'half').write_bytes(b'half')\n"
        "    os._exit(0)\n"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "target"], check=True)
    (path,) = tmp_path.iterdir()
    assert path.name.startswith(".target.")
    return path


def test_what_a_killed_process_left_is_removed_by_the_next(left: Path) -> None:
    require_folder(left.parent)
    assert not left.exists()


@pytest.mark.parametrize("make", MAKERS)
def test_what_a_live_process_writes_is_not_removed(make: Callable[..., Any], tmp_path: Path) -> None:
    with make(tmp_path / "target") as path:
        remove_abandoned(tmp_path)
        assert path.exists()
        path.rename(tmp_path / "target")
    assert [each.name for each in tmp_path.iterdir()] == ["target"]


def test_what_another_machine_left_is_removed_after_a_day(left: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unfinished.platform, "node", lambda: "another")
    remove_abandoned(left.parent)
    assert left.exists()
    for path in (*left.glob("*"), left):
        os.utime(path, (time.time() - 2 * unfinished.ABANDONED_SECONDS,) * 2)
    remove_abandoned(left.parent)
    assert not left.exists()


def test_where_there_are_no_locks_a_day_must_pass(left: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unfinished, "_lock", lambda descriptor, path: None)
    remove_abandoned(left.parent)
    assert left.exists()
    with atomic_write(left.parent / "target") as file:
        file.write(b"new")
    assert (left.parent / "target").read_bytes() == b"new"


def test_a_file_that_was_taken_for_abandoned_before_it_was_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, taken = Path.touch, []

    def touch_and_lose(path: Path, **options: bool) -> None:
        real(path, **options)
        if not taken:
            taken.append(path)
            remove_abandoned(tmp_path)

    monkeypatch.setattr(Path, "touch", touch_and_lose)
    with atomic_write(tmp_path / "target") as file:
        file.write(b"new")
    assert taken
    assert (tmp_path / "target").read_bytes() == b"new"


@pytest.mark.parametrize("name", [".target.part", ".target.0123abcd.part", "target.01234567-01234567.part", ".x.swp"])
def test_what_others_call_alike_stays(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"someone's")
    require_folder(tmp_path)
    assert (tmp_path / name).exists()


@pytest.mark.parametrize("name", ["é" * 127, "x" * 255, "a\nb", "\udcff.png"], ids=ascii)
def test_any_name_that_the_system_takes_can_be_written(name: str, tmp_path: Path) -> None:
    with atomic_write(tmp_path / name) as file:
        file.write(b"new")
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.skipif(os.name != "posix", reason="modes")
@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_the_mode_is_that_of_the_umask(mask: int, tmp_path: Path) -> None:
    before = os.umask(mask)
    try:
        with atomic_write(tmp_path / "file") as file:
            file.write(b"new")
        with unfinished_folder(tmp_path / "folder") as folder:
            folder.rename(tmp_path / "folder")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o666 & ~mask
    assert stat.S_IMODE((tmp_path / "folder").stat().st_mode) == 0o777 & ~mask


@pytest.mark.skipif(os.name != "posix", reason="links")
class TestLinks:
    @pytest.mark.parametrize("there", [True, False], ids=["file", "dangling"])
    def test_a_link_that_is_named_as_output_is_followed(
        self, there: bool, aecli: Run, codes_file: Path, conv_run: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "far").mkdir()
        real, link = tmp_path / "far" / "grid.png", tmp_path / "link.png"
        link.symlink_to(real)
        if there:
            real.write_bytes(b"old")
        result = aecli("decode", codes_file, "--model", conv_run, "-o", link)
        assert result.status == 0, result.err
        assert link.is_symlink()
        assert real.read_bytes().startswith(b"\x89PNG")
        assert [path.name for path in (tmp_path / "far").iterdir()] == ["grid.png"]

    def test_a_link_to_a_file_of_another_kind_is_refused(
        self, aecli: Run, codes_file: Path, conv_run: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "link.png").symlink_to(tmp_path / "target.npz")
        result = aecli("decode", codes_file, "--model", conv_run, "-o", tmp_path / "link.png")
        assert result.status == 2
        assert "links to a file of another kind" in result.err

    def test_a_link_to_an_input_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "input").write_bytes(b"input")
        (tmp_path / "link").symlink_to(tmp_path / "input")
        with pytest.raises(UsageError, match="would replace an input"):
            require_output(tmp_path / "link", inputs=[tmp_path / "input"])

    def test_a_link_that_came_with_a_run_folder_is_replaced(
        self, aecli: Run, train: Callable[..., Path], tmp_path: Path
    ) -> None:
        run, precious = train(tmp_path / "run", "--epochs", 1), tmp_path / "precious"
        precious.write_bytes(b"mine")
        (run / "detector.safetensors").symlink_to(precious)
        (run / "model.onnx").symlink_to(precious)
        assert aecli("export", run).status == 0
        (run / "model.onnx").unlink()
        assert aecli("calibrate", "--model", run, "--normal", "digits:test").status == 0
        assert precious.read_bytes() == b"mine"
        assert not (run / "detector.safetensors").is_symlink()

    @pytest.mark.parametrize("device", ["/dev/null", "/dev/stdout", "fifo"])
    def test_what_is_no_file_is_never_replaced(self, device: str, tmp_path: Path) -> None:
        if device == "fifo":
            os.mkfifo(tmp_path / device)
        if not (tmp_path / device).exists() or (tmp_path / device).is_file():
            pytest.skip("not here")
        with pytest.raises(UsageError, match="not a regular file"):
            require_output(tmp_path / device)


@pytest.mark.skipif(os.name != "posix", reason="modes")
def test_a_folder_that_can_be_written_but_not_read_is_enough(tmp_path: Path) -> None:
    folder = tmp_path / "blind"
    folder.mkdir()
    folder.chmod(0o333)
    try:
        require_folder(folder)
        with atomic_write(folder / "file") as file:
            file.write(b"new")
    except UnavailableError as error:
        pytest.fail(error.message)
    finally:
        folder.chmod(0o755)
    assert (folder / "file").read_bytes() == b"new"
