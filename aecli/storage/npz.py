"""An `.npz` file of anyone, read without trusting it: plain arrays alone, and no more memory than there may be."""

import os
import sys
import warnings
import zipfile
from collections.abc import Container, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from aecli.errors import UnavailableError
from aecli.storage.limits import require_likely, require_memory

SUFFIX, NPY_MAGIC = ".npy", b"\x93NUMPY"


@contextmanager
def quiet() -> Iterator[None]:
    """Keep numpy's and Python's warnings on a damaged header off the console: what matters of them is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class Everything(Container[str]):
    """All keys."""

    def __contains__(self, key: object) -> bool:
        return True


def read_npz(file: IO[bytes], path: Path, keys: Container[str] = Everything()) -> dict[str, NDArray[Any]]:
    """Return those arrays of an archive that are called by one of `keys`; `path` is named in errors.

    Raises:
        ValueError: it is no such archive, is damaged, holds pickled objects or is a bomb; says what, in a few words.
        UnavailableError: there is not enough memory for its arrays.
    """
    arrays = {}
    try:
        if file.read(len(NPY_MAGIC)) == NPY_MAGIC:
            raise ValueError("one bare array")
        with quiet(), zipfile.ZipFile(file) as archive:
            members = [member for member in archive.infolist() if member.filename.endswith(SUFFIX)]
            wanted = [member for member in members if member.filename.removesuffix(SUFFIX) in keys]
            _require_room(sum(member.file_size for member in wanted), file.seek(0, os.SEEK_END), path)
            for member in wanted:
                with archive.open(member) as content:
                    array = np.lib.format.read_array(content, allow_pickle=False)
                    arrays[member.filename.removesuffix(SUFFIX)] = _require_text(array)
    except UnavailableError:
        raise
    except Exception as error:  # zipfile, zlib and numpy raise whatever a damaged file leads them to
        raise ValueError(_reason(error)) from error
    return arrays


def _require_text(array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype.kind == "U" and array.size:
        points = np.frombuffer(array.tobytes(), f"{array.dtype.str[0]}u4")  # numpy keeps text as UTF-32
        if points.max(initial=0) > sys.maxunicode:
            raise ValueError("text with characters that there are not")
    return array


def _require_room(needed: int, size: int, path: Path) -> None:
    require_likely(needed, size)
    require_memory(needed, str(path), "save the images as uint8 in a .npy file: a large one is not read into memory")


def _reason(error: Exception) -> str:
    said = str(error).splitlines()[0] if str(error) else ""
    if "allow_pickle" in said or "pickle" in said or "Python objects" in said:
        return "it holds pickled objects"
    if isinstance(error, MemoryError):
        return "an array is too large"
    return said or "cut off"
