"""Write the score map of each image to a file, for other programs."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

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
            score_map = original.place(score_map, original.size)
        path = self._names.path_for(detection.path)
        with atomic_write(path) as file:
            if self._format == "npy":
                np.save(file, score_map, allow_pickle=False)
            else:
                from PIL import Image

                Image.fromarray(score_map).save(file, format="TIFF", compression="tiff_adobe_deflate")
        return path
