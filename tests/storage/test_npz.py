"""An archive of anyone: plain arrays, or a reason in a few words, and never more memory than it may ask for."""

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from aecli.errors import UnavailableError
from aecli.storage.npz import read_npz

FORGED = Path("forged.npz")


def archive(**members: bytes) -> io.BytesIO:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in members.items():
            packed.writestr(f"{name}.npy", data)
    return content


def npy(array: object) -> bytes:
    content = io.BytesIO()
    np.save(content, array, allow_pickle=True)
    return content.getvalue()


def test_only_what_is_asked_for_is_read() -> None:
    content = archive(a=npy(np.arange(3)), b=b"no array", other=npy(np.array([{}], object)))
    content.seek(0)
    arrays = read_npz(content, FORGED, {"a"})
    assert list(arrays) == ["a"]
    assert np.array_equal(arrays["a"], np.arange(3))


@pytest.mark.parametrize(
    ("data", "said"),
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
def test_what_is_no_array_is_refused(data: bytes, said: str) -> None:
    content = archive(a=data)
    content.seek(0)
    with pytest.raises(ValueError, match=said) as caught:
        read_npz(content, FORGED)
    assert "\n" not in str(caught.value)


def claiming(size: int) -> io.BytesIO:
    """An archive of one small member that is said to unpack to `size` bytes."""
    content = archive(a=npy(np.zeros(1000)))
    data = content.getvalue()
    place = data.rindex(b"PK\x01\x02") + 24
    return io.BytesIO(data[:place] + struct.pack("<I", size) + data[place + 4 :])


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    with pytest.raises(ValueError, match=r"bytes that claim to unpack to 4,000,000,000"):
        read_npz(claiming(4_000_000_000), FORGED)


def test_what_is_larger_than_memory_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aecli.storage.limits.available_memory", lambda: 1000)
    with pytest.raises(UnavailableError, match=r"forged\.npz takes .* of memory"):
        read_npz(claiming(100_000), FORGED)
