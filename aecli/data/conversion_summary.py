"""Notes and warnings on how images were converted to the requested shape, color and depth."""

from collections import Counter
from dataclasses import dataclass
from itertools import accumulate
from typing import cast

from aecli.data.conversion import Conversion, Resize
from aecli.data.formats.color_profiles import ProfileUse
from aecli.data.levels import DepthSummary, Levels, ValueRange
from aecli.data.shapes import FullShape, color_text, size_text
from aecli.data.tiling import Tiling
from aecli.runtime.counting import counted

MAX_SIZE_RATIO = 4
"""Images are reported if a side has this many times the pixels of the training images' side, or the other way; color
images also if they become gray and that much smaller."""
MAX_REDUCTION = 8
"""Images are reported if they become this many times smaller."""
MAX_ASPECT_CHANGE = 1.1
"""An aspect ratio that changes by a larger factor is reported."""


@dataclass(frozen=True)
class ConversionReport:
    """What the conversion of a set of images found and did."""

    notes: list[str]
    """How many images were converted, and how."""
    warnings: list[str]
    """Reasons to doubt that the images are those that the model needs."""
    native: tuple[int, int, int] | None
    """The own (C, H, W): the most frequent C, and the medians of H and W; None without images."""
    levels: Levels | None
    """The values of deep images that became 0 and 255; None if there are no deep images, or each declares its own."""


class ConversionSummary:
    """Counts images by their own shape, and collects the values of deep images."""

    def __init__(self, conversion: Conversion):
        """Start a summary for a conversion to a complete shape."""
        self._conversion = conversion
        self._native = Counter[FullShape]()
        self._depths = DepthSummary()
        self._profiles = Counter[ProfileUse]()
        self._cut = self._small = self._tiles = 0
        """Images that were cut into tiles, those that are smaller than a tile, and all tiles."""

    @property
    def tiling(self) -> Tiling | None:
        """The tiles that images are cut into; None for whole images."""
        return self._conversion.tiles

    def add(self, native: FullShape, depth: ValueRange | None, count: int = 1) -> None:
        """Add images of the shape `native`, (C, H, W); `depth` is None for images of 8 bits."""
        self._native[native] += count
        if depth is not None:
            self._depths.add(depth, count)

    def add_tiled(self, native: FullShape, depth: ValueRange | None) -> None:
        """Add an image of the shape `native` that was cut into the tiles of the conversion: each counts as an image."""
        tiling = self._conversion.tiles
        assert tiling is not None
        channels, *size = native
        count = tiling.count(*size)
        self.add((channels, tiling.size, tiling.size), depth, count)
        self._cut += 1
        self._small += min(size) < tiling.size
        self._tiles += count

    def add_profile(self, use: ProfileUse | None) -> None:
        """Add how the ICC profile of an image was used; None for an image in sRGB."""
        if use is not None:
            self._profiles[use] += 1

    def report(self) -> ConversionReport:
        """Return the report on all images so far."""
        conversion = self._conversion
        target, levels = cast(FullShape, conversion.shape), conversion.levels
        native = _typical(self._native)
        return ConversionReport(
            [
                *self._tile_notes(),
                *self._depths.notes(levels),
                *self._profile_notes(),
                *_shape_notes(self._native, target, conversion.resize, "tile" if self._cut else "image"),
            ],
            list(_unsuitable_warnings(native, conversion)),
            native,
            levels if self._depths.count and isinstance(levels, Levels) else None,
        )

    def _profile_notes(self) -> list[str]:
        applied, unusable = self._profiles["applied"], self._profiles["unusable"]
        notes = [f"{counted(applied, 'image')} converted from the ICC profile of the file to sRGB"] * bool(applied)
        if unusable:
            notes.append(f"{counted(unusable, 'image')} read without the ICC profile of the file, which is not usable")
        return notes

    def _tile_notes(self) -> list[str]:
        if not (tiling := self._conversion.tiles) or not self._cut:
            return []
        notes = [f"{counted(self._cut, 'image')} cut into {counted(self._tiles, 'tile')} of {tiling}"]
        if self._small:
            notes.append(f"{counted(self._small, 'image')} smaller than a tile, extended by the mirror image")
        return notes


