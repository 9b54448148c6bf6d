"""Read untrusted `.npz` files: plain arrays only, and no more memory than is available."""

import math
import os
import sys
import warnings
import zipfile
from collections.abc import Collection, Container, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from aecli.errors import UnavailableError
from aecli.storage.limits import refuse_bomb, require_memory

SUFFIX, NPY_MAGIC = ".npy", b"\x93NUMPY"


@contextmanager
def ignore_warnings() -> Iterator[None]:
    """Suppress the warnings of numpy and Python about damaged headers; serious damage raises an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class _AllKeys(Container[str]):
    def __contains__(self, key: object) -> bool:
        return True


ALL_KEYS = _AllKeys()


def has_arrays(path: Path, names: Collection[str]) -> bool | None:
    """Return whether an archive holds arrays of these names; None for a damaged archive, another file or a pipe."""
    try:
        if not path.is_file():  # opening a pipe would wait
            return None
        with zipfile.ZipFile(path) as archive:
            return {f"{name}{SUFFIX}" for name in names} <= set(archive.namelist())
    except Exception:  # zipfile raises arbitrary exceptions on damaged files
        return None


def read_npz(file: IO[bytes], path: Path, keys: Container[str] = ALL_KEYS) -> dict[str, NDArray[Any]]:
    """Return the arrays of an archive whose names are in `keys`; errors name `path`.

    Raises:
        ValueError: the archive is damaged, contains pickled objects or is a decompression bomb; a short reason.
        UnavailableError: there is not enough memory for the arrays.
    """
    arrays = {}
    try:
        if file.read(len(NPY_MAGIC)) == NPY_MAGIC:
            raise ValueError("one bare array")
        with ignore_warnings(), zipfile.ZipFile(file) as archive:
            members = [member for member in archive.infolist() if member.filename.endswith(SUFFIX)]
            wanted = [member for member in members if member.filename.removesuffix(SUFFIX) in keys]
            _require_room(sum(member.file_size for member in wanted), file.seek(0, os.SEEK_END), path)
            for member in wanted:
                with archive.open(member) as content:
                    _require_complete(content, member.file_size)
                with archive.open(member) as content:
                    array = np.lib.format.read_array(content, allow_pickle=False)
                    arrays[member.filename.removesuffix(SUFFIX)] = _require_unicode(array)
    except UnavailableError:
        raise
    except Exception as error:  # zipfile, zlib and numpy raise many types for damaged files
        raise ValueError(_reason(error)) from error
    return arrays


def _require_complete(content: IO[bytes], size: int) -> None:
    """Check that an array needs no more bytes than its member of the archive has, before memory is allocated."""
    major, _ = np.lib.format.read_magic(content)
    read_header = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
    shape, _, dtype = read_header(content)
    if math.prod(shape) * dtype.itemsize > size:
        raise ValueError("cut off")


def _require_unicode(array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype.kind == "U" and array.size:
        points = np.frombuffer(array.tobytes(), f"{array.dtype.str[0]}u4")  # numpy stores text as UTF-32
        if points.max(initial=0) > sys.maxunicode:
            raise ValueError("text with invalid characters")
    return array


def _require_room(unpacked: int, compressed: int, path: Path) -> None:
    refuse_bomb(unpacked, compressed)
    require_memory(unpacked, str(path), "save the images as uint8 in a .npy file, which is memory-mapped if large")


def _reason(error: Exception) -> str:
    message = str(error).splitlines()[0] if str(error) else ""
    if "allow_pickle" in message or "pickle" in message or "Python objects" in message:
        return "it holds pickled objects"
    if isinstance(error, MemoryError):
        return "an array is too large"
    return message or "cut off"
