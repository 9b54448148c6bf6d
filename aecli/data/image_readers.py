"""The images of DATA words and lists of paths, to be read one by one, and grouped into chunks of bounded size."""

import os
import queue
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO, NoReturn, TypeVar

from aecli.data.conversion import Conversion
from aecli.data.encoded import UnreadableImageError
from aecli.data.image_set import Failure
from aecli.data.iteration import ImageReader, iterate_images
from aecli.data.loading import DEFAULTS
from aecli.data.options import DataOptions
from aecli.errors import AecliError, InputError
from aecli.storage.paths import STANDARD_STREAM, is_stream, require_file
from aecli.storage.text import read_blocks

Read = TypeVar("Read")

BLOCK_BYTES = 1 << 16
"""The most bytes of a list that are read at once."""
MAX_PATH_BYTES = 1 << 20
"""Longer than the paths of any system."""


def image_readers(
    words: Iterable[str],
    conversion: Conversion,
    on_note: Callable[[str], None] = lambda _: None,
    options: DataOptions = DEFAULTS,
) -> Iterator[ImageReader]:
    """Yield a reader for each image of the DATA words, which converts it; `on_note` is called with notes on the data.

    A word that cannot be resolved yields a reader of that name that raises the error, so that the other words are read.
    """
    for word in words:
        try:
            yield from iterate_images(word, conversion, options, on_note)
        except AecliError as error:
            yield ImageReader(word, partial(_raise, error))


def try_read(name: str, read: Callable[[], Read]) -> Read | Failure:
    """Return what `read` returns, or if the image of this name cannot be read, the reason without its name."""
    try:
        return read()
    except UnreadableImageError as error:
        return Failure(name, error.reason)
    except AecliError as error:
        return Failure(name, error.message.removesuffix(f": {name}").removeprefix(f"{name}: "))


def read_list(path: Path, *, separator: bytes = b"\n", heading: str | None = None) -> Iterator[str]:
    r"""Yield the paths in a list, separated by newlines or null characters; `-` reads standard input as it arrives.

    A first line `heading` is skipped unless there is such a file. Empty lines are skipped, and `\r` before a newline is
    dropped, as is a byte order mark at the start of a list of lines; one of UTF-16 is obeyed. A line `-` is the file of
    that name.

    Raises:
        InputError: there is no such list, or a path in it is longer than any system allows.
    """
    if not path.is_fifo():  # a shell passes <(find ...) as a named pipe
        require_file(path, "list of files")
    if is_stream(path):
        # Read from the raw file: a daemon thread that holds the lock of a buffer aborts the interpreter at exit.
        yield from _without(heading, _split(getattr(sys.stdin.buffer, "raw", sys.stdin.buffer), separator))
        return
    with path.open("rb") as file:
        yield from _without(heading, _split(file, separator))


def is_pipe(path: Path) -> bool:
    """Return whether a list comes from standard input or a named pipe, so that its end may not be known yet."""
    return is_stream(path) or path.is_fifo()


def chunked(readers: Iterable[ImageReader], size: int) -> Iterator[list[ImageReader]]:
    """Yield the readers in lists of `size`."""
    remaining = iter(readers)
    while chunk := list(islice(remaining, size)):
        yield chunk


def chunks_as_available(readers: Iterable[ImageReader], size: int) -> Iterator[list[ImageReader]]:
    """Yield the readers in lists of at most `size`, without waiting for more readers while some are available.

    A thread iterates over `readers`, at most 2 * `size` ahead. Its exceptions are raised here, after the last chunk.
    """
    available: queue.Queue[ImageReader | BaseException | None] = queue.Queue(2 * size)

    def fill() -> None:
        try:
            for reader in readers:
                available.put(reader)
            available.put(None)
        except BaseException as error:  # raised in the consuming thread
            available.put(error)

    threading.Thread(target=fill, daemon=True, name="aecli-list").start()
    while True:
        chunk: list[ImageReader] = []
        while len(chunk) < size and not (chunk and available.empty()):
            item = available.get()
            if isinstance(item, ImageReader):
                chunk.append(item)
                continue
            if chunk:
                yield chunk
            if item is not None:
                raise item
            return
        yield chunk


def in_few_sizes(chunks: Iterable[Sequence[ImageReader]], size: int) -> Iterator[Sequence[ImageReader]]:
    """Yield the same readers in order, in chunks of `size` readers or of powers of two.

    For each size of a batch, torch keeps a compiled operation and memory of its own: if images arrive for days, in
    batches of all sizes, memory would grow for days.
    """
    for chunk in chunks:
        rest = chunk
        while rest:
            count = size if len(rest) == size else 1 << (len(rest).bit_length() - 1)
            yield rest[:count]
            rest = rest[count:]


def _raise(error: AecliError) -> NoReturn:
    raise error


def _without(heading: str | None, paths: Iterator[str]) -> Iterator[str]:
    first = next(paths, None)
    if first is not None and (first != heading or Path(first).exists()):
        yield first
    yield from paths


def _split(file: IO[bytes], separator: bytes) -> Iterator[str]:
    arriving = iter(lambda: file.read(BLOCK_BYTES) or b"", b"")
    rest = b""
    for block in arriving if separator == b"\0" else read_blocks(lambda: next(arriving, b"")):
        *paths, rest = (rest + block).split(separator)
        if len(rest) > MAX_PATH_BYTES:
            raise InputError(
                f"not a list of files: a path has more than {MAX_PATH_BYTES:,} bytes",
                hint="add --null if null characters separate the paths",
            )
        yield from _decoded(paths, separator)
    yield from _decoded([rest], separator)


def _decoded(paths: Iterable[bytes], separator: bytes) -> Iterator[str]:
    for path in paths:
        text = os.fsdecode(path.rstrip(b"\r") if separator == b"\n" else path)
        if text:
            yield text if text != str(STANDARD_STREAM) else os.path.join(os.curdir, text)  # noqa: PTH118
