"""Check input and output paths before the work starts, and shorten paths for display."""

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
MAX_NAME_BYTES = 200
"""Bytes that a file name takes from a text; file systems allow 255, including what is added to it."""


def is_stream(path: Path) -> bool:
    """Return whether `path` is `-`, which stands for standard input or output."""
    return path == STANDARD_STREAM


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry of a folder is a folder or a link to one; a link in a circle is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def require_file(path: Path, what: str) -> Path:
    """Return `path` if it is `-` or a readable, nonempty regular file; errors call it `what`.

    Raises:
        InputError: the file is missing, a folder, not a regular file, unreadable or empty.
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
        raise InputError(f"{what} is not a regular file: {path}", hint="commands that read pipes take - for them")
    if not os.access(path, os.R_OK):
        raise InputError(f"{what} cannot be read: {path}", hint="check its permissions")
    if status.st_size == 0:
        raise InputError(f"{what} is empty: {path}", hint="create it again; its program was probably interrupted")
    return path


@contextmanager
def reading(path: Path, magic: bytes = b"", most: int = -1) -> Iterator[IO[bytes]]:
    """Open a file, or standard input for `-`, as a seekable binary stream.

    Standard input may be endless: at most `most` bytes of it are read (all if negative), and only the first few if it
    does not start with `magic`.
    """
    if is_stream(path):
        start = sys.stdin.buffer.read(len(magic))
        yield BytesIO(start + sys.stdin.buffer.read(most) if start == magic else start)
    else:
        with path.open("rb") as file:
            yield file


def require_output(path: Path, *, inputs: Iterable[Path] = (), suffixes: Iterable[str] = ()) -> Path:
    """Check that the output file can be written and create its folder, so that errors come before long work.

    Args:
        path: The output file, or `-`.
        inputs: The files that the command reads, none of which may be replaced.
        suffixes: The file name suffixes that the writer supports; all if empty.

    Returns:
        The file to write: the target if `path` is a symbolic link.

    Raises:
        UsageError: the output would replace an input or something that is not a file, or its suffix is not supported.
        UnavailableError: the file cannot be written.
    """
    if is_stream(path):
        if sys.stdout.isatty():
            raise UsageError(
                "refusing to write binary output to a terminal", hint="pipe the output, or name a file with -o"
            )
        return path
    suffixes = tuple(suffixes)
    if suffixes and path.suffix.lower() not in suffixes:
        names = ", ".join(f"{path.stem}{suffix}" for suffix in suffixes)
        raise UsageError(f"output must end in {' or '.join(suffixes)}: {path}", hint=f"for example {names}")
    if path.is_dir():
        raise UsageError(f"output is a folder: {path}", hint=f"name a file, such as {path / 'output'}")
    if path.exists() and not path.is_file():
        raise UsageError(f"output is not a regular file: {path}", hint="write to standard output: -o -")
    require_no_input(path, inputs)
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    require_folder(target.parent)
    return target


def require_no_input(path: Path, inputs: Iterable[Path]) -> None:
    """Check that the output `path` is not one of `inputs`, nor an image in an input folder.

    Raises:
        UsageError: the output would replace an input, or lie in an input folder.
    """
    for source in inputs:
        if path.suffix.lower() == ".png" and source.is_dir() and path.resolve().is_relative_to(source.resolve()):
            raise UsageError(f"output would lie among the images: {path}", hint="choose another folder")
        if not is_stream(source) and source.exists() and path.exists() and path.samefile(source):
            raise UsageError(f"output would replace an input: {path}", hint="choose another name with -o")


def require_folder(folder: Path) -> Path:
    """Create `folder` if it is missing, check that it is writable, and remove what killed processes left in it.

    Raises:
        UnavailableError: the folder cannot be created or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise unwritable(folder, error) from error
    remove_abandoned(folder)
    return folder


def unwritable(path: Path, error: OSError) -> UnavailableError:
    """Return the error to raise if the system refused to write `path`."""
    reason = (error.strerror or str(error)).lower()
    hint = "free some disk space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "choose another place for it"
    return UnavailableError(f"cannot write {path}: {reason}", hint=hint)


def plain_name(text: str, otherwise: str) -> str:
    """Return `text` as a valid file name of letters, digits, `_`, `.` and `-`, or `otherwise` if nothing remains."""
    encoding = sys.getfilesystemencoding()
    letters = re.sub(r"[^\w.-]+", "_", text).encode(encoding, "ignore")
    return letters[-MAX_NAME_BYTES:].decode(encoding, "ignore").strip("._-") or otherwise


def short_names(paths: Sequence[Path]) -> list[str]:
    """Return as few trailing parts of the paths as distinguish them, the same number for all.

    Equal paths cannot be distinguished and are returned in full.
    """
    parts = [path.resolve().parts for path in paths]
    longest = max(map(len, parts))
    enough = next((count for count in range(1, longest) if _are_distinct(parts, count)), longest)
    return [str(Path(*each[-enough:])) for each in parts]


def _are_distinct(parts: Sequence[tuple[str, ...]], count: int) -> bool:
    return len({each[-count:] for each in parts}) == len(parts)
