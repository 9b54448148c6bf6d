"""Passes over the headers or the values of image files, which are needed before the first one is decoded."""

from functools import reduce

from aecli.data.encoded import UnreadableImageError
from aecli.data.file_batch import FileBatch, damaged
from aecli.data.image_files import native_depth, native_shape
from aecli.data.levels import Levels, ValueRange, measure_levels
from aecli.data.shapes import FullShape, Shape, complete, size_text
from aecli.errors import InputError

HEADERS = "reading headers of files"
"""The stage of progress."""


class DifferentSizesError(InputError):
    """Images differ in size, and no size was requested."""


def target_shape(files: FileBatch, wanted: Shape) -> FullShape:
    """Return `wanted` with each None replaced by the files' own value, for which all headers are read.

    Raises:
        InputError: a header cannot be read, or the files' sizes differ and no size is requested.
    """
    channels, height, width = wanted
    if channels is not None and height is not None and width is not None:
        return channels, height, width

    def shape_of(index: int) -> FullShape | UnreadableImageError:
        try:
            return native_shape(files.files[index])
        except UnreadableImageError as failure:
            return failure

    first: tuple[str, FullShape] | None = None
    first_failure = None
    color = False
    for name, shape in zip(files.names, files.map(shape_of, HEADERS), strict=True):
        if isinstance(shape, UnreadableImageError):
            if not files.skip_damaged:
                raise damaged(shape)
            first_failure = first_failure or shape
            continue
        color = color or shape[0] == 3
        first = first or (name, shape)
        _require_same_size(first, (name, shape), height, width)
    if first is None:
        raise files.none_readable(first_failure)
    return complete(wanted, (3 if color else 1, *first[1][1:]))


def native_sizes(files: FileBatch) -> list[tuple[int, int] | None]:
    """Return (height, width) of each file from its header; None if it cannot be read, as is reported later."""

    def size_of(index: int) -> tuple[int, int] | None:
        try:
            return native_shape(files.files[index])[1:]
        except UnreadableImageError:
            return None

    return list(files.map(size_of, HEADERS))


def measured_levels(files: FileBatch) -> Levels:
    """Return the levels that hold the values of all files of more than 8 bits.

    Raises:
        InputError: the values are not those of images.
    """

    def depth_of(index: int) -> ValueRange | None:
        try:
            return native_depth(files.files[index])
        except UnreadableImageError:  # reported when the file is decoded
            return None

    depths = files.map(depth_of, "measuring gray levels of files")
    found = [depth for depth in depths if depth and depth.is_finite]
    return measure_levels(reduce(ValueRange.merge, found))


def _require_same_size(
    first: tuple[str, FullShape], other: tuple[str, FullShape], height: int | None, width: int | None
) -> None:
    sizes_differ = (height is None and first[1][1] != other[1][1]) or (width is None and first[1][2] != other[1][2])
    if sizes_differ:
        (name, size), (other_name, other_size) = first, other
        raise DifferentSizesError(
            f"images differ in size: {name} has {size_text(size)} pixels, {other_name} has {size_text(other_size)}",
            hint="resize all to one size with --image-size 64",
        )