def _shape_notes(native: Counter[FullShape], target: FullShape, resize: Resize, unit: str) -> tuple[str, ...]:
    """Describe how many images of the `native` (C, H, W) shapes were converted to `target`; () if none was."""
    notes = []
    recolored = sum(count for shape, count in native.items() if shape[0] != target[0])
    if recolored:
        change = "color to gray by luma" if target[0] == 1 else "gray to color by repeating the channel"
        notes.append(f"{counted(recolored, unit)} converted from {change}")
    sizes = Counter[tuple[int, int]]()
    for (_, *size), count in native.items():
        if tuple(size) != target[1:]:
            sizes[size[0], size[1]] += count
    if sizes:
        smallest, largest = (choose(sizes, key=lambda size: size[0] * size[1]) for choose in (min, max))
        origin = (
            size_text(smallest)
            if len(sizes) == 1
            else f"{len(sizes):,} sizes ({size_text(smallest)} to {size_text(largest)})"
        )
        notes.append(f"{counted(sizes.total(), unit)} resized from {origin} to {size_text(target[1:])} pixels")
    if note := _aspect_note(sizes, native.total(), target[1:], resize):
        notes.append(note)
    return tuple(notes)


def _typical(shapes: Counter[FullShape]) -> FullShape | None:
    """Return the most frequent number of channels, and the medians of height and width."""
    if not shapes:
        return None
    channels = Counter[int]()
    for shape, count in shapes.items():
        channels[shape[0]] += count
    return channels.most_common(1)[0][0], _median(shapes, 1), _median(shapes, 2)


def _median(shapes: Counter[FullShape], axis: int) -> int:
    """Return the smallest side, height or width, that at least half of the images do not exceed."""
    sides = sorted((shape[axis], count) for shape, count in shapes.items())
    passed = accumulate(count for _, count in sides)
    return next(side for (side, _), count in zip(sides, passed, strict=True) if 2 * count >= shapes.total())


def _unsuitable_warnings(native: FullShape | None, conversion: Conversion) -> tuple[str, ...]:
    """Warn if images of the shape `native` differ much from the training images, or lose most of their details.

    Details are checked if the shape of the training images is unknown: images are trained on, or an old model is used.
    """
    target, expected = cast(FullShape, conversion.shape), conversion.expected
    if native is None:
        return ()
    if expected is not None:
        if max(_size_ratio(native, expected), _size_ratio(expected, native)) < MAX_SIZE_RATIO:
            return ()
        return (
            f"the images are {_kind(native)} (median), but the model was trained on {_kind(expected)} images: "
            "use a model that was trained on such images",
        )
    loses_color = native[0] > target[0]
    if _size_ratio(native, target) < (MAX_SIZE_RATIO if loses_color else MAX_REDUCTION):
        return ()
    return (
        f"the images are {_kind(native)} (median), but the model takes {_kind(target)} images: most details are lost; "
        "train a model of larger images, such as --image-size 128" + (" --set model.channels=3" if loses_color else ""),
    )


def _size_ratio(shape: FullShape, other: FullShape) -> float:
    """Return how many times more pixels a side of `shape` has, at most, than the same side of `other`."""
    return max(shape[1] / other[1], shape[2] / other[2])


def _kind(shape: FullShape) -> str:
    return f"{size_text(shape)} {color_text(shape[0])}"


def _aspect_note(sizes: Counter[tuple[int, int]], total: int, target: tuple[int, int], resize: Resize) -> str | None:
    """Describe how many of `total` images of these sizes have another aspect ratio than `target`."""
    ratio = target[1] / target[0]
    changed = sum(
        count
        for (height, width), count in sizes.items()
        if max(width / height / ratio, ratio * height / width) > MAX_ASPECT_CHANGE
    )
    if not changed:
        return None
    share = counted(changed, "image") if changed < total / 100 or total < 10 else f"{changed / total:.0%} of the images"
    if resize == "stretch":
        return (
            f"{share} changed in aspect ratio by more than a tenth; "
            "a model trained with --set model.resize=crop or pad keeps the ratio"
        )
    return f"{share} {'cropped' if resize == 'crop' else 'padded with black'} to the aspect ratio {size_text(target)}"
