"""Inputs exist and are what they claim; outputs appear whole or not at all; fingerprints."""

import errno
import os
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import IO

from aecli.errors import InputError, UnavailableError, UsageError
from aecli.storage.partial_files import remove_abandoned

STANDARD_STREAM = Path("-")
MOST_NAME = 200
"""Bytes that a name of ours takes from another: with what is added to it, all file systems have room for it."""


def is_stream(path: Path) -> bool:
    """Tell whether `path` is `-`, the word for standard input or output."""
    return path == STANDARD_STREAM


def require_file(path: Path, what: str) -> Path:
    """Return `path` if it is a readable regular file that is not empty, or `-`.

    Raises:
        InputError: it is missing, a folder, something that is no file, unreadable or empty.
    """
    if is_stream(path):
        return path
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        raise InputError(f"no such {what}: {path}", hint="check the path") from error
    if path.is_dir():
        raise InputError(f"{what} is a folder: {path}", hint="name a file in it")
    if not path.is_file():
        raise InputError(f"{what} is not a regular file: {path}", hint="a pipe is read as - where a command takes it")
    if not os.access(path, os.R_OK):
        raise InputError(f"{what} cannot be read: {path}", hint="check its permissions")
    if status.st_size == 0:
        raise InputError(f"{what} is empty: {path}", hint="make it again: its writer was probably cut off")
    return path


@contextmanager
def reading(path: Path, magic: bytes = b"", most: int = -1) -> Iterator[IO[bytes]]:
    """Open the file, or standard input for `-`, for reading with seeks.

    Of standard input, which may have no end, no more is read than `most` bytes where that is not below 0, and next to
    nothing where it does not begin with `magic`.
    """
    if is_stream(path):
        begin = sys.stdin.buffer.read(len(magic))
        yield BytesIO(begin + sys.stdin.buffer.read(most) if begin == magic else begin)
    else:
        with path.open("rb") as file:
            yield file


def require_output(path: Path, *, inputs: Iterable[Path] = (), suffixes: Iterable[str] = ()) -> Path:
    """Return the file to write, `path` or what it links to, if one can be made there; make its folder.

    So a long run does not end in vain. `inputs` are the files that the same call reads: none of them may be replaced.
    `suffixes` are the file name endings that the writer knows, all where empty.

    Raises:
        UsageError: it would replace an input or something that is no file, or its suffix is none of `suffixes`.
        UnavailableError: no file can be made there.
    """
    if is_stream(path):
        if sys.stdout.isatty():
            raise UsageError("the output is not for a terminal", hint="pipe it on, or name a file with -o")
        return path
    suffixes = tuple(suffixes)
    if suffixes and path.suffix.lower() not in suffixes:
        raise UsageError(f"output must end in {' or '.join(suffixes)}: {path}")
    if path.is_dir():
        raise UsageError(f"output is a folder: {path}", hint=f"name a file, such as {path / 'output'}")
    if path.exists() and not path.is_file():
        raise UsageError(f"output is not a regular file: {path}", hint="write to standard output: -o -")
    require_no_input(path, inputs)
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    require_folder(target.parent)
    return target


def require_no_input(path: Path, inputs: Iterable[Path]) -> None:
    """See that the output `path` is none of the files that the same call reads, nor a picture in a folder of images.

    Raises:
        UsageError: it is.
    """
    for source in inputs:
        if path.suffix.lower() == ".png" and source.is_dir() and path.resolve().is_relative_to(source.resolve()):
            raise UsageError(f"output would lie among the images: {path}", hint="choose another folder")
        if not is_stream(source) and source.exists() and path.exists() and path.samefile(source):
            raise UsageError(f"output would replace an input: {path}", hint="choose another name with -o")


def require_folder(folder: Path) -> Path:
    """Return `folder` after making it where it is missing and seeing that files can be made in it.

    What killed processes left unfinished in it is removed.

    Raises:
        UnavailableError: it cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise unwritable(folder, error) from error
    remove_abandoned(folder)
    return folder


def plain_name(text: str, otherwise: str) -> str:
    """Return `text` in letters and digits, so that it names no folder and is as long as every file system allows.

    What is foreign to the names of files here is left out, and `otherwise` stands where nothing remains.
    """
    encoding = sys.getfilesystemencoding()
    letters = re.sub(r"[^\w.-]+", "_", text).encode(encoding, "ignore")
    return letters[-MOST_NAME:].decode(encoding, "ignore").strip("._-") or otherwise


def unwritable(path: Path, error: OSError) -> UnavailableError:
    """The error to raise where the system refused to write `path`."""
    reason = (error.strerror or str(error)).lower()
    hint = "free some space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "choose another place with -o"
    return UnavailableError(f"cannot write {path}: {reason}", hint=hint)


def short_names(paths: Sequence[Path]) -> list[str]:
    """Return the last part of each path, or as many of the last parts of all as tell them apart.

    Of the same path twice, that is all of it.
    """
    parts = [path.resolve().parts for path in paths]
    longest = max(map(len, parts))
    enough = next((count for count in range(1, longest) if _distinct(parts, count)), longest)
    return [str(Path(*each[-enough:])) for each in parts]


def _distinct(parts: Sequence[tuple[str, ...]], count: int) -> bool:
    return len({each[-count:] for each in parts}) == len(parts)
