"""The colors of score maps: none where an image looks as normal images do, and stronger ones the more unusual it is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aecli.checkpoint import NormalMaps
from aecli.detection.detector import Detector
from aecli.detection.reductions import MEAN

SHADES = 62
OUTLINE, HALO = SHADES, SHADES + 1
"""Indices of the palette after the shades: a bright line, and the dark one around it."""
OUTLINE_COLOR, HALO_COLOR = (0, 229, 255, 255), (0, 0, 0, 150)
STOPS = ((255, 214, 10), (255, 136, 0), (235, 20, 60), (150, 0, 110))
"""Colors from the start of the scale to its end, at equal distances."""
STRONGEST = 0.6
"""Opacity at the end of the scale."""
REACH = 3
"""The least distance of the end from the outline, in units of that of the outline from the start."""
FACTOR = 2
"""The least distance of the end from the outline, in units of the outline: large defects have a core."""
FADE = 1.4
"""Exponent of the opacity: with more than 1, what is hardly unusual stays nearly transparent."""
LARGE = "larger than in 99% of normal images"
UNKNOWN_ERRORS = NormalMaps(8.0, 32.0, 64.0)
"""Errors in gray levels that are taken as those of normal images if a detector does not know them."""


@dataclass(frozen=True)
class ColorScale:
    """How the values of a map become colors."""

    start: float
    """Values up to it are transparent."""
    outline: float
    """Regions with larger values are outlined; it has the color in the middle."""
    end: float
    """Larger values have the same color."""
    meaning: str
    """What is outlined, for a legend."""

    def shades(self, score_map: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Return the index into `palette` for each value of a map, (h, w); 0 for NaN."""
        level = np.interp(score_map, [self.start, self.outline, self.end], [0, 0.5, 1])
        return np.rint(np.nan_to_num(level) * (SHADES - 1)).astype(np.uint8)


def color_scale(detector: Detector) -> ColorScale:
    """Return the scale for the maps of a detector: from the usual values of normal images to the threshold and beyond.

    Of a score without maps, these are error maps. The threshold of a mean does not apply to single positions: as in
    error maps, the largest usual value takes its place.
    """
    header, normal = detector.header, detector.header.normal_maps
    if not detector.has_maps:
        return _scale_of_errors(normal)
    if header.map_reduction == MEAN and normal is not None:
        outline, meaning = normal.highest, LARGE
    else:
        outline, meaning = header.threshold, "above the threshold"
    start = _start(normal, outline)
    return ColorScale(start, outline, outline + max(REACH * (outline - start), FACTOR * outline), meaning)


def palette() -> NDArray[np.uint8]:
    """Return the red, green, blue and opacity of each shade, of the outline and of its halo, (SHADES + 2, 4)."""
    level = np.linspace(0, 1, SHADES)
    colors = [np.interp(level, np.linspace(0, 1, len(STOPS)), channel) for channel in zip(*STOPS, strict=True)]
    opacity = 255 * STRONGEST * np.minimum(2 * level, 1) ** FADE
    shades = np.rint(np.stack([*colors, opacity], axis=1)).astype(np.uint8)
    return np.concatenate([shades, np.array([OUTLINE_COLOR, HALO_COLOR], np.uint8)])


def _scale_of_errors(normal: NormalMaps | None) -> ColorScale:
    shown = normal or UNKNOWN_ERRORS
    start = _start(shown, shown.highest)
    meaning = f"errors above {shown.highest:g} gray levels" if normal is None else LARGE
    return ColorScale(start, shown.highest, shown.highest + REACH * (shown.highest - start), meaning)


def _start(normal: NormalMaps | None, outline: float) -> float:
    """Return where the colors start: below the outline, however small that is."""
    candidates = [] if normal is None else [normal.high, (normal.median + outline) / 2]
    fallback = outline / 2 if outline > 0 else outline - 1
    return next((value for value in candidates if value < outline - 1e-3 * abs(outline)), fallback)
