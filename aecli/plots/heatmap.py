"""Where a picture and its reconstruction differ: one small PNG for each picture."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from aecli.data.grids import MIN_SIDE
from aecli.data.image_files import SUFFIXES
from aecli.data.saving import save_image
from aecli.detection.inspection import Detection
from aecli.errors import UsageError
from aecli.inference.model import ModelOutput
from aecli.storage.paths import plain_name

COLORS = "inferno"
LARGEST = 128
"""The error, in levels of 0..255, that is shown brightest: larger ones are rare and look the same."""
GAP = 4


class Heatmaps:
    """A folder of heatmaps, no two of the same name."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._taken: set[str] = set()

    def require_apart(self, findings: Iterable[Detection]) -> None:
        """See that no heatmap may come to lie where a picture is.

        Raises:
            UsageError: a picture is in the folder.
        """
        here = self._folder.resolve()
        for finding in findings:
            path = Path(finding.path)
            if path.parent.resolve() == here and path.is_file():
                raise UsageError(
                    f"heatmaps would lie among the pictures: {self._folder}",
                    hint="name another folder with --heatmaps",
                )

    def draw(self, finding: Detection) -> Path:
        """Write the input, its reconstruction and the error of each pixel side by side; return the file's path.

        It is called like the picture, its folders included, and gets a number where another one is called so.
        """
        path = self._folder / self._name(finding.path)
        save_image(side_by_side(finding.output, self._palette), path)
        return path

    def _name(self, path: str) -> str:
        stem = path.removesuffix(Path(path).suffix) if Path(path).suffix.lower() in SUFFIXES else path
        plain = plain_name(stem, "picture")
        name, number = f"{plain}.png", 2
        while name.lower() in self._taken:  # some file systems do not tell upper from lower case
            name, number = f"{plain}-{number}.png", number + 1
        self._taken.add(name.lower())
        return name

    @cached_property
    def _palette(self) -> NDArray[np.uint8]:
        """(256, 3), a color for each part of `LARGEST`."""
        colors = mpl.colormaps[COLORS](np.linspace(0, 1, 256))[:, :3]
        palette: NDArray[np.uint8] = np.rint(255 * np.asarray(colors)).astype(np.uint8)
        return palette


def side_by_side(output: ModelOutput, palette: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the picture (3, H', W') uint8 of one input, its reconstruction and its error, on white.

    Args:
        output: of one image.
        palette: (256, 3) uint8, from no error to one of `LARGEST` levels and more, averaged over channels.
    """
    image, restored = output.images[0], output.reconstructions[0]
    error = np.abs(image - restored).mean(axis=0)  # (H, W)
    shades = np.minimum(error * (255 / LARGEST), 255).astype(np.uint8)
    heat = palette[shades].transpose(2, 0, 1)
    panels = [_colored(image), _colored(np.rint(restored).astype(np.uint8)), heat]
    scale = max(1, -(-2 * MIN_SIDE // min(error.shape)))
    return _in_a_row([panel.repeat(scale, axis=1).repeat(scale, axis=2) for panel in panels])


def _colored(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.broadcast_to(image, (3, *image.shape[1:]))


def _in_a_row(panels: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    height, width = panels[0].shape[1:]
    canvas = np.full((3, height, len(panels) * (width + GAP) - GAP), 255, np.uint8)
    for index, panel in enumerate(panels):
        left = index * (width + GAP)
        canvas[:, :, left : left + width] = panel
    return canvas
