"""Sets larger than the memory budget: decoded once, then memory-mapped."""

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from aecli.data import DataOptions, cache, decoding, load
from aecli.errors import ExitStatus, InputError, UnavailableError

SMALL = DataOptions(memory_budget=100)


@pytest.fixture
def folder(tmp_path: Path, draw):
    for index in range(10):
        draw(tmp_path / "set" / "ab"[index % 2] / f"{index}.png", index)
    return tmp_path / "set"


@pytest.fixture
def no_decoding(monkeypatch: pytest.MonkeyPatch):
    def forbidden(*args, **kwargs):
        raise AssertionError("decoded again")

    return lambda: monkeypatch.setattr(decoding, "decode", forbidden)


def entries(root):
    return sorted((root / "cache" / "decoded").iterdir())


def test_a_small_set_stays_in_memory(folder: Path, own_folders) -> None:
    images = load(str(folder))
    assert not isinstance(images.images, np.memmap)
    assert not (own_folders / "cache").exists()


def test_a_large_set_is_mapped_and_equal(folder: Path, own_folders, no_decoding) -> None:
    in_memory = load(str(folder))
    mapped = load(str(folder), SMALL)
    assert isinstance(mapped.images, np.memmap)
    assert not mapped.images.flags.writeable
    np.testing.assert_array_equal(mapped.images, in_memory.images)
    assert mapped.known_fingerprint == mapped.fingerprint == in_memory.fingerprint
    assert mapped.labels.tolist() == in_memory.labels.tolist()
    assert len(entries(own_folders)) == 1
    no_decoding()
    again = load(str(folder), SMALL)
    np.testing.assert_array_equal(again.images, in_memory.images)
    assert again.known_fingerprint == in_memory.fingerprint
    other_labels = load(str(folder), DataOptions(memory_budget=100, labels_from="none"))
    assert other_labels.fingerprint != in_memory.fingerprint


def test_another_shape_or_time_is_another_entry(folder: Path, own_folders) -> None:
    load(str(folder), SMALL)
    load(str(folder), SMALL, image_shape=(3, 4, 4))
    assert len(entries(own_folders)) == 2
    os.utime(folder / "a" / "0.png", ns=(1, 1))
    load(str(folder), SMALL)
    assert len(entries(own_folders)) == 3


def test_notes_and_failures_are_kept(folder: Path, no_decoding) -> None:
    (folder / "a" / "2.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"2\.png: picture is empty"):
        load(str(folder), SMALL, image_shape=(1, 4, 4))
    first = load(str(folder), SMALL, image_shape=(1, 4, 4), skip_damaged=True)
    assert len(first) == 9
    no_decoding()
    again = load(str(folder), SMALL, image_shape=(1, 4, 4), skip_damaged=True)
    assert (again.failures, again.notes, again.names.tolist()) == (first.failures, first.notes, first.names.tolist())
    assert again.notes[0] == "9 images resized from 8x6 to 4x4 pixels"
    assert again.fingerprint == first.fingerprint
    with pytest.raises(InputError, match=r"2\.png: picture is empty"):
        load(str(folder), SMALL, image_shape=(1, 4, 4))


def test_a_run_that_stops_leaves_nothing_that_is_taken_as_good(
    folder: Path, own_folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = decoding.decode, []

    def killed(path, shape):
        calls.append(path)
        if len(calls) > 4:
            raise KeyboardInterrupt
        return real(path, shape)

    monkeypatch.setattr(decoding, "decode", killed)
    with pytest.raises(KeyboardInterrupt):
        load(str(folder), SMALL)
    monkeypatch.setattr(decoding, "decode", real)
    assert entries(own_folders) == []
    assert len(load(str(folder), SMALL)) == 10


@pytest.mark.parametrize("damage", ["short images", "no about", "broken about", "empty"])
def test_a_damaged_entry_is_made_again(folder: Path, own_folders, damage) -> None:
    expected = load(str(folder), SMALL).fingerprint
    entry = entries(own_folders)[0]
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
    assert entries(own_folders) == [entry]


def test_what_a_killed_run_left_is_removed_by_the_next(folder: Path, own_folders) -> None:
    code = (
        "import os, sys\n"
        "from aecli.data import DataOptions, decoding, load\n"
        "decoding.decode = lambda path, shape: os._exit(0)\n"
        "load(sys.argv[1], DataOptions(memory_budget=100))\n"
    )
    subprocess.run([sys.executable, "-c", code, folder], check=True)
    (left,) = entries(own_folders)
    assert left.suffix == ".part"
    load(str(folder), SMALL)
    (entry,) = entries(own_folders)
    assert entry.suffix == ""


def test_an_entry_can_be_read_by_those_whom_the_umask_lets(folder: Path, own_folders) -> None:
    load(str(folder), SMALL)
    (entry,) = entries(own_folders)
    assert stat.S_IMODE(entry.stat().st_mode) == stat.S_IMODE(entry.parent.stat().st_mode)


def test_two_builders_of_one_entry_do_not_disturb_each_other(folder: Path, own_folders) -> None:
    paths = sorted(folder.rglob("*.png"))
    entry = cache.Entry.of(paths, (1, 6, 8))
    with entry.building(480, (1, 6, 8)) as first, entry.building(480, (1, 6, 8)) as second:
        for building in (first, second):
            for index in range(3):
                building.append(np.full((1, 6, 8), index, np.uint8))
        one = first.finish((), (), b"digest")
        two = second.finish((), (), b"digest")
    np.testing.assert_array_equal(one.images, two.images)
    assert one.images.shape == (3, 1, 6, 8)
    assert entries(own_folders) == [entry.folder]


def test_a_full_disk_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch, own_folders) -> None:
    def full(self, pixels):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(cache.Building, "append", full)
    with pytest.raises(UnavailableError, match="no space left") as caught:
        load(str(folder), SMALL)
    assert caught.value.status is ExitStatus.UNAVAILABLE
    assert "AECLI_CACHE" in caught.value.hint
    assert entries(own_folders) == []


def test_a_disk_that_is_too_small_is_seen_before_decoding(
    folder: Path, monkeypatch: pytest.MonkeyPatch, no_decoding
) -> None:
    monkeypatch.setattr(cache.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 10}))
    with pytest.raises(UnavailableError, match="decoded pictures need"):
        load(str(folder), SMALL)
