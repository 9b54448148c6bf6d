"""The strip above a heatmap: the verdict, the score and the threshold, the file's name and a legend of the colors."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl

from aecli.detection.detector import Detector
from aecli.detection.inspection import Detection
from aecli.plots.color_scale import OUTLINE_COLOR, SHADES, ColorScale, palette
from aecli.plots.figure import shortened

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

SMALLEST_TEXT, LARGEST_TEXT, WIDTH_PER_TEXT = 12, 30, 45
"""Heights of the text in pixels, and the width of the strip for each pixel of it."""
LONGEST_NAME = 400
INK, PAPER = (24, 28, 32), (255, 255, 255)
VERDICT_COLORS = {"anomaly": (190, 20, 40), "normal": (20, 110, 60)}
LEGEND_PAPER = (96, 96, 96)
"""What the colors of the legend lie on: as in most images, neither black nor white."""


def strip(detection: Detection, detector: Detector, scale: ColorScale | None, width: int) -> "Image":
    """Return the strip, of mode RGB, `width` pixels wide; without a scale it has no legend."""
    from PIL import Image, ImageDraw

    size = max(SMALLEST_TEXT, min(LARGEST_TEXT, width // WIDTH_PER_TEXT))
    margin, line, font = size // 2, size * 3 // 2, _font(size)
    image = Image.new("RGB", (width, margin + (2 if scale is None else 3) * line + margin), PAPER)
    draw = ImageDraw.Draw(image)
    left = margin + _draw_verdict(draw, (margin, margin), detection.verdict, font) + margin
    numbers = f"{detector.header.score} {detection.score:.4g}, threshold {detection.threshold:.4g}"
    draw.text((left, margin), _fitting(numbers, font, width - left - margin), INK, font)
    name = shortened(detection.path, LONGEST_NAME)
    draw.text((margin, margin + line), _fitting(name, font, width - 2 * margin), INK, font)
    if scale is not None:
        _draw_legend(image, (margin, margin + 2 * line), scale, size)
    return image


def _draw_verdict(draw: "ImageDraw", at: tuple[int, int], verdict: str, font: "FreeTypeFont") -> int:
    """Draw the verdict on its color; return its width."""
    left, top = at
    padding = round(font.size / 3)
    width = round(draw.textlength(verdict, font)) + 2 * padding
    draw.rounded_rectangle((left, top - 1, left + width, top + font.size * 1.3), padding, VERDICT_COLORS[verdict])
    draw.text((left + padding, top), verdict, PAPER, font)
    return width


def _draw_legend(image: "Image", at: tuple[int, int], scale: ColorScale, size: int) -> None:
    """Draw what the colors and the outline mean."""
    from PIL import Image, ImageDraw

    left, top = at
    draw, font = ImageDraw.Draw(image), _font(size * 5 // 6)
    before, after = f"usual {scale.start:.3g}", f"{scale.end:.3g}"
    draw.text((left, top), before, INK, font)
    left += round(draw.textlength(before, font)) + size // 2
    bar = Image.new("RGBA", (SHADES, 1), LEGEND_PAPER)
    colors = Image.fromarray(palette()[None, :SHADES])
    bar = Image.alpha_composite(bar, colors).convert("RGB").resize((6 * size, size))
    image.paste(bar, (left, top + size // 6))
    left += bar.width + size // 2
    draw.text((left, top), after, INK, font)
    left += round(draw.textlength(after, font)) + size
    draw.rectangle((left, top + size // 6, left + size, top + size // 6 + size), LEGEND_PAPER)
    draw.rectangle((left, top + size // 6, left + size, top + size // 6 + size), None, OUTLINE_COLOR, max(1, size // 8))
    left += size + size // 2
    draw.text((left, top), _fitting(scale.meaning, font, image.width - left - size // 2), INK, font)


def _fitting(text: str, font: "FreeTypeFont", width: int) -> str:
    """Return the text, without its middle if it is wider than `width` pixels."""
    length = len(text)
    while length > 1 and font.getlength(shortened(text, length)) > width:
        length -= 1
    return shortened(text, length)


@cache
def _font(size: int) -> "FreeTypeFont":
    """Return the font that comes with matplotlib."""
    from PIL import ImageFont

    return ImageFont.truetype(Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", size)
