"""Defects drawn into images, with masks of their pixels: what an inspection of surfaces looks for, without its data."""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi, sin

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Levels = NDArray[np.uint8]
Mask = NDArray[np.bool_]

OVERSAMPLING = 4
"""Scratches are drawn at this multiple of the size and averaged, so that their edges are smooth."""


@dataclass(frozen=True)
class Defect:
    """An image with a defect, and the pixels that differ because of it."""

    image: Levels
    """(C, H, W)."""
    mask: Mask
    """(H, W), True inside of the defect."""


def scratch(image: Levels, random: np.random.Generator) -> Defect:
    """Draw a straight, thin, black or white line of 30% to 60% of the shorter side of an image, (C, H, W).

    Its width is 1/32 of the shorter side, at least 1.5 pixels. It is black or white, whichever is farther from the mean
    of the levels beneath it.
    """
    _, height, width = image.shape
    side = min(height, width)
    length, angle = random.uniform(0.3, 0.6) * side, random.uniform(0, pi)
    half = np.array([length * cos(angle), length * sin(angle)]) / 2
    margin = np.abs(half) + 1
    center = random.uniform(margin, np.array([width, height]) - margin)
    thickness = max(side / 32, 1.5)
    canvas = Image.new("L", (width * OVERSAMPLING, height * OVERSAMPLING))
    ends = [tuple(float(value) for value in point * OVERSAMPLING) for point in (center - half, center + half)]
    ImageDraw.Draw(canvas).line(ends, fill=255, width=round(thickness * OVERSAMPLING))
    opacity = np.asarray(canvas.resize((width, height), Image.Resampling.BOX), np.float64) / 255
    mask = opacity > 0.25
    level = 255.0 if image[:, mask].mean() < 127.5 else 0.0
    return _painted(image, image * (1 - opacity) + level * opacity, mask)


def block(image: Levels, random: np.random.Generator) -> Defect:
    """Fill a rectangle whose sides are 12% to 25% of those of an image, (C, H, W), with one random color."""
    rows, columns = _rectangle(image, random, 0.12, 0.25)
    mask = np.zeros(image.shape[1:], bool)
    mask[rows, columns] = True
    color = random.integers(0, 256, (len(image), 1, 1))
    return _painted(image, np.where(mask, color, image), mask)


def turned(image: Levels, random: np.random.Generator) -> Defect:
    """Turn a square of 25% to 40% of the shorter side of an image, (C, H, W), by 90, 180 or 270 degrees."""
    rows, columns = _rectangle(image, random, 0.25, 0.4, square=True)
    mask = np.zeros(image.shape[1:], bool)
    mask[rows, columns] = True
    changed = image.copy()
    changed[:, rows, columns] = np.rot90(image[:, rows, columns], int(random.integers(1, 4)), axes=(1, 2))
    return Defect(changed, mask)


DEFECTS: dict[str, Callable[[Levels, np.random.Generator], Defect]] = {
    "scratch": scratch,
    "block": block,
    "turned": turned,
}
"""A function that draws a defect of each kind into a (C, H, W) image."""


def draw_each(kind: str, images: Levels, seed: int) -> tuple[Levels, Mask]:
    """Draw one defect of a kind into each of N images, (N, C, H, W), and return these and the masks, (N, H, W)."""
    random = np.random.default_rng(seed)
    drawn = [DEFECTS[kind](image, random) for image in images]
    return np.stack([defect.image for defect in drawn]), np.stack([defect.mask for defect in drawn])


def crops(photograph: Levels, side: int, count: int, random: np.random.Generator) -> Levels:
    """Return square crops from random positions of a photograph, (C, H, W), as (N, C, side, side)."""
    _, height, width = photograph.shape
    tops = random.integers(0, height - side + 1, count)
    lefts = random.integers(0, width - side + 1, count)
    return np.stack(
        [photograph[:, top : top + side, left : left + side] for top, left in zip(tops, lefts, strict=True)]
    )


def _rectangle(
    image: Levels, random: np.random.Generator, smallest: float, largest: float, *, square: bool = False
) -> tuple[slice, slice]:
    """Return the rows and columns of a random rectangle whose sides are these fractions of the image's sides."""
    _, height, width = image.shape
    if square:
        sides = [round(float(random.uniform(smallest, largest)) * min(height, width))] * 2
    else:
        sides = [round(float(random.uniform(smallest, largest)) * length) for length in (height, width)]
    first = [int(random.integers(0, length - size + 1)) for length, size in zip((height, width), sides, strict=True)]
    return slice(first[0], first[0] + sides[0]), slice(first[1], first[1] + sides[1])


def _painted(image: Levels, levels: NDArray[np.floating], mask: Mask) -> Defect:
    return Defect(np.rint(levels).clip(0, 255).astype(np.uint8), mask)
