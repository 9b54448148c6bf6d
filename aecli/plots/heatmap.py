"""Heatmaps: one PNG file per image with the image, and with what is unusual in it, for an inspector."""

from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from aecli.data.image_files import quiet
from aecli.data.resize import to_pil
from aecli.detection.detector import Detector
from aecli.detection.inspection import Detection
from aecli.plots.color_scale import color_scale
from aecli.plots.heatmap_strip import PAPER, strip
from aecli.plots.image_names import ImageNames
from aecli.plots.inspected_view import InspectedView, is_reconstructed, map_of, view_of
from aecli.storage.atomic import atomic_write

if TYPE_CHECKING:
    from PIL.Image import Image

LONGEST_SIDE = 2000
"""Pixels of the longer side of the drawn image; larger images are scaled down."""
NARROWEST = 400
"""Pixels of the smallest width, for the text."""
GAP = 6
SCREEN = (16, 9)
"""Ratio of the screen that panels are arranged for."""
COMPRESSION = 4
"""Level of zlib: higher ones take longer and hardly make photographs smaller."""


class Heatmaps:
    """Writes heatmaps to a folder, under distinct names."""

    def __init__(self, folder: Path, detector: Detector):
        self._names = ImageNames(folder, ".png")
        self._detector = detector

    def require_other_folder(self, paths: Iterable[str]) -> None:
        """Check that no inspected image file is in the folder of the heatmaps.

        Raises:
            UsageError: an image is in the folder, so that a heatmap could replace it.
        """
        self._names.require_other_folder(paths, "heatmaps", "--heatmaps")

    def draw(self, detection: Detection) -> Path:
        """Write the heatmap of an image; return the file's path.

        Raises:
            UnavailableError: the file cannot be written.
        """
        path = self._names.path_for(detection.path)
        content = BytesIO()
        with quiet():
            drawn = heatmap(detection, self._detector)
        drawn.save(content, format="PNG", compress_level=COMPRESSION)
        with atomic_write(path) as file:
            file.write(content.getbuffer())
        return path


def heatmap(detection: Detection, detector: Detector) -> "Image":
    """Return an image of mode RGB: a strip with the verdict, and below it the inspected image without and with colors.

    The image has its own size, up to `LONGEST_SIDE`. Colors lie where it differs from normal images, and a line around
    what is above the threshold. A model that reconstructs images adds the reconstruction.
    """
    from PIL import Image

    scale = color_scale(detector)
    view = view_of(detection, scale, LONGEST_SIDE)
    panels = [view.image]
    if map_of(detection) is not None:
        panels.append(view.combined())
    if is_reconstructed(detection):
        panels.append(_reconstruction(detection, view))
    placed = _arranged(panels)
    width = max(NARROWEST, *(left + panel.width for left, _, panel in placed))
    text = strip(detection, detector, scale if len(panels) > 1 else None, width)
    height = text.height + max(top + panel.height for _, top, panel in placed)
    canvas = Image.new("RGB", (width, height), PAPER)
    canvas.paste(text, (0, 0))
    for left, top, panel in placed:
        canvas.paste(panel, (left, text.height + top))
    return canvas


def _reconstruction(detection: Detection, view: InspectedView) -> "Image":
    """Return the reconstruction as high as the view; of a cropped or padded image, in its own ratio."""
    from PIL import Image

    image = to_pil(np.rint(detection.output.reconstructions[0]).astype(np.uint8))
    width, height = view.image.size
    if detection.original is not None and detection.original.conversion.resize != "stretch":
        width = max(1, round(height * image.width / image.height))
    return image.resize((width, height), Image.Resampling.NEAREST if view.is_enlarged else Image.Resampling.BICUBIC)


def _arranged(panels: "Sequence[Image]") -> "list[tuple[int, int, Image]]":
    """Return (left, top, panel) of panels in a row, or in a column if they are larger on a screen that way."""
    widths, heights = ([side + GAP for side in sides] for sides in zip(*(panel.size for panel in panels), strict=True))
    in_row = min(SCREEN[0] / sum(widths), SCREEN[1] / max(heights))
    in_column = min(SCREEN[0] / max(widths), SCREEN[1] / sum(heights))
    if in_row >= in_column:
        return [(sum(widths[:index]), 0, panel) for index, panel in enumerate(panels)]
    return [(0, sum(heights[:index]), panel) for index, panel in enumerate(panels)]
