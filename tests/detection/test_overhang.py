"""Maps that extend beyond the image, where the network or blocks pad it: each value lies on the pixels of its cell.

The images have 100 pixels, and the maps 7 positions of 16 pixels, which cover 112: position 5 covers pixels 80 to 96.
"""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from aecli.checkpoint import CheckpointHeader
from aecli.data.conversion import Conversion, Resize
from aecli.data.image_set import ImageSet
from aecli.data.tiling import TiledSet, Tiling
from aecli.detection import calibration
from aecli.detection.block_means import block_means
from aecli.detection.calibration import calibrate
from aecli.detection.map_resizing import resized_maps
from aecli.detection.options import CalibrationOptions
from aecli.detection.original import OriginalImage
from aecli.detection.overhang import NO_OVERHANG, block_overhang, code_overhang
from aecli.detection.pixel_evaluation import EvaluationMaps, PixelEvaluation
from aecli.detection.pixel_metrics import PixelHistograms, find_regions
from aecli.detection.scores import MapScore, find_score, local, overhang_of, score_names
from aecli.detection.tiled_scores import group_by_image, in_tiles
from aecli.inference.model import Model
from aecli.models.architectures import build_parts
from aecli.models.layers import PadToMultiple
from tests.models.image_architectures import IMAGE_ARCHITECTURES

SIDE, CELL, CELLS = 100, 16, 7
OVERHANG = (0.75, 0.75)
SIZES = [(64, 96), (100, 72), (33, 47)]


def header(code: tuple[int, ...], size: tuple[int, int] = (SIDE, SIDE), task: str = "autoencoder") -> CheckpointHeader:
    return cast("CheckpointHeader", SimpleNamespace(task=task, image_shape=(1, *size), code_shape=code))


def hot() -> NDArray[np.float32]:
    """Return a map whose position (5, 5) is 1 and all others 0."""
    score_map = np.zeros((CELLS, CELLS), np.float32)
    score_map[5, 5] = 1
    return score_map


def peak(pixels: NDArray[np.float32]) -> tuple[float, float]:
    """Return the middle of the largest values, (row, column) of pixels."""
    row, column = np.argwhere(pixels > 0.9 * pixels.max()).mean(axis=0)
    return float(row), float(column)


# How much it is


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", IMAGE_ARCHITECTURES)
def test_the_overhang_of_codes_is_the_padding_of_the_network(name: str, size: tuple[int, int]) -> None:
    encoder, _ = build_parts(name, (1, *size), {})
    with torch.inference_mode():
        code = tuple(encoder.eval()(torch.zeros(1, 1, *size)).shape[1:])
    expected = NO_OVERHANG
    if len(code) == 3:
        factors = [layer.factor for layer in encoder.modules() if isinstance(layer, PadToMultiple)]
        factor = factors[0] if factors else size[0] // code[1]
        expected = code[1] - size[0] / factor, code[2] - size[1] / factor
    assert code_overhang(header(code, size)) == expected


def test_models_of_features_divide_the_image_evenly() -> None:
    assert code_overhang(header((8, CELLS, CELLS))) == OVERHANG
    assert code_overhang(header((8, CELLS, CELLS), task="features")) == NO_OVERHANG
    assert code_overhang(header((8, 1, CELLS), (9, SIDE))) == (1 - 9 / 16, 0.75)  # one row, whose height is unknown


@pytest.mark.parametrize("side", [1, 6, 20])
def test_the_overhang_of_blocks_is_what_the_last_ones_lack(side: int) -> None:
    blocks = block_means(np.zeros((1, SIDE, 72), np.float32), side)[0]
    overhang = block_overhang(SIDE, 72, side)
    assert [own - beyond for own, beyond in zip(blocks.shape, overhang, strict=True)] == [SIDE / side, 72 / side]
    assert 0 <= min(overhang) <= max(overhang) < 1


@pytest.mark.parametrize("name", score_names())
def test_each_score_of_maps_has_one(name: str) -> None:
    score = find_score(name)
    found = overhang_of(score, header((8, CELLS, CELLS)))
    assert isinstance(score, MapScore) == hasattr(score, "maps")
    assert found == ((17 - SIDE / 6,) * 2 if name == "local" else OVERHANG if hasattr(score, "maps") else NO_OVERHANG)


