"""Many image files -> one array, in parallel, in order; in memory, or in the cache on disk where it is too large."""

import hashlib
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from aecli.data import cache
from aecli.data.image_files import UnreadablePictureError, decode, native_shape, quiet
from aecli.data.image_set import Failure, fingerprint_of
from aecli.data.resize import conversion_notes
from aecli.data.shapes import FullShape, Shape, complete
from aecli.data.source import Pictures
from aecli.errors import InputError
from aecli.runtime.progress import Progress
from aecli.runtime.threads import map_ordered
from aecli.storage.limits import budget

PROGRESS_SECONDS = 0.1
Item = TypeVar("Item")


@dataclass(frozen=True)
class Decoded:
    """Pictures that were decoded."""

    images: NDArray[np.uint8]
    """(K, C, H, W) uint8; a read-only memory map where it comes from the cache."""
    kept: NDArray[np.int64]
    """(K,) sorted indices of the pictures that could be read, among all."""
    failures: tuple[Failure, ...]
    notes: tuple[str, ...]
    pixel_digest: bytes | None
    """SHA-256 of all pixels in order, where it was taken on the way."""

    def fingerprint(self, labels: NDArray[np.int64] | None) -> str | None:
        """The set's fingerprint with the kept pictures' labels, if it is known without reading the pixels again."""
        return fingerprint_of(self.pixel_digest, self.images.shape, labels) if self.pixel_digest else None


def decode_pictures(
    pictures: Pictures, image_shape: Shape, *, memory_budget: int | None, skip_damaged: bool, progress: Progress
) -> Decoded:
    """Decode all pictures to the (C, H, W) that is asked for, None for their own: 3 channels if any is color.

    Where they need more bytes than the memory budget they are decoded into the cache, or come from it.

    Raises:
        InputError: a picture cannot be read (with `skip_damaged`: none can), or their own sizes differ.
        UnavailableError: the disk is full.
    """
    paths = [pictures.root / name for name in pictures.names]
    names = [str(name) for name in pictures.names]
    with quiet():
        entry = cache.Entry.of(paths, image_shape)
        if (cached := entry.open()) is None:
            target = _target_shape(paths, names, image_shape, skip_damaged, progress)
            needed = len(paths) * target[0] * target[1] * target[2]
            results = _results(paths, names, target, skip_damaged, progress)
            if needed <= budget(memory_budget):
                return _in_memory(results, names, target)
            cached = _through_cache(entry, results, needed, target)
    if cached.failures and not skip_damaged:
        index, reason = cached.failures[0]
        raise _damaged(UnreadablePictureError(paths[index], reason))
    return Decoded(
        cached.images,
        np.delete(np.arange(len(paths)), [index for index, _ in cached.failures]),
        tuple(Failure(names[index], reason) for index, reason in cached.failures),
        (*cached.notes, f"the decoded pictures are kept in {entry.folder}"),
        cached.pixel_digest,
    )


@dataclass(frozen=True)
class _Read:
    index: int
    pixels: NDArray[np.uint8]
    native: FullShape


@dataclass(frozen=True)
class _Failed:
    index: int
    failure: UnreadablePictureError


_Result = _Read | _Failed


def _results(
    paths: list[Path], names: list[str], target: FullShape, skip_damaged: bool, progress: Progress
) -> Iterator[_Result]:
    """Decode all, in order.

    Raises:
        InputError: a picture cannot be read (with `skip_damaged`: none can).
    """

    def decode_one(index: int) -> _Result:
        try:
            pixels, native = decode(paths[index], target)
        except UnreadablePictureError as failure:
            return _Failed(index, failure)
        return _Read(index, pixels, native)

    first_failure: UnreadablePictureError | None = None
    read = 0
    for result in _reported(map_ordered(decode_one, range(len(paths))), "decoding pictures", len(paths), progress):
        if isinstance(result, _Failed):
            first_failure = first_failure or result.failure
            if not skip_damaged:
                raise _damaged(result.failure)
        else:
            read += 1
        yield result
    if not read and first_failure:
        raise InputError(f"none of {len(paths):,} pictures can be read; {first_failure.message}")


