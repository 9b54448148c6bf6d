"""Decode many image files to one array, in parallel: in memory, or in the cache on disk if it is too large."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import cast

import numpy as np
from numpy.typing import NDArray

from aecli.data import cache
from aecli.data.conversion import Conversion
from aecli.data.conversion_summary import ConversionReport, ConversionSummary
from aecli.data.encoded import UnreadableImageError
from aecli.data.file_batch import FileBatch, damaged
from aecli.data.formats.color_profiles import ProfileUse
from aecli.data.headers import measured_levels, native_sizes, target_shape
from aecli.data.image_files import decode, decode_tiled, quiet
from aecli.data.image_set import Failure, fingerprint_of
from aecli.data.levels import ValueRange
from aecli.data.resize import inner_size
from aecli.data.shapes import FullShape
from aecli.data.source import ImageFiles
from aecli.data.tiled_image import TiledImage
from aecli.data.tiling import TiledSet, Tiling
from aecli.runtime.progress import Progress
from aecli.storage.limits import budget

PENDING_PIXELS = 1 << 25
"""Pixels of images to be cut into tiles that are decoded ahead; one image may have more."""


@dataclass(frozen=True)
class Decoded:
    """The images of the files that could be decoded."""

    images: NDArray[np.uint8]
    """(K, C, H, W) uint8; a read-only memory map if it comes from the cache."""
    kept: NDArray[np.int64]
    """(K,) sorted indices, among all files, of those that could be read; that of a file of several tiles is repeated.
    """
    failures: tuple[Failure, ...]
    report: ConversionReport
    pixel_digest: bytes | None
    """SHA-256 of all pixels in order, if it was computed during decoding."""
    tiles: TiledSet | None = None
    """The files that the images are tiles of; None for whole images."""
    inner: NDArray[np.int64] | None = None
    """(K, 2): the height and width of the part of each image that is not padding; None if images are not padded."""

    def fingerprint(self, labels: NDArray[np.int64] | None) -> str | None:
        """Return the fingerprint of the set, given the (K,) labels; None if it needs another pass over the pixels."""
        return fingerprint_of(self.pixel_digest, self.images.shape, labels) if self.pixel_digest else None


def decode_files(
    content: ImageFiles, conversion: Conversion, *, memory_budget: int | None, skip_damaged: bool, progress: Progress
) -> Decoded:
    """Decode all files to the requested shape. A size of None keeps the files' own: 3 channels if any image is color.

    If the images need more bytes than the memory budget, they are decoded into the cache, or read from it. With tiles,
    each tile is an image of the result.

    Raises:
        InputError: a file cannot be read (with `skip_damaged`: no file can be read), or no size is requested and the
            files' own sizes differ.
        UnavailableError: the disk is full.
    """
    files = FileBatch(content.files, content.names.tolist(), skip_damaged, progress)
    with quiet():
        entry = cache.Entry.of(files.files, conversion)
        if (cached := entry.open()) is None:
            conversion = replace(conversion, shape=target_shape(files, conversion.shape))
            try:
                decoded = _decode(files, conversion, entry, budget(memory_budget))
            except _DeepImageError:
                measured = replace(conversion, levels=measured_levels(files))
                decoded = _decode(files, measured, entry, budget(memory_budget))
            if isinstance(decoded, Decoded):
                return decoded
            cached = decoded
    if cached.failures and not skip_damaged:
        index, reason = cached.failures[0]
        raise damaged(UnreadableImageError(files.files[index].where, reason))
    kept = np.delete(np.arange(len(files)), [index for index, _ in cached.failures])
    tiles = _tiled_set(conversion.tiles, cached.sizes)
    return Decoded(
        cached.images,
        kept if tiles is None else kept[tiles.image_of],
        tuple(Failure(files.names[index], reason) for index, reason in cached.failures),
        replace(cached.report, notes=[*cached.report.notes, f"decoded images are cached in {entry.folder}"]),
        cached.pixel_digest,
        tiles,
        _inner_sizes(conversion, cached.sizes, cached.images),
    )


class _DeepImageError(Exception):
    """An image has more than 8 bits, and its levels must be measured on all images first."""


@dataclass(frozen=True)
class _DecodedFile:
    index: int
    pixels: NDArray[np.uint8]
    """(N, C, H, W): the image, or its tiles."""
    native: FullShape
    depth: ValueRange | None
    profile: ProfileUse | None

    def add_to(self, summary: ConversionSummary) -> None:
        """Count the image, or its tiles."""
        add = summary.add if summary.tiling is None else summary.add_tiled
        add(self.native, self.depth)
        summary.add_profile(self.profile)


@dataclass(frozen=True)
class _FailedFile:
    index: int
    failure: UnreadableImageError


_Result = _DecodedFile | _FailedFile


def _decode(
    files: FileBatch, conversion: Conversion, entry: cache.Entry, memory_budget: int
) -> Decoded | cache.CachedImages:
    """Decode all files to a complete shape, in memory or into the cache.

    Raises:
        _DeepImageError: an image has more than 8 bits, and the levels are to be measured.
    """
    target = cast(FullShape, conversion.shape)
    sizes = None if conversion.tiles is None else native_sizes(files)
    count = len(files)
    if conversion.tiles is not None and sizes is not None:
        count = sum(conversion.tiles.count(*size) for size in sizes if size)
    needed = count * prod(target)
    results = _results(files, conversion, sizes)
    if needed <= memory_budget:
        return _in_memory(results, count, files.names, conversion)
    return _through_cache(entry, results, needed, conversion)


def _results(
    files: FileBatch, conversion: Conversion, sizes: Sequence[tuple[int, int] | None] | None
) -> Iterator[_Result]:
    """Decode all files, in order. `sizes` are the files' own if they are cut into tiles.

    Raises:
        InputError: a file cannot be read (with `skip_damaged`: no file can be read).
    """

    def decode_one(index: int) -> _Result:
        file = files.files[index]
        try:
            image = decode_tiled(file, conversion) if conversion.tiles else decode(file, conversion)
        except UnreadableImageError as failure:
            return _FailedFile(index, failure)
        if image.depth and conversion.levels == "measured":
            raise _DeepImageError
        pixels = image.tiles() if isinstance(image, TiledImage) else image.pixels[None]
        return _DecodedFile(index, pixels, image.native, image.depth, image.profile)

    def weigh(index: int) -> int:
        size = sizes[index] if sizes else None
        return prod(size) if size else 0

    first_failure: UnreadableImageError | None = None
    read = 0
    for result in files.map(decode_one, "decoding images", weigh=weigh, most=PENDING_PIXELS):
        if isinstance(result, _FailedFile):
            first_failure = first_failure or result.failure
            if not files.skip_damaged:
                raise damaged(result.failure)
        else:
            read += 1
        yield result
    if not read and first_failure:
        raise files.none_readable(first_failure)


def _in_memory(results: Iterable[_Result], count: int, names: list[str], conversion: Conversion) -> Decoded:
    images = np.empty((count, *cast(FullShape, conversion.shape)), np.uint8)
    kept: list[int] = []
    sizes: list[tuple[int, int]] = []
    failures: list[Failure] = []
    summary = ConversionSummary(conversion)
    for result in results:
        if isinstance(result, _FailedFile):
            failures.append(Failure(names[result.index], result.failure.reason))
            continue
        images[len(kept) : len(kept) + len(result.pixels)] = result.pixels
        result.add_to(summary)
        kept += [result.index] * len(result.pixels)
        sizes.append(result.native[1:])
    return Decoded(
        images[: len(kept)],
        np.array(kept, np.int64),
        tuple(failures),
        summary.report(),
        None,
        _tiled_set(conversion.tiles, sizes),
        _inner_sizes(conversion, sizes, images),
    )


def _through_cache(
    entry: cache.Entry, results: Iterable[_Result], needed: int, conversion: Conversion
) -> cache.CachedImages:
    failures: list[tuple[int, str]] = []
    is_temporary = False
    sizes: list[tuple[int, int]] = []
    summary = ConversionSummary(conversion)
    digest = hashlib.sha256()
    with entry.writer(needed, cast(FullShape, conversion.shape)) as writer:
        for result in results:
            if isinstance(result, _FailedFile):
                failures.append((result.index, result.failure.reason))
                is_temporary |= result.failure.is_temporary
                continue
            pixels = np.ascontiguousarray(result.pixels)
            digest.update(pixels.data)
            writer.append(pixels)
            result.add_to(summary)
            sizes.append(result.native[1:])
        return writer.finish(
            summary.report(),
            tuple(failures),
            digest.digest(),
            tuple(sizes) if conversion.tiles or conversion.resize == "pad" else (),
            is_temporary=is_temporary,
        )


def _tiled_set(tiling: Tiling | None, sizes: Sequence[tuple[int, int]]) -> TiledSet | None:
    return None if tiling is None else TiledSet.of(tiling, np.array(sizes, np.int64).reshape(-1, 2))


def _inner_sizes(
    conversion: Conversion, sizes: Sequence[tuple[int, int]], images: NDArray[np.uint8]
) -> NDArray[np.int64] | None:
    """Return the size of each whole image without its padding, (K, 2), given its own; None if images are not padded."""
    if conversion.resize != "pad" or conversion.tiles is not None:
        return None
    target = (images.shape[2], images.shape[3])
    return np.array([inner_size(size, target) for size in sizes], np.int64).reshape(-1, 2)
