"""Letters drawn from the fonts that matplotlib bundles: an offline set that is like MNIST, and is not MNIST."""

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
"""Pixels per em: three times the final size, so that turning and shrinking stay smooth."""
BOX = 20
SIDE = 28
MAX_DEGREES = 12
MIN_SCALE = 0.85
UNFIT_FONTS = ("cmex", "cmsy", "LastResort", "STIXNonUni", "STIXSiz")
"""Symbols, and the sizes of brackets; fonts without letters, such as DejaVu's Display ones, are seen by drawing."""
ALPHABET = string.ascii_uppercase + string.ascii_lowercase


class Letters(NamedSource):
    """White on black as MNIST: in a box of 20 pixels, its center of mass in the center of 28; classes A to Z.

    Upper and lower case are one class, as in EMNIST letters. Each image is one glyph of one font, turned, scaled and
    shifted a little, by a fixed seed. 80 % train, 20 % test by a fixed seed, stratified.
    """

    word = "letters"
    summary = f"{26 * PER_CLASS:,} letters A-Z drawn from matplotlib's fonts, 28x28 gray"

    def splits(self) -> tuple[str, ...]:
        """Train and test."""
        return ("train", "test")

    def needs(self, options: DataOptions) -> str | None:
        """The fonts of matplotlib."""
        return None if _font_folder() else HINT

    def read(self, split: str, options: DataOptions, progress: Progress) -> ImageArrays:
        """Draw a split.

        Raises:
            UnavailableError: there are no fonts.
        """
        images, labels = _drawn()
        return seeded_split(images.copy(), labels.copy(), tuple(string.ascii_uppercase), split)


def _font_folder() -> Path | None:
    return packaged_path("matplotlib", "mpl-data", "fonts", "ttf")


@cache
def _drawn() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Draw all: (N, 1, 28, 28) uint8 and (N,) labels, class after class."""
    folder = _font_folder()
    fonts = [glyphs for path in sorted(folder.glob("*.ttf")) if (glyphs := _glyphs(path))] if folder else []
    if not fonts:
        raise UnavailableError("letters need the fonts that matplotlib bundles, which are not here", hint=HINT)
    random = np.random.RandomState(0)  # its stream is frozen for ever
    images = np.empty((26 * PER_CLASS, 1, SIDE, SIDE), np.uint8)
    for index in range(len(images)):
        letter, variant = divmod(index, PER_CLASS)
        case, font = variant % 2, variant // 2 % len(fonts)
        images[index, 0] = _varied(fonts[font][letter + 26 * case], random)
    return images, np.repeat(np.arange(26), PER_CLASS)


def _glyphs(path: Path) -> "list[Image.Image] | None":
    """Draw the 52 letters of a font, white on black; None for a font that has no letters."""
    from PIL import Image, ImageDraw, ImageFont

    if path.name.startswith(UNFIT_FONTS):
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
    # A font without a letter draws the same box in place of each.
    return glyphs if len({glyph.tobytes() for glyph in glyphs}) > len(ALPHABET) - 5 else None


def _varied(glyph: "Image.Image", random: np.random.RandomState) -> NDArray[np.uint8]:
    """Turn, scale and shift a glyph at random; (28, 28) uint8."""
    from PIL import Image

    degrees, scale = random.uniform(-MAX_DEGREES, MAX_DEGREES), random.uniform(MIN_SCALE, 1)
    down, right = random.randint(-1, 2, size=2)
    turned = glyph.rotate(degrees, Image.Resampling.BILINEAR, expand=True)
    turned = turned.crop(turned.getbbox())
    shrink = scale * BOX / max(turned.size)
    width, height = (max(1, round(side * shrink)) for side in turned.size)
    ink = np.asarray(turned.resize((width, height), Image.Resampling.BILINEAR))
    mass = ink.sum(dtype=np.float64)
    row = ink.sum(axis=1) @ np.arange(height) / mass
    column = ink.sum(axis=0) @ np.arange(width) / mass
    image = np.zeros((SIDE, SIDE), np.uint8)
    top = min(max(math.floor(SIDE / 2 - row) + down, 0), SIDE - height)
    left = min(max(math.floor(SIDE / 2 - column) + right, 0), SIDE - width)
    image[top : top + height, left : left + width] = ink
    return image


SOURCES = (Letters(),)
