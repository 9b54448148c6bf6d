"""Sets larger than the memory budget are decoded once, then memory-mapped."""

import errno
import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from numpy.typing import NDArray

from aecli.data import DataOptions, cache, decoding, encoded, image_files, load
from aecli.data.conversion import Conversion
from aecli.data.conversion_summary import ConversionReport
from aecli.data.encoded import EncodedImage, FileOnDisk, UnreadableImageError
from aecli.data.image_files import ConvertedImage
from aecli.data.levels import Levels
from aecli.errors import ExitStatus, InputError, UnavailableError
from aecli.storage.sized_reader import SizedReader, open_sized
from tests.data.image_sets import Draw, labels_of

SMALL = DataOptions(memory_budget=100)


@pytest.fixture
def folder(tmp_path: Path, draw: Draw) -> Path:
    for index in range(10):
        draw(tmp_path / "set" / "ab"[index % 2] / f"{index}.png", index)
    return tmp_path / "set"


@pytest.fixture
def no_decoding(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    def forbidden(file: EncodedImage, conversion: Conversion) -> NoReturn:
        raise AssertionError("decoded again")

    return lambda: monkeypatch.setattr(decoding, "decode", forbidden)


def entries(root: Path) -> list[Path]:
    return sorted((root / "cache" / "decoded").iterdir())


def test_a_small_set_stays_in_memory(folder: Path, user_folders: Path) -> None:
    images = load(str(folder))
    assert not isinstance(images.images, np.memmap)
    assert not (user_folders / "cache").exists()


def test_a_large_set_is_mapped_and_equal(folder: Path, user_folders: Path, no_decoding: Callable[[], None]) -> None:
    in_memory = load(str(folder))
    mapped = load(str(folder), SMALL)
    assert isinstance(mapped.images, np.memmap)
    assert not mapped.images.flags.writeable
    np.testing.assert_array_equal(mapped.images, in_memory.images)
    assert mapped.known_fingerprint == mapped.fingerprint == in_memory.fingerprint
    assert labels_of(mapped) == labels_of(in_memory)
    assert len(entries(user_folders)) == 1
    no_decoding()
    again = load(str(folder), SMALL)
    np.testing.assert_array_equal(again.images, in_memory.images)
    assert again.known_fingerprint == in_memory.fingerprint
    other_labels = load(str(folder), DataOptions(memory_budget=100, labels_from="none"))
    assert other_labels.fingerprint != in_memory.fingerprint


def test_shape_and_modification_time_are_part_of_the_key(folder: Path, user_folders: Path) -> None:
    load(str(folder), SMALL)
    load(str(folder), SMALL, conversion=Conversion((3, 4, 4)))
    assert len(entries(user_folders)) == 2
    os.utime(folder / "a" / "0.png", ns=(1, 1))
    load(str(folder), SMALL)
    assert len(entries(user_folders)) == 3


def test_notes_and_failures_are_cached(folder: Path, no_decoding: Callable[[], None]) -> None:
    (folder / "a" / "2.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"2\.png"):
        load(str(folder), SMALL, conversion=Conversion((1, 4, 4)))
    first = load(str(folder), SMALL, conversion=Conversion((1, 4, 4)), skip_damaged=True)
    assert len(first) == 9
    no_decoding()
    again = load(str(folder), SMALL, conversion=Conversion((1, 4, 4)), skip_damaged=True)
    assert (again.failures, again.notes, again.names.tolist()) == (first.failures, first.notes, first.names.tolist())
    assert "9 images" in again.notes[0]
    assert again.fingerprint == first.fingerprint
    with pytest.raises(InputError, match=r"2\.png"):
        load(str(folder), SMALL, conversion=Conversion((1, 4, 4)))


def test_what_the_system_did_not_read_is_read_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch, no_decoding: Callable[[], None]
) -> None:
    def failing(path: Path) -> SizedReader:
        if path.name == "2.png":
            raise OSError(errno.EIO, "Input/output error")
        return open_sized(path)

    monkeypatch.setattr(encoded, "open_sized", failing)
    for _ in range(2):
        assert [failure.name for failure in load(str(folder), SMALL, skip_damaged=True).failures] == ["a/2.png"]
    monkeypatch.setattr(encoded, "open_sized", open_sized)
    assert load(str(folder), SMALL, skip_damaged=True).failures == ()
    no_decoding()
    assert len(load(str(folder), SMALL)) == 10


def test_the_state_of_a_file_changes_with_its_permissions(folder: Path) -> None:
    path = folder / "a" / "2.png"
    before = FileOnDisk(path).state()
    time.sleep(0.05)  # some systems count time in hundredths of a second
    path.chmod(0o600)
    assert FileOnDisk(path).state() != before


@pytest.mark.parametrize(
    ("number", "is_temporary"),
    [(errno.EIO, True), (errno.EACCES, False), (errno.ENOENT, False), (errno.EINVAL, False), (None, False)],
)
def test_errors_that_may_pass(number: int | None, *, is_temporary: bool) -> None:
    error = UnreadableImageError("a.png", "damaged")
    error.__cause__ = ValueError()
    error.__cause__.__cause__ = OSError("truncated") if number is None else OSError(number, "")
    assert error.is_temporary is is_temporary


def test_an_interrupted_run_leaves_no_entry(folder: Path, user_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = image_files.decode
    calls: list[EncodedImage] = []

    def killed(file: EncodedImage, conversion: Conversion) -> ConvertedImage:
        calls.append(file)
        if len(calls) > 4:
            raise KeyboardInterrupt
        return real(file, conversion)

    monkeypatch.setattr(decoding, "decode", killed)
    with pytest.raises(KeyboardInterrupt):
        load(str(folder), SMALL)
    monkeypatch.setattr(decoding, "decode", real)
    assert entries(user_folders) == []
    assert len(load(str(folder), SMALL)) == 10


@pytest.mark.parametrize("damage", ["short images", "no about", "broken about", "empty"])
def test_a_damaged_entry_is_replaced(folder: Path, user_folders: Path, damage: str) -> None:
    expected = load(str(folder), SMALL).fingerprint
    entry = entries(user_folders)[0]
    if damage == "short images":
        (entry / "images.npy").write_bytes((entry / "images.npy").read_bytes()[:-10])
    elif damage == "no about":
        (entry / "about.json").unlink()
    elif damage == "broken about":
        (entry / "about.json").write_text("{")
    else:
        (entry / "about.json").unlink()
        (entry / "images.npy").unlink()
    images = load(str(folder), SMALL)
    assert images.fingerprint == expected
    assert entries(user_folders) == [entry]


def test_the_remains_of_a_killed_run_are_removed_by_the_next(folder: Path, user_folders: Path) -> None:
    code = (
        "import os, sys\n"
        "from aecli.data import DataOptions, decoding, load\n"
        "decoding.decode = lambda path, shape: os._exit(0)\n"
        "load(sys.argv[1], DataOptions(memory_budget=100))\n"
    )
    subprocess.run([sys.executable, "-c", code, folder], check=True)
    (remains,) = entries(user_folders)
    assert remains.suffix == ".part"
    load(str(folder), SMALL)
    (entry,) = entries(user_folders)
    assert entry.suffix == ""


def test_the_permissions_of_an_entry_follow_the_umask(folder: Path, user_folders: Path) -> None:
    load(str(folder), SMALL)
    (entry,) = entries(user_folders)
    assert stat.S_IMODE(entry.stat().st_mode) == stat.S_IMODE(entry.parent.stat().st_mode)


def test_two_writers_of_one_entry_do_not_disturb_each_other(folder: Path, user_folders: Path) -> None:
    files = [FileOnDisk(path) for path in sorted(folder.rglob("*.png"))]
    entry = cache.Entry.of(files, Conversion((1, 6, 8)))
    report = ConversionReport([], [], (1, 6, 8), Levels(0, 4095))
    with entry.writer(480, (1, 6, 8)) as first, entry.writer(480, (1, 6, 8)) as second:
        for writer in (first, second):
            for index in range(3):
                writer.append(np.full((1, 6, 8), index, np.uint8))
        one = first.finish(report, (), b"digest")
        two = second.finish(report, (), b"digest")
    np.testing.assert_array_equal(one.images, two.images)
    assert one.images.shape == (3, 1, 6, 8)
    assert entries(user_folders) == [entry.folder]
    assert one.report == report


def test_a_full_disk_is_an_error_with_a_hint(folder: Path, monkeypatch: pytest.MonkeyPatch, user_folders: Path) -> None:
    def full(writer: cache.EntryWriter, pixels: NDArray[np.uint8]) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(cache.EntryWriter, "append", full)
    with pytest.raises(UnavailableError, match="space") as caught:
        load(str(folder), SMALL)
    assert caught.value.status is ExitStatus.UNAVAILABLE
    assert "AECLI_CACHE" in str(caught.value.hint)
    assert entries(user_folders) == []


def test_a_disk_that_is_too_small_is_an_error_before_decoding(
    folder: Path, monkeypatch: pytest.MonkeyPatch, no_decoding: Callable[[], None]
) -> None:
    no_decoding()
    monkeypatch.setattr(shutil, "disk_usage", lambda path: type("Usage", (), {"free": 10}))
    with pytest.raises(UnavailableError, match="GB"):
        load(str(folder), SMALL)
