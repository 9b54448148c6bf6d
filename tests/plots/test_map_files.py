"""Map files: float32 at the size of the image, in the units of the score."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from aecli.detection.inspection import Detection
from aecli.errors import UsageError
from aecli.inference.model import ModelOutput
from aecli.plots.map_files import MapFiles
from tests.plots.detections import detection, hot


def read(path: Path) -> NDArray[np.float32]:
    if path.suffix == ".npy":
        return np.asarray(np.load(path, allow_pickle=False))
    with Image.open(path) as image:
        assert image.mode == "F"
        return np.asarray(image)


def test_both_formats_hold_the_same_values_at_the_size_of_the_image(tmp_path: Path) -> None:
    shown = detection(hot(9.0), np.zeros((1, 120, 96), np.uint8), path="photos/x.jpg")
    files = [MapFiles(tmp_path, "tiff").write(shown), MapFiles(tmp_path, "npy").write(shown)]
    assert [file.name for file in files] == ["photos_x.tiff", "photos_x.npy"]
    tiff, npy = map(read, files)
    assert tiff.dtype == npy.dtype == np.float32
    assert tiff.shape == npy.shape == (120, 96)
    assert np.array_equal(tiff, npy)
    assert npy.min() == 1.0
    assert 8.5 < npy.max() <= 9.0
    assert np.unravel_index(npy.argmax(), npy.shape) == pytest.approx((37.5, 65.5), abs=3)


def test_a_map_that_extends_beyond_the_image_is_cut_off_at_its_edge(tmp_path: Path) -> None:
    """Positions of 16 pixels: the sixth one covers pixels 80 to 96."""
    shown = replace(detection(hot(9.0, (7, 7), (5, 5)), np.zeros((1, 100, 100), np.uint8)), overhang=(0.75, 0.75))
    values = read(MapFiles(tmp_path).write(shown))
    assert values.shape == (100, 100)
    assert np.argwhere(values > 8.4).mean(axis=0) == pytest.approx((87.5, 87.5), abs=1)


def test_what_the_model_does_not_see_is_not_a_number(tmp_path: Path) -> None:
    shown = detection(np.full((4, 4), 2.0, np.float32), np.zeros((3, 40, 80), np.uint8), resize="crop")
    values = read(MapFiles(tmp_path).write(shown))
    assert np.isnan(values[:, :20]).all()
    assert (values[:, 20:60] == 2).all()
    assert np.isnan(values[:, 60:]).all()


def test_a_score_without_maps_writes_errors_in_gray_levels(tmp_path: Path) -> None:
    image = np.full((1, 1, 16, 16), 100, np.uint8)
    output = ModelOutput(image, np.zeros((1, 4), np.float32), image.astype(np.float32) - 30, np.ones(1, np.float32))
    values = read(MapFiles(tmp_path).write(Detection("x.png", 1.0, 0.5, None, output)))
    assert values == pytest.approx(np.full((16, 16), 30.0))


def test_without_any_map_there_is_an_error_and_no_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="maps"):
        MapFiles(tmp_path).write(detection(None))
    assert not list(tmp_path.iterdir())
