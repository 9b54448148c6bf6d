"""Error maps: one PNG file per image with the image, its reconstruction and where they differ."""

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from aecli.data.formats.known import SUFFIXES
from aecli.data.grids import MIN_SIDE
from aecli.data.saving import save_image
from aecli.detection.inspection import Detection
from aecli.errors import UsageError
from aecli.inference.model import ModelOutput
from aecli.storage.paths import plain_name

COLORMAP = "inferno"
BRIGHTEST_ERROR = 128
"""The error in gray levels (0..255) of the brightest color. Larger errors are rare, and get the same color."""
GAP = 4


class Heatmaps:
    """Writes heatmaps to a folder, under distinct names."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._used_names: set[str] = set()

    def require_other_folder(self, paths: Iterable[str]) -> None:
        """Check that no inspected image file is in the folder of the heatmaps.

        Raises:
            UsageError: an image is in the folder, so that a heatmap could replace it.
        """
        folder = self._folder.resolve()
        for path in map(Path, paths):
            if path.parent.resolve() == folder and path.is_file():
                raise UsageError(
                    f"heatmaps would be written among the images: {self._folder}",
                    hint="name another folder with --heatmaps",
                )

    def draw(self, detection: Detection) -> Path:
        """Write the image, its reconstruction and its error map side by side; return the file's path.

        The file name consists of the image's folders and name, and a number if that name is used already.
        """
        path = self._folder / self._file_name(detection.path)
        save_image(heatmap(detection.output), path)
        return path

    def _file_name(self, path: str) -> str:
        stem = path.removesuffix(Path(path).suffix) if Path(path).suffix.lower() in SUFFIXES else path
        base = plain_name(stem, "image")
        name, number = f"{base}.png", 2
        while name.lower() in self._used_names:  # some file systems ignore case
            name, number = f"{base}-{number}.png", number + 1
        self._used_names.add(name.lower())
        return name


def heatmap(output: ModelOutput) -> NDArray[np.uint8]:
    """Return an image, its reconstruction and its error map in a row, (3, H', W') uint8 on white.

    `output` is the model's output for one image. Errors of `BRIGHTEST_ERROR` gray levels and more have the same color.
    """
    image, reconstruction = output.images[0], output.reconstructions[0]
    error = output.error_maps[0]
    shades = np.minimum(error * (255 / BRIGHTEST_ERROR), 255).astype(np.uint8)
    heat = _palette()[shades].transpose(2, 0, 1)
    panels = [_to_rgb(image), _to_rgb(np.rint(reconstruction).astype(np.uint8)), heat]
    scale = max(1, -(-2 * MIN_SIDE // min(error.shape)))
    return _in_a_row([panel.repeat(scale, axis=1).repeat(scale, axis=2) for panel in panels])


@cache
def _palette() -> NDArray[np.uint8]:
    """Return the colors from no error to `BRIGHTEST_ERROR`, (256, 3)."""
    colors = mpl.colormaps[COLORMAP](np.linspace(0, 1, 256))[:, :3]
    palette: NDArray[np.uint8] = np.rint(255 * np.asarray(colors)).astype(np.uint8)
    return palette


def _to_rgb(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.broadcast_to(image, (3, *image.shape[1:]))


def _in_a_row(panels: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    height, width = panels[0].shape[1:]
    canvas = np.full((3, height, len(panels) * (width + GAP) - GAP), 255, np.uint8)
    for index, panel in enumerate(panels):
        left = index * (width + GAP)
        canvas[:, :, left : left + width] = panel
    return canvas
