"""Decode many image files to one array, in parallel: in memory, or in the cache on disk if it is too large."""

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
from aecli.data.image_files import UnreadableImageError, decode, native_shape, quiet
from aecli.data.image_set import Failure, fingerprint_of
from aecli.data.resize import conversion_notes
from aecli.data.shapes import FullShape, Shape, complete, size_text
from aecli.data.source import ImageFiles
from aecli.errors import InputError
from aecli.runtime.progress import Progress
from aecli.runtime.threads import map_ordered
from aecli.storage.limits import budget

PROGRESS_SECONDS = 0.1
Item = TypeVar("Item")


@dataclass(frozen=True)
class Decoded:
    """The images of the files that could be decoded."""

    images: NDArray[np.uint8]
    """(K, C, H, W) uint8; a read-only memory map if it comes from the cache."""
    kept: NDArray[np.int64]
    """(K,) sorted indices, among all files, of those that could be read."""
    failures: tuple[Failure, ...]
    notes: tuple[str, ...]
    pixel_digest: bytes | None
    """SHA-256 of all pixels in order, if it was computed during decoding."""

    def fingerprint(self, labels: NDArray[np.int64] | None) -> str | None:
        """Return the fingerprint of the set, given the (K,) labels; None if it needs another pass over the pixels."""
        return fingerprint_of(self.pixel_digest, self.images.shape, labels) if self.pixel_digest else None


def decode_files(
    files: ImageFiles, image_shape: Shape, *, memory_budget: int | None, skip_damaged: bool, progress: Progress
) -> Decoded:
    """Decode all files to the requested (C, H, W). None keeps the files' own: 3 channels if any image is color.

    If the images need more bytes than the memory budget, they are decoded into the cache, or read from it.

    Raises:
        InputError: a file cannot be read (with `skip_damaged`: no file can be read), or no size is requested and the
            files' own sizes differ.
        UnavailableError: the disk is full.
    """
    names = [str(name) for name in files.names]
    paths = [files.path(name) for name in names]
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
        raise _damaged(UnreadableImageError(paths[index], reason))
    return Decoded(
        cached.images,
        np.delete(np.arange(len(paths)), [index for index, _ in cached.failures]),
        tuple(Failure(names[index], reason) for index, reason in cached.failures),
        (*cached.notes, f"decoded images are cached in {entry.folder}"),
        cached.pixel_digest,
    )


@dataclass(frozen=True)
class _DecodedFile:
    index: int
    pixels: NDArray[np.uint8]
    native: FullShape


@dataclass(frozen=True)
class _FailedFile:
    index: int
    failure: UnreadableImageError


_Result = _DecodedFile | _FailedFile


def _results(
    paths: list[Path], names: list[str], target: FullShape, skip_damaged: bool, progress: Progress
) -> Iterator[_Result]:
    """Decode all files, in order.

    Raises:
        InputError: a file cannot be read (with `skip_damaged`: no file can be read).
    """

    def decode_one(index: int) -> _Result:
        try:
            pixels, native = decode(paths[index], target)
        except UnreadableImageError as failure:
            return _FailedFile(index, failure)
        return _DecodedFile(index, pixels, native)

    first_failure: UnreadableImageError | None = None
    read = 0
    for result in _with_progress(map_ordered(decode_one, range(len(paths))), "decoding images", len(paths), progress):
        if isinstance(result, _FailedFile):
            first_failure = first_failure or result.failure
            if not skip_damaged:
                raise _damaged(result.failure)
        else:
            read += 1
        yield result
    if not read and first_failure:
        raise InputError(f"none of the {len(paths):,} images can be read; {first_failure.message}")


def _damaged(failure: UnreadableImageError) -> UnreadableImageError:
    if failure.hint is None:
        failure.hint = "replace the file, or skip damaged files with --skip-damaged"
    return failure


def _in_memory(results: Iterable[_Result], names: list[str], target: FullShape) -> Decoded:
    images = np.empty((len(names), *target), np.uint8)
    kept: list[int] = []
    failures: list[Failure] = []
    native = Counter[FullShape]()
    for result in results:
        if isinstance(result, _FailedFile):
            failures.append(Failure(names[result.index], result.failure.reason))
            continue
        images[len(kept)] = result.pixels
        native[result.native] += 1
        kept.append(result.index)
    notes = conversion_notes(native, target)
    return Decoded(images[: len(kept)], np.array(kept, np.int64), tuple(failures), notes, None)


def _through_cache(
    entry: cache.Entry, results: Iterable[_Result], needed: int, target: FullShape
) -> cache.CachedImages:
    failures: list[tuple[int, str]] = []
    native = Counter[FullShape]()
    digest = hashlib.sha256()
    with entry.writer(needed, target) as writer:
        for result in results:
            if isinstance(result, _FailedFile):
                failures.append((result.index, result.failure.reason))
                continue
            pixels = np.ascontiguousarray(result.pixels)
            digest.update(pixels.data)
            writer.append(pixels)
            native[result.native] += 1
        return writer.finish(conversion_notes(native, target), tuple(failures), digest.digest())


def _target_shape(
    paths: list[Path], names: list[str], wanted: Shape, skip_damaged: bool, progress: Progress
) -> FullShape:
    """Return `wanted` with each None replaced by the files' own value, for which all headers are read.

    Raises:
        InputError: a header cannot be read, or the files' sizes differ and no size is requested.
    """
    channels, height, width = wanted
    if channels is not None and height is not None and width is not None:
        return channels, height, width

    def shape_of(index: int) -> FullShape | UnreadableImageError:
        try:
            return native_shape(paths[index])
        except UnreadableImageError as failure:
            return failure

    first: tuple[str, FullShape] | None = None
    first_failure = None
    color = False
    scanned = _with_progress(map_ordered(shape_of, range(len(paths))), "reading headers", len(paths), progress)
    for name, shape in zip(names, scanned, strict=True):
        if isinstance(shape, UnreadableImageError):
            if not skip_damaged:
                raise _damaged(shape)
            first_failure = first_failure or shape
            continue
        color = color or shape[0] == 3
        first = first or (name, shape)
        _require_same_size(first, (name, shape), height, width)
    if first is None:
        raise InputError(
            f"none of the {len(paths):,} images can be read; {first_failure.message if first_failure else ''}"
        )
    return complete(wanted, (3 if color else 1, *first[1][1:]))


def _require_same_size(
    first: tuple[str, FullShape], other: tuple[str, FullShape], height: int | None, width: int | None
) -> None:
    sizes_differ = (height is None and first[1][1] != other[1][1]) or (width is None and first[1][2] != other[1][2])
    if sizes_differ:
        (name, size), (other_name, other_size) = first, other
        raise InputError(
            f"images differ in size: {name} has {size_text(size)} pixels, {other_name} has {size_text(other_size)}",
            hint="resize all to one size with --set model.image_size=64",
        )


def _with_progress(items: Iterable[Item], stage: str, total: int, progress: Progress) -> Iterator[Item]:
    """Yield the items and report the progress at intervals and at the end."""
    last_report = 0.0
    for done, item in enumerate(items, start=1):
        yield item
        if done == total or time.monotonic() - last_report > PROGRESS_SECONDS:
            last_report = time.monotonic()
            progress(stage, done, total)