def _damaged(failure: UnreadablePictureError) -> UnreadablePictureError:
    if failure.hint is None:
        failure.hint = "make it again, or leave such pictures out with --skip-damaged"
    return failure


def _in_memory(results: Iterable[_Result], names: list[str], target: FullShape) -> Decoded:
    images = np.empty((len(names), *target), np.uint8)
    kept: list[int] = []
    failures: list[Failure] = []
    native = Counter[FullShape]()
    for result in results:
        if isinstance(result, _Failed):
            failures.append(Failure(names[result.index], result.failure.reason))
            continue
        images[len(kept)] = result.pixels
        native[result.native] += 1
        kept.append(result.index)
    notes = conversion_notes(native, target)
    return Decoded(images[: len(kept)], np.array(kept, np.int64), tuple(failures), notes, None)


def _through_cache(entry: cache.Entry, results: Iterable[_Result], needed: int, target: FullShape) -> cache.Cached:
    failures: list[tuple[int, str]] = []
    native = Counter[FullShape]()
    digest = hashlib.sha256()
    with entry.building(needed, target) as building:
        for result in results:
            if isinstance(result, _Failed):
                failures.append((result.index, result.failure.reason))
                continue
            pixels = np.ascontiguousarray(result.pixels)
            digest.update(pixels.data)
            building.append(pixels)
            native[result.native] += 1
        return building.finish(conversion_notes(native, target), tuple(failures), digest.digest())


def _target_shape(
    paths: list[Path], names: list[str], wanted: Shape, skip_damaged: bool, progress: Progress
) -> FullShape:
    """What `wanted` comes to for these pictures; reads all headers where any side is None.

    Raises:
        InputError: a picture cannot be read, or their sizes differ and none is asked for.
    """
    channels, height, width = wanted
    if channels is not None and height is not None and width is not None:
        return channels, height, width

    def shape_of(index: int) -> FullShape | UnreadablePictureError:
        try:
            return native_shape(paths[index])
        except UnreadablePictureError as failure:
            return failure

    first: tuple[str, FullShape] | None = None
    first_failure = None
    color = False
    scanned = _reported(map_ordered(shape_of, range(len(paths))), "reading headers", len(paths), progress)
    for name, shape in zip(names, scanned, strict=True):
        if isinstance(shape, UnreadablePictureError):
            if not skip_damaged:
                raise _damaged(shape)
            first_failure = first_failure or shape
            continue
        color = color or shape[0] == 3
        first = first or (name, shape)
        _require_same_size(first, (name, shape), height, width)
    if first is None:
        raise InputError(
            f"none of {len(paths):,} pictures can be read; {first_failure.message if first_failure else ''}"
        )
    return complete(wanted, (3 if color else 1, *first[1][1:]))


def _require_same_size(
    first: tuple[str, FullShape], other: tuple[str, FullShape], height: int | None, width: int | None
) -> None:
    sizes_differ = (height is None and first[1][1] != other[1][1]) or (width is None and first[1][2] != other[1][2])
    if sizes_differ:
        (name, (_, h, w)), (other_name, (_, other_h, other_w)) = first, other
        raise InputError(
            f"pictures differ in size: {name} has {w}x{h} pixels, {other_name} has {other_w}x{other_h}",
            hint="resize all to one size with --set model.image_size=64",
        )


def _reported(items: Iterable[Item], stage: str, total: int, progress: Progress) -> Iterator[Item]:
    """Pass the items on and tell how many there were, now and then and at the end."""
    told = 0.0
    for done, item in enumerate(items, start=1):
        yield item
        if done == total or time.monotonic() - told > PROGRESS_SECONDS:
            told = time.monotonic()
            progress(stage, done, total)
