"""Untrusted `.npz` files give plain arrays or a short reason, and never use more memory than allowed."""

import io
import os
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aecli.errors import UnavailableError
from aecli.storage.npz import has_arrays, read_npz

FORGED = Path("forged.npz")


def archive(**members: bytes) -> io.BytesIO:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in members.items():
            packed.writestr(f"{name}.npy", data)
    return content


def npy(array: Any) -> bytes:
    content = io.BytesIO()
    np.save(content, array, allow_pickle=True)
    return content.getvalue()


def test_only_requested_arrays_are_read() -> None:
    content = archive(a=npy(np.arange(3)), b=b"no array", other=npy(np.array([{}], object)))
    content.seek(0)
    arrays = read_npz(content, FORGED, {"a"})
    assert list(arrays) == ["a"]
    assert np.array_equal(arrays["a"], np.arange(3))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (npy(np.array([{}], object)), "pickled objects"),
        (b"", "."),
        (b"no array", "."),
        (npy(np.arange(3))[:-1], "."),
        (npy(np.arange(3)).replace(b"(3,)", b"('3',)"), "."),
        (npy(np.arange(3)).replace(b"(3,), }      ", b"(9" + b"9" * 11), "."),
        (npy(np.array(["a"])).replace(b"a\0\0\0", b"\xff\xff\xff\xff"), "characters"),
    ],
    ids=range(7),
)
def test_invalid_arrays_are_refused(data: bytes, reason: str) -> None:
    content = archive(a=data)
    content.seek(0)
    with pytest.raises(ValueError, match=reason) as caught:
        read_npz(content, FORGED)
    assert "\n" not in str(caught.value)


def test_arrays_are_found_by_name_without_reading_them(tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    path.write_bytes(archive(a=b"no array", b=b"").getvalue())
    assert has_arrays(path, ("a", "b"))
    assert has_arrays(path, ("a", "c")) is False


def test_only_whole_archives_have_arrays(tmp_path: Path) -> None:
    content = archive(a=npy(np.arange(3))).getvalue()
    (tmp_path / "cut.npz").write_bytes(content[:-9])
    (tmp_path / "folder.npz").mkdir()
    os.mkfifo(tmp_path / "pipe.npz")
    for name in ("cut.npz", "folder.npz", "pipe.npz", "none.npz", "a" * 300 + ".npz", "null\0.npz"):
        assert has_arrays(tmp_path / name, ("a",)) is None


def claiming(size: int) -> io.BytesIO:
    """Return an archive with one small member whose entry claims that it unpacks to `size` bytes."""
    content = archive(a=npy(np.zeros(1000)))
    data = content.getvalue()
    offset = data.rindex(b"PK\x01\x02") + 24
    return io.BytesIO(data[:offset] + struct.pack("<I", size) + data[offset + 4 :])


def test_decompression_bombs_are_refused() -> None:
    with pytest.raises(ValueError, match="unpack to 4,000,000,000"):
        read_npz(claiming(4_000_000_000), FORGED)


def test_arrays_larger_than_memory_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aecli.storage.limits.available_memory", lambda: 1000)
    with pytest.raises(UnavailableError, match=r"forged\.npz.*memory"):
        read_npz(claiming(100_000), FORGED)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_an_array_that_claims_more_than_its_member_holds_is_refused(version: tuple[int, int]) -> None:
    content = io.BytesIO()
    np.lib.format.write_array(content, np.zeros(4, "<U1"), version=version)
    forged = content.getvalue().replace(b"(4,), ", b"(9999999999,), ")[: len(content.getvalue())]
    with pytest.raises(ValueError, match="cut off"):
        read_npz(archive(class_names=forged), FORGED)
    assert read_npz(archive(class_names=content.getvalue()), FORGED)["class_names"].shape == (4,)
