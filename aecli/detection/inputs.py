"""What a person names becomes pictures, one after the other, in bounded chunks."""

import os
import queue
import sys
import threading
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from aecli.data.iteration import ImageReader, iterate_images
from aecli.data.shapes import FullShape
from aecli.errors import AecliError, InputError
from aecli.storage.paths import STANDARD_STREAM, is_stream, require_file

Pixels = tuple[NDArray[np.uint8], FullShape]
"""(C, H, W) uint8 as a model takes them, and the shape that they had before."""
PIECE = 1 << 16
"""Bytes of a list that are read at once, where there are so many."""
MOST_NAME = 1 << 20
"""Bytes: no system has longer names."""


Item = ImageReader


def items_of(names: Iterable[str], image_shape: FullShape) -> Iterator[Item]:
    """Yield the pictures that `names` mean: files, folders of pictures, `-` for standard input, and DATA words.

    What means nothing is an item that cannot be read, so that the rest goes on.
    """
    for name in names:
        try:
            yield from iterate_images(name, image_shape)
        except AecliError as error:
            yield Item(name, partial(_refuse, error))


def names_from(path: Path, *, separator: bytes = b"\n") -> Iterator[str]:
    """Yield the names in a list, one a line or however they are separated; `-` is standard input, read as it comes.

    Empty names are passed over, and `-` in the list is a file of that name. Raises InputError where there is no such
    list.
    """
    if not path.is_fifo():  # as a shell makes for <(find ...)
        require_file(path, "list of files")
    if is_stream(path):
        # Unbuffered, where it is a file: a thread that still waits for a buffer would abort the program at its end.
        yield from _split(getattr(sys.stdin.buffer, "raw", sys.stdin.buffer), separator)
        return
    with path.open("rb") as file:
        yield from _split(file, separator)


def chunked(items: Iterable[Item], most: int) -> Iterator[list[Item]]:
    """Yield the items in lists of `most`."""
    remaining = iter(items)
    while chunk := list(islice(remaining, most)):
        yield chunk


def as_they_come(items: Iterable[Item], most: int) -> Iterator[list[Item]]:
    """Yield the items in lists of at most `most`, without waiting for more than there are: for slow sources."""
    waiting: queue.Queue[Item | BaseException | None] = queue.Queue(2 * most)

    def fill() -> None:
        try:
            for item in items:
                waiting.put(item)
            waiting.put(None)
        except BaseException as error:  # told where it is noticed
            waiting.put(error)

    threading.Thread(target=fill, daemon=True, name="aecli-list").start()
    while True:
        chunk: list[Item] = []
        while len(chunk) < most and not (chunk and waiting.empty()):
            item = waiting.get()
            if isinstance(item, Item):
                chunk.append(item)
                continue
            if chunk:
                yield chunk
            if item is not None:
                raise item
            return
        yield chunk


def _refuse(error: AecliError) -> Pixels:
    raise error


def _split(file: IO[bytes], separator: bytes) -> Iterator[str]:
    rest = b""
    while piece := file.read(PIECE):
        *names, rest = (rest + piece).split(separator)
        if len(rest) > MOST_NAME:
            raise InputError("not a list of files: a name without end", hint="--null, where names end in a null")
        yield from _named(names, separator)
    yield from _named([rest], separator)


def _named(names: Iterable[bytes], separator: bytes) -> Iterator[str]:
    for name in names:
        plain = os.fsdecode(name.rstrip(b"\r") if separator == b"\n" else name)
        if plain:
            yield plain if plain != str(STANDARD_STREAM) else os.path.join(os.curdir, plain)  # noqa: PTH118