# Where maps lie


def test_a_map_is_resized_as_that_of_the_padded_image_and_cropped() -> None:
    maps = np.random.default_rng(0).gamma(2, 1, (3, CELLS, CELLS)).astype(np.float32)
    padded = resized_maps(maps, (CELLS * CELL, CELLS * CELL))[:, :SIDE, :90]
    assert resized_maps(maps, (SIDE, 90), (0.75, CELLS - 90 / CELL)) == pytest.approx(padded, rel=1e-5)
    assert peak(resized_maps(hot()[None], (SIDE, SIDE), OVERHANG)[0]) == pytest.approx((87.5, 87.5))


def test_pixel_metrics_compare_masks_with_the_pixels_of_the_cells() -> None:
    maps = np.random.default_rng(0).uniform(0, 0.1, (2, CELLS, CELLS)).astype(np.float32)
    maps[1] += hot()
    mask = np.zeros((SIDE, SIDE), bool)
    mask[80:96, 80:96] = True
    found, expected = PixelHistograms(maps.ravel(), OVERHANG), PixelHistograms(maps.ravel())
    padded = resized_maps(maps, (CELLS * CELL, CELLS * CELL))[:, :SIDE, :SIDE]
    for histograms, (normal, anomalous) in ((found, maps), (expected, padded)):
        histograms.add_normal(normal, (SIDE, SIDE))
        histograms.add_anomalous(anomalous, find_regions(mask))
    assert found.metrics(0).auroc.value == pytest.approx(expected.metrics(0).auroc.value, abs=1e-4)


@pytest.mark.parametrize(
    ("resize", "size", "expected"),
    [
        ("stretch", (200, 50), (175.5, 43.5)),
        ("pad", (80, 100), (77.5, 87.5)),  # 10 rows of bars above
        ("crop", (SIDE, 300), (87.5, 187.5)),  # 100 columns to the left are not seen
    ],
)
def test_a_map_is_placed_on_the_original(resize: Resize, size: tuple[int, int], expected: tuple[float, float]) -> None:
    image = OriginalImage((1, *size), Conversion((1, SIDE, SIDE), resize))
    for smooth in (False, True):
        placed = np.nan_to_num(image.place(hot(), size, OVERHANG, smooth=smooth))
        assert peak(placed) == pytest.approx(expected, abs=1.5)


# Where it is used


def test_maps_of_tiles_are_joined_by_the_size_of_their_cells() -> None:
    tiles = TiledSet.of(Tiling(SIDE, 4), np.array([[196, 292]]))
    whole = np.random.default_rng(0).normal(size=(2, 13, 19)).astype(np.float32)
    corners = [tiles.corner(index) for index in range(len(tiles))]
    codes = np.stack(
        [whole[:, top // CELL : top // CELL + CELLS, left // CELL : left // CELL + CELLS] for top, left in corners]
    )
    score = in_tiles(find_score("patch"), header((2, CELLS, CELLS)))
    assert isinstance(score, MapScore)
    (joined,) = score.maps(cast("Any", group_by_image(codes, tiles)), {"bank": np.zeros((1, 2), np.float32)})
    assert joined == pytest.approx(np.linalg.norm(whole, axis=0), rel=1e-3)


def test_calibration_measures_pixels_with_it(
    model: Model, digits: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "overhang", lambda header: (0.5, 0.25))
    found: dict[str, EvaluationMaps] = {}

    def measure(maps: Any, *_: object) -> PixelEvaluation:
        found.update(maps)
        return PixelEvaluation()

    monkeypatch.setattr(calibration, "measure_pixels", measure)
    normal, anomalous = (
        ImageSet(images, np.arange(len(images)).astype(str), word)
        for images, word in ((digits[:12], "normal"), (255 - digits[12:24], "inverted"))
    )
    calibrate(model, normal, anomalous, CalibrationOptions())
    assert found["local"].overhang == (0.5, 0.25)
    assert found["position"].overhang == NO_OVERHANG
