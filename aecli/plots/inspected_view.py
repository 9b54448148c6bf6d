"""What an inspector looks at: the image at its own size, and its map as colors and an outline to lay over it."""

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aecli.data.conversion import AS_IS
from aecli.data.resize import to_pil
from aecli.detection.detector import Detector
from aecli.detection.inspection import Detection
from aecli.detection.original import OriginalImage, Size
from aecli.detection.overhang import NO_OVERHANG, Overhang
from aecli.errors import InputError
from aecli.inference.model import Model
from aecli.plots.color_scale import HALO, OUTLINE, ColorScale, palette

if TYPE_CHECKING:
    from PIL.Image import Image

SMALLEST_SIDE = 128
"""Images with a shorter side are enlarged by a whole factor, so that their pixels are visible."""
PIXELS_PER_LINE_WIDTH = 400
"""Shorter side of an image for each pixel of the outline's width."""


@dataclass(frozen=True)
class InspectedView:
    """An image at some size, and the map that lies on it."""

    image: "Image"
    """Of mode L or RGB."""
    original: OriginalImage
    score_map: NDArray[np.float32] | None
    """(h, w) over the model's input; None if there is no map."""
    scale: ColorScale
    overhang: Overhang = NO_OVERHANG
    """How far the map extends beyond the model's input."""
    is_enlarged: bool = False
    """Whether the image is larger than in its file."""

    def limited(self, longest: int) -> "InspectedView":
        """Return a smaller view whose longer side has at most `longest` pixels."""
        from PIL import Image

        height, width = _limited((self.image.height, self.image.width), longest)
        if (width, height) == self.image.size:
            return self
        return replace(self, image=self.image.resize((width, height), Image.Resampling.LANCZOS))

    def overlay(self) -> "Image | None":
        """Return the colors and the outline as a partly transparent image with a palette; None if there are none."""
        from PIL import Image

        if self.score_map is None:
            return None
        shades = self._shades(self.score_map, (self.image.height, self.image.width))
        if not shades.any():
            return None
        overlay = Image.fromarray(shades)
        overlay.putpalette(_palette_bytes(), rawmode="RGBA")
        return overlay

    def combined(self) -> "Image":
        """Return the image with the colors on it, of mode RGB."""
        from PIL import Image

        image, overlay = self.image.convert("RGB"), self.overlay()
        if overlay is None:
            return image
        return Image.alpha_composite(image.convert("RGBA"), overlay.convert("RGBA")).convert("RGB")

    def _shades(self, score_map: NDArray[np.float32], size: Size) -> NDArray[np.uint8]:
        placed = self.original.place(score_map, size, self.overhang, smooth=True)
        shades, outline = self.scale.shades(placed), self.scale.outline
        inside = placed > outline
        if not inside.any() and score_map.max() > outline:  # interpolation has cut off a single position
            inside = self.original.place((score_map > outline).astype(np.float32), size, self.overhang) > 0.5
        if inside.any():
            _draw_outline(shades, inside)
        return shades


def view_of(detection: Detection, scale: ColorScale, longest: int) -> InspectedView:
    """Return the view of a detection, from the image file, whose longer side has at most `longest` pixels.

    If the image cannot be read again, because it came from a pipe or its file is gone, it is the model's input.
    """
    original = detection.original
    pixels = None if original is None else _reread(original, longest)
    if original is None or pixels is None:
        pixels = detection.output.images[0]
        channels, height, width = pixels.shape
        original = OriginalImage((channels, height, width), AS_IS)
    shorter, longer = sorted(pixels.shape[1:])
    factor = max(1, min(-(-SMALLEST_SIDE // shorter), longest // longer))
    image = to_pil(pixels.repeat(factor, axis=1).repeat(factor, axis=2))
    return InspectedView(image, original, map_of(detection), scale, detection.overhang, is_enlarged=factor > 1)


def has_maps(detector: Detector, model: Model) -> bool:
    """Return whether `map_of` the images of a detector and its model are not None."""
    return detector.has_maps or (model.has_images and detector.header.tiles is None)


def map_of(detection: Detection) -> NDArray[np.float32] | None:
    """Return the score's map of an image, or else its error map, (h, w); None if there is neither."""
    if detection.score_map is not None:
        return detection.score_map
    if not is_reconstructed(detection):
        return None
    error_map: NDArray[np.float32] = detection.output.error_maps[0]
    return error_map


def is_reconstructed(detection: Detection) -> bool:
    """Return whether there is a reconstruction of the whole image: not of one that was cut into tiles."""
    is_cut = detection.original is not None and detection.original.conversion.tiles is not None
    return detection.output.decoded is not None and not is_cut


def _reread(original: OriginalImage, longest: int) -> NDArray[np.uint8] | None:
    try:
        return original.pixels(_limited(original.size, longest))
    except InputError:
        return None


def _draw_outline(shades: NDArray[np.uint8], inside: NDArray[np.bool_]) -> None:
    """Draw a line at the inner edge of the marked region, and a dark one around it."""
    padded = np.pad(inside, 1)
    shades[~inside & _grown(padded)[1:-1, 1:-1]] = HALO
    outside = ~padded
    for _ in range(max(1, round(min(inside.shape) / PIXELS_PER_LINE_WIDTH))):
        outside = _grown(outside)
    shades[inside & outside[1:-1, 1:-1]] = OUTLINE


def _grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the mask with the neighbors above, below, left and right of each marked pixel."""
    grown = mask.copy()
    grown[1:] |= mask[:-1]
    grown[:-1] |= mask[1:]
    grown[:, 1:] |= mask[:, :-1]
    grown[:, :-1] |= mask[:, 1:]
    return grown


def _limited(size: Size, longest: int) -> Size:
    """Return the size with the same ratio whose longer side has at most `longest` pixels."""
    factor = min(1.0, longest / max(size))
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


@cache
def _palette_bytes() -> bytes:
    return palette().tobytes()
