"""Temporary files: which process owns them, and when they are removed."""

import os
import platform
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aecli.errors import UnavailableError, UsageError
from aecli.storage import locks, partial_files
from aecli.storage.atomic import atomic_write
from aecli.storage.partial_files import remove_abandoned, unfinished_file, unfinished_folder
from aecli.storage.paths import require_folder, require_output
from tests.command_line import Run

MAKERS = (unfinished_file, unfinished_folder)


@pytest.fixture(params=MAKERS, ids=lambda make: make.__name__)
def leftover(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A temporary file or folder that a killed process left beside `target`."""
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


def test_the_next_process_removes_leftovers_of_a_killed_process(leftover: Path) -> None:
    require_folder(leftover.parent)
    assert not leftover.exists()


@pytest.mark.parametrize("make", MAKERS)
def test_files_of_a_running_process_are_not_removed(make: Callable[..., Any], tmp_path: Path) -> None:
    with make(tmp_path / "target") as path:
        remove_abandoned(tmp_path)
        assert path.exists()
        path.rename(tmp_path / "target")
    assert [each.name for each in tmp_path.iterdir()] == ["target"]


def test_leftovers_of_another_machine_are_removed_after_a_day(leftover: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "node", lambda: "another")
    remove_abandoned(leftover.parent)
    assert leftover.exists()
    for path in (*leftover.glob("*"), leftover):
        os.utime(path, (time.time() - 2 * partial_files.ABANDONED_SECONDS,) * 2)
    remove_abandoned(leftover.parent)
    assert not leftover.exists()


def test_leftovers_are_kept_for_a_day_without_locks(leftover: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "_lock", lambda descriptor, path: None)
    remove_abandoned(leftover.parent)
    assert leftover.exists()
    with atomic_write(leftover.parent / "target") as file:
        file.write(b"new")
    assert (leftover.parent / "target").read_bytes() == b"new"


def test_a_file_that_was_removed_as_abandoned_before_it_was_locked_is_created_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, removed = Path.touch, list[Path]()

    def touch_and_remove(path: Path, **options: bool) -> None:
        real(path, **options)
        if not removed:
            removed.append(path)
            remove_abandoned(tmp_path)

    monkeypatch.setattr(Path, "touch", touch_and_remove)
    with atomic_write(tmp_path / "target") as file:
        file.write(b"new")
    assert removed
    assert (tmp_path / "target").read_bytes() == b"new"


@pytest.mark.parametrize("name", [".target.part", ".target.0123abcd.part", "target.01234567-01234567.part", ".x.swp"])
def test_similar_names_of_other_programs_stay(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"someone's")
    require_folder(tmp_path)
    assert (tmp_path / name).exists()


@pytest.mark.parametrize("name", ["é" * 127, "x" * 255, "a\nb", "\udcff.png"], ids=ascii)
def test_all_names_that_the_system_allows_can_be_written(name: str, tmp_path: Path) -> None:
    with atomic_write(tmp_path / name) as file:
        file.write(b"new")
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.skipif(os.name != "posix", reason="modes")
@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_modes_follow_the_umask(mask: int, tmp_path: Path) -> None:
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
    @pytest.mark.parametrize("exists", [True, False], ids=["file", "dangling"])
    def test_a_link_given_as_output_is_followed(
        self, exists: bool, aecli: Run, codes_file: Path, conv_run: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "far").mkdir()
        real, link = tmp_path / "far" / "grid.png", tmp_path / "link.png"
        link.symlink_to(real)
        if exists:
            real.write_bytes(b"old")
        result = aecli("decode", codes_file, "--model", conv_run, "-o", link)
        assert result.status == 0, result.err
        assert link.is_symlink()
        assert real.read_bytes().startswith(b"\x89PNG")
        assert [path.name for path in (tmp_path / "far").iterdir()] == ["grid.png"]

    def test_a_link_to_a_file_with_another_suffix_is_refused(
        self, aecli: Run, codes_file: Path, conv_run: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "link.png").symlink_to(tmp_path / "target.npz")
        result = aecli("decode", codes_file, "--model", conv_run, "-o", tmp_path / "link.png")
        assert result.status == 2
        assert "link" in result.err

    def test_a_link_to_an_input_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "input").write_bytes(b"input")
        (tmp_path / "link").symlink_to(tmp_path / "input")
        with pytest.raises(UsageError, match="input"):
            require_output(tmp_path / "link", inputs=[tmp_path / "input"])

    @pytest.mark.slow
    def test_links_in_a_run_folder_are_replaced_rather_than_followed(
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
    def test_devices_and_pipes_are_never_replaced(self, device: str, tmp_path: Path) -> None:
        if device == "fifo":
            os.mkfifo(tmp_path / device)
        if not (tmp_path / device).exists() or (tmp_path / device).is_file():
            pytest.skip("not available")
        with pytest.raises(UsageError, match="not a regular file"):
            require_output(tmp_path / device)


@pytest.mark.skipif(os.name != "posix", reason="modes")
def test_files_can_be_written_into_an_unreadable_folder(tmp_path: Path) -> None:
    folder = tmp_path / "unreadable"
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
