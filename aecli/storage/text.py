"""Read text files of any origin: in UTF-8, or in the encoding that a byte order mark at their start names."""

import codecs
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TextIO

from aecli.errors import InputError
from aecli.storage.paths import require_file

MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
"""The encoding that each byte order mark stands for."""
SAMPLE_BYTES = 4096
"""The start of a file, which contains no null characters if the file is a text."""


@contextmanager
def open_text(path: Path, what: str, *, newline: str | None = None) -> Iterator[TextIO]:
    r"""Open a text file, after its byte order mark if it has one; errors call it `what`.

    The default of `newline` turns `\r\n` and `\r` into `\n`; `""` keeps them, as the module `csv` requires.

    Raises:
        InputError: the file is missing or empty. It is not a text in the encoding that its byte order mark names, or
            in UTF-8 without a mark; this may be found only in the body of the `with` statement.
    """
    require_file(path, what)
    with path.open("rb") as file:
        start = file.read(SAMPLE_BYTES)
    mark, encoding = _mark_of(start)
    if start == mark:
        raise InputError(f"{what} is empty after its byte order mark: {path}", hint="create it again")
    problem = InputError(
        f"{what} is not a text file in UTF-8, or in UTF-16 with a byte order mark: {path}", hint="save it as UTF-8"
    )
    if encoding == "utf-8" and b"\0" in start:
        raise problem
    try:
        with path.open(encoding=encoding, newline=newline) as text:
            if mark:
                text.read(1)
            yield text
    except UnicodeDecodeError as error:
        raise problem from error


def read_text(path: Path, what: str) -> str:
    r"""Return the content of a text file without its byte order mark, with `\n` as line ends. See `open_text`.

    Raises:
        InputError: the file is missing or empty, or is not a text in the expected encoding.
    """
    with open_text(path, what) as text:
        return text.read()


def read_blocks(read: Callable[[], bytes]) -> Iterator[bytes]:
    """Yield the blocks of a stream of text as they arrive, without its byte order mark; UTF-16 becomes UTF-8.

    `read` returns the next block, of any size, and nothing at the end. Without a mark, blocks are yielded as they are.
    """
    start = read()
    while start and any(len(start) < len(mark) and mark.startswith(start) for mark in MARKS) and (block := read()):
        start += block
    mark, encoding = _mark_of(start)
    blocks = chain([start[len(mark) :]], iter(read, b""))
    if encoding == "utf-8":
        yield from blocks
        return
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    for block in blocks:
        yield decoder.decode(block).encode()
    yield decoder.decode(b"", final=True).encode()


def _mark_of(start: bytes) -> tuple[bytes, str]:
    """Return the byte order mark at the start of a file and the encoding that it names; UTF-8 without one."""
    return next(((mark, encoding) for mark, encoding in MARKS.items() if start.startswith(mark)), (b"", "utf-8"))
