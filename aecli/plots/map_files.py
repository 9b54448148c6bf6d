"""Write the score map of each image to a file, for other programs."""

from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aecli.detection.inspection import Detection
from aecli.errors import UsageError
from aecli.plots.image_names import ImageNames
from aecli.plots.inspected_view import map_of
from aecli.plots.map_formats import MapFormat
from aecli.storage.atomic import atomic_write


class MapFiles:
    """Writes maps to a folder, under distinct names."""

    def __init__(self, folder: Path, file_format: MapFormat = "tiff"):
        self._format = file_format
        self._names = ImageNames(folder, f".{file_format}")

    def require_other_folder(self, paths: Iterable[str]) -> None:
        """Check that no inspected image file is in the folder of the maps.

        Raises:
            UsageError: an image is in the folder, so that a map could replace it.
        """
        self._names.require_other_folder(paths, "maps", "--maps")

    def write(self, detection: Detection) -> Path:
        """Write the map at the size of the image, (H, W) float32, in the units of the score; return the file's path.

        Values between the positions of the map are interpolated linearly. They are NaN where the model does not see the
        image because it is cropped. A TIFF file has one channel.

        Raises:
            UsageError: there is no map.
            UnavailableError: the file cannot be written.
        """
        score_map, original = map_of(detection), detection.original
        if score_map is None:
            raise UsageError("there are no maps to write", hint="calibrate with a score of maps, such as position")
        if original is not None:
            score_map = original.place(score_map, original.size, detection.overhang)
        path = self._names.path_for(detection.path)
        content = _npy(score_map) if self._format == "npy" else _tiff(score_map)
        with atomic_write(path) as file:
            file.writelines(content)
        return path


def _npy(score_map: NDArray[np.float32]) -> Iterator[memoryview]:
    """Yield the header and the values; `np.save` would not notice that a disk is full."""
    score_map = np.ascontiguousarray(score_map)
    header = BytesIO()
    np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(score_map))
    yield header.getbuffer()
    yield score_map.data


def _tiff(score_map: NDArray[np.float32]) -> Iterator[memoryview]:
    """Yield the file; libtiff, which would write to a file itself, explains no error of it."""
    from PIL import Image

    content = BytesIO()
    Image.fromarray(score_map).save(content, format="TIFF", compression="tiff_adobe_deflate")
    yield content.getbuffer()
