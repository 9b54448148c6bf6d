"""Letters drawn with the fonts that matplotlib ships: a data set similar to MNIST that needs no download."""

import math
import string
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aecli.data.options import DataOptions
from aecli.data.source import ImageArrays, NamedSource, seeded_split
from aecli.errors import UnavailableError
from aecli.runtime.optional_packages import packaged_path
from aecli.runtime.progress import Progress

if TYPE_CHECKING:
    from PIL import Image

HINT = "pip install matplotlib"
PER_CLASS = 200
DRAWN_SIZE = 64
"""Pixels per em: three times the final size, so that rotating and shrinking are smooth."""
BOX = 20
SIDE = 28
MAX_DEGREES = 12
MIN_SCALE = 0.85
EXCLUDED_FONTS = ("cmex", "cmsy", "LastResort", "STIXNonUni", "STIXSiz")
"""Fonts of symbols and brackets. Other fonts without letters, such as DejaVu's Display fonts, are detected."""
ALPHABET = string.ascii_uppercase + string.ascii_lowercase


class Letters(NamedSource):
    """White on black as in MNIST: a box of 20 pixels, the center of mass in the center of 28 pixels; classes A to Z.

    Upper and lower case are one class, as in EMNIST letters. Each image is one glyph of one font, slightly rotated,
    scaled and shifted, by a fixed seed. 80% train, 20% test, stratified, by a fixed seed.
    """

    word = "letters"
    summary = f"{26 * PER_CLASS:,} letters A-Z drawn from matplotlib's fonts, 28x28 gray"

    def splits(self) -> tuple[str, ...]:
        """Return train and test."""
        return ("train", "test")

    def needs(self, options: DataOptions) -> str | None:
        """Return how to install matplotlib, if its fonts are missing."""
        return None if _font_folder() else HINT

    def read(self, split: str, options: DataOptions, progress: Progress) -> ImageArrays:
        """Draw a split.

        Raises:
            UnavailableError: matplotlib's fonts are not installed.
        """
        images, labels = _drawn()
        return seeded_split(images.copy(), labels.copy(), tuple(string.ascii_uppercase), split)


def _font_folder() -> Path | None:
    return packaged_path("matplotlib", "mpl-data", "fonts", "ttf")


@cache
def _drawn() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Draw all images; return (N, 1, 28, 28) uint8 and (N,) labels, grouped by class."""
    folder = _font_folder()
    fonts = [glyphs for path in sorted(folder.glob("*.ttf")) if (glyphs := _glyphs(path))] if folder else []
    if not fonts:
        raise UnavailableError("letters need matplotlib's fonts, which are not installed", hint=HINT)
    generator = np.random.RandomState(0)  # its stream is the same in every version of numpy
    images = np.empty((26 * PER_CLASS, 1, SIDE, SIDE), np.uint8)
    for index in range(len(images)):
        letter, variant = divmod(index, PER_CLASS)
        case, font = variant % 2, variant // 2 % len(fonts)
        images[index, 0] = _varied(fonts[font][letter + 26 * case], generator)
    return images, np.repeat(np.arange(26), PER_CLASS)


def _glyphs(path: Path) -> "list[Image.Image] | None":
    """Draw the 52 letters of a font, white on black; return None if the font has no letters."""
    from PIL import Image, ImageDraw, ImageFont

    if path.name.startswith(EXCLUDED_FONTS):
        return None
    try:
        font = ImageFont.truetype(path, DRAWN_SIZE, layout_engine=ImageFont.Layout.BASIC)
    except OSError:
        return None
    glyphs = []
    for letter in ALPHABET:
        left, top, right, bottom = map(int, font.getbbox(letter))
        glyph = Image.new("L", (max(right - left, 1), max(bottom - top, 1)))
        ImageDraw.Draw(glyph).text((-left, -top), letter, font=font, fill=255)
        glyphs.append(glyph)
    # A font without letters draws the same box for each of them.
    return glyphs if len({glyph.tobytes() for glyph in glyphs}) > len(ALPHABET) - 5 else None


def _varied(glyph: "Image.Image", generator: np.random.RandomState) -> NDArray[np.uint8]:
    """Rotate, scale and shift a glyph at random; return (28, 28) uint8."""
    from PIL import Image

    degrees, scale = generator.uniform(-MAX_DEGREES, MAX_DEGREES), generator.uniform(MIN_SCALE, 1)
    down, right = generator.randint(-1, 2, size=2)
    rotated = glyph.rotate(degrees, Image.Resampling.BILINEAR, expand=True)
    rotated = rotated.crop(rotated.getbbox())
    shrink = scale * BOX / max(rotated.size)
    width, height = (max(1, round(side * shrink)) for side in rotated.size)
    ink = np.asarray(rotated.resize((width, height), Image.Resampling.BILINEAR))
    mass = ink.sum(dtype=np.float64)
    row = ink.sum(axis=1) @ np.arange(height) / mass
    column = ink.sum(axis=0) @ np.arange(width) / mass
    image = np.zeros((SIDE, SIDE), np.uint8)
    top = min(max(math.floor(SIDE / 2 - row) + down, 0), SIDE - height)
    left = min(max(math.floor(SIDE / 2 - column) + right, 0), SIDE - width)
    image[top : top + height, left : left + width] = ink
    return image


SOURCES = (Letters(),)
