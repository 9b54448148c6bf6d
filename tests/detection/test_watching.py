"""A watched folder: files are found once each, when they are complete, and again if their content changes."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from aecli.detection import watching
from aecli.detection.watching import FolderWatch
from aecli.errors import InputError


@pytest.fixture
def watch(tmp_path: Path) -> FolderWatch:
    return FolderWatch(tmp_path)


@pytest.fixture
def arrived(watch: FolderWatch, tmp_path: Path) -> Callable[[], list[str]]:
    """Return a function that scans the folder, and returns the relative paths of the files to judge."""

    def scan() -> list[str]:
        return [os.path.relpath(path, tmp_path) for path in watch.scan() if watch.is_new(path)]

    return scan


Arrived = Callable[[], list[str]]


def write(path: Path, content: bytes, at: int) -> None:
    """Write a file with a modification time in seconds."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (at, at))


def test_a_file_is_found_once_when_it_did_not_change_for_a_scan(arrived: Arrived, tmp_path: Path) -> None:
    assert arrived() == []
    write(tmp_path / "a.png", b"1", at=1)
    assert arrived() == []
    write(tmp_path / "a.png", b"12", at=2)  # it grows
    assert arrived() == []
    write(tmp_path / "a.png", b"34", at=3)
    assert arrived() == []
    assert arrived() == ["a.png"]
    assert arrived() == arrived() == []


def test_files_are_found_in_the_order_of_their_times_also_below_the_folder(arrived: Arrived, tmp_path: Path) -> None:
    write(tmp_path / "b" / "1.jpg", b"1", at=3)
    write(tmp_path / "a" / "2.TIF", b"2", at=1)
    write(tmp_path / "3.png", b"3", at=2)
    arrived()
    assert arrived() == ["a/2.TIF", "3.png", "b/1.jpg"]


@pytest.mark.parametrize("name", [".hidden.png", "a.png.part", "notes.txt", ".thumbnails/a.png"])
def test_hidden_files_and_other_kinds_are_not_found(name: str, arrived: Arrived, tmp_path: Path) -> None:
    write(tmp_path / name, b"1", at=1)
    assert arrived() == arrived() == []


def test_a_renamed_file_is_found_under_its_new_name(arrived: Arrived, tmp_path: Path) -> None:
    write(tmp_path / ".a.png", b"1", at=1)
    arrived()
    (tmp_path / ".a.png").rename(tmp_path / "a.png")
    assert arrived() == []
    assert arrived() == ["a.png"]


def test_other_content_is_found_again_but_not_a_touched_file(arrived: Arrived, tmp_path: Path) -> None:
    write(tmp_path / "a.png", b"1", at=1)
    arrived()
    assert arrived() == ["a.png"]
    os.utime(tmp_path / "a.png", (2, 2))
    assert arrived() == arrived() == arrived() == []
    write(tmp_path / "a.png", b"2", at=3)
    assert arrived() == []
    assert arrived() == ["a.png"]


def test_a_file_may_vanish_at_any_time_and_come_back(arrived: Arrived, watch: FolderWatch, tmp_path: Path) -> None:
    write(tmp_path / "a" / "1.png", b"1", at=1)
    arrived()
    (path,) = watch.scan()
    shutil.rmtree(tmp_path / "a")
    assert not watch.is_new(path)
    assert arrived() == []
    write(tmp_path / "a" / "1.png", b"1", at=1)
    assert arrived() == []
    assert arrived() == ["a/1.png"]


def test_what_is_known_of_vanished_files_is_forgotten(arrived: Arrived, watch: FolderWatch, tmp_path: Path) -> None:
    for index in range(20):
        write(tmp_path / f"{index}.png", b"1", at=1)
        arrived()
        assert arrived() == [f"{index}.png"]
        (tmp_path / f"{index}.png").unlink()
    arrived()
    assert not watch._known


@pytest.mark.skipif(os.name != "posix", reason="symbolic links")
def test_links_to_a_folder_above_end(arrived: Arrived, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    write(tmp_path / "a" / "1.png", b"1", at=1)
    arrived()
    assert arrived() == ["a/1.png"]


def test_the_folder_itself_must_exist(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none"):
        FolderWatch(tmp_path / "none").scan()


def test_long_scans_are_rare(watch: FolderWatch, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write(tmp_path / "a.png", b"1", at=1)
    clock, rests = iter([0.0, 0.001, 10.0, 11.0]), list[float]()

    def rest(seconds: float) -> None:
        rests.append(seconds)
        if len(rests) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(time, "sleep", rest)
    arrivals = watch.arrivals()
    assert next(arrivals) == [str(tmp_path / "a.png")]
    with pytest.raises(KeyboardInterrupt):
        next(arrivals)
    assert rests == [watching.SECONDS_BETWEEN_SCANS, watching.REST_PER_SCAN]


def test_a_file_is_scored_again_once_it_can_be_read(
    arrived: Arrived, watch: FolderWatch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "a.png", b"1", at=1)
    with monkeypatch.context() as patch:
        patch.setattr(watching, "_digest", lambda path: b"")  # its permissions forbid to read it
        arrived()
        assert arrived() == ["a.png"]
        assert arrived() == arrived() == []
    (tmp_path / "a.png").chmod(0o600)
    arrived()
    assert arrived() == ["a.png"]


def test_a_folder_that_cannot_be_read_is_reported_once_and_its_files_stay_known(
    arrived: Arrived, watch: FolderWatch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "a" / "1.png", b"1", at=1)
    arrived()
    assert arrived() == ["a/1.png"]
    scandir = os.scandir

    def refuse(path: str) -> object:
        if path == str(tmp_path / "a"):
            raise OSError(5, "Input/output error")
        return scandir(path)

    for _ in range(2):
        with monkeypatch.context() as patch:
            patch.setattr("aecli.detection.watching.os.scandir", refuse)
            assert arrived() == arrived() == []
            (failure,) = watch.new_failures()
            assert failure.name == str(tmp_path / "a")
            assert "input/output error" in failure.reason
            arrived()
            assert not watch.new_failures()
        assert arrived() == arrived() == []


def test_images_of_formats_that_are_not_read_are_found(arrived: Arrived, tmp_path: Path) -> None:
    """They are failures, and not passed over in silence."""
    write(tmp_path / "a.dng", b"1", at=1)
    arrived()
    assert arrived() == ["a.dng"]
