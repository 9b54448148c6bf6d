"""`aecli.calibrate` and `aecli.detect` on images in tiles: files, and images in memory."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import aecli
from aecli.data.tiling import Tiling
from aecli.errors import InputError, UsageError
from aecli.inference.model import Model


@pytest.fixture(scope="module")
def model(conv_run: Path) -> Model:
    return aecli.load(conv_run, device="cpu")


@pytest.fixture
def mosaics(digits: NDArray[np.uint8], tmp_path: Path) -> Path:
    """Return a folder of 12 images of 2x3 digits, 16x24 pixels."""
    for index in range(12):
        rows = [np.concatenate(digits[6 * index + 3 * row : 6 * index + 3 * row + 3, 0], 1) for row in range(2)]
        Image.fromarray(np.concatenate(rows, 0)).save(tmp_path / f"{index:02}.png")
    return tmp_path


@pytest.mark.filterwarnings("ignore::aecli.errors.AecliWarning")
def test_a_detector_of_tiles_is_used_for_all_kinds_of_images(model: Model, mosaics: Path) -> None:
    calibration = aecli.calibrate(model, mosaics, tile=8, overlap=2)
    assert calibration.detector.header.tiles == Tiling(8, 2)
    files = sorted(mosaics.iterdir())
    found = aecli.detect(mosaics, model, calibration)
    assert len(found) == 12
    arrays = np.stack([np.asarray(Image.open(file)) for file in files])
    for images in (list(map(Image.open, files)), arrays, list(arrays)):
        assert aecli.detect(images, model, calibration).scores == pytest.approx(found.scores, rel=1e-4)
    whole = aecli.detect(mosaics, model, calibration, tile=0)
    assert not np.allclose(whole.scores, found.scores)
    assert found.heatmap(3).size[0] > 0
    with pytest.raises(UsageError, match="error map") as error:
        found.error_map(3)
    assert "score_map" in str(error.value.__notes__)


@pytest.mark.filterwarnings("ignore::aecli.errors.AecliWarning")
def test_impossible_tiles_are_refused(model: Model, mosaics: Path, digits: NDArray[np.uint8]) -> None:
    with pytest.raises(UsageError, match="tile"):
        aecli.detect(mosaics, model, tile=-1)
    with pytest.raises(UsageError, match="overlap"):
        aecli.calibrate(model, mosaics, overlap=4)
    with pytest.raises(InputError, match="tiles"):
        aecli.calibrate(model, digits, tile=4)
