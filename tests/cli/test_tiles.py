"""Large images by tiles: in train, calibrate and detect, and what the files say of them."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from aecli.checkpoint import read_header
from aecli.codes import load_codes
from aecli.data.tiling import Tiling
from aecli.detection.detector import load_detector
from aecli.errors import ExitStatus
from tests.command_line import Run, succeed

INVERTED = np.zeros((24, 32), bool)
INVERTED[8:16, 16:24] = True
"""The pixels of the digit that is inverted in anomalous images."""
TRAIN = ("--recipe", "conv", "--epochs", "1", "--device", "cpu", "--tile", "8", "--overlap", "2")


def write_mosaics(folder: Path, digits: NDArray[np.uint8], count: int, seed: int) -> Path:
    """Write images of 3x4 digits, 24x32 pixels."""
    folder.mkdir(parents=True)
    for index, chosen in enumerate(np.random.default_rng(seed).integers(0, len(digits), (count, 3, 4))):
        rows = [np.concatenate(digits[row, 0], 1) for row in chosen]
        Image.fromarray(np.concatenate(rows, 0)).save(folder / f"{index:02}.png")
    return folder


@pytest.fixture(scope="module")
def normal(digits: NDArray[np.uint8], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_mosaics(tmp_path_factory.mktemp("normal") / "normal", digits, 24, seed=0)


@pytest.fixture(scope="module")
def anomalous(digits: NDArray[np.uint8], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of mosaics with one inverted digit each."""
    folder = write_mosaics(tmp_path_factory.mktemp("anomalous") / "anomalous", digits, 8, seed=1)
    for path in folder.iterdir():
        with Image.open(path) as image:
            pixels = np.array(image)
        pixels[INVERTED] = 255 - pixels[INVERTED]
        Image.fromarray(pixels).save(path)
    return folder


@pytest.fixture(scope="module")
def run(normal: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the run folder of a model of tiles."""
    folder = tmp_path_factory.mktemp("tiled") / "run"
    succeed("train", normal, "-o", folder, *TRAIN)
    return folder


def test_tiles_are_the_training_images_and_stay_with_their_image(run: Path) -> None:
    header = read_header(run / "model.safetensors")
    assert header.image_shape == (1, 8, 8)
    assert (header.recipe["model"]["tile"], header.recipe["model"]["overlap"]) == (8, 2)
    assert header.data.images + header.validation.images == 24
    assert sum(header.trained_images) > 15 * header.data.images  # some of its 20 tiles are equal


def test_the_size_of_tiles_can_be_changed_for_the_model(aecli: Run, normal: Path, tmp_path: Path) -> None:
    words = (*TRAIN[:-4], "--tile", "16", "--image-size", "8")
    result = aecli("train", normal, "-o", tmp_path / "run", *words)
    assert result.status == 0, result.err
    header = read_header(tmp_path / "run" / "model.safetensors")
    assert header.image_shape == (1, 8, 8)
    assert (header.recipe["model"]["tile"], header.recipe["model"]["overlap"]) == (16, 2)
    assert "24 images cut into" in result.err


def test_a_run_resumes_and_repeats_with_its_tiles(aecli: Run, run: Path, normal: Path, tmp_path: Path) -> None:
    again = aecli("train", normal, "-o", tmp_path / "run", "--recipe", run / "recipe.toml", "--device", "cpu")
    assert again.status == 0, again.err
    assert read_header(tmp_path / "run" / "model.safetensors") == read_header(run / "model.safetensors")


def test_detect_cuts_images_as_the_model_was_trained(aecli: Run, run: Path, normal: Path) -> None:
    result = aecli("detect", normal, "--model", run)
    assert result.status == 0, result.err
    assert len(result.rows) == 24
    assert "24 images cut into 480 tiles" in result.err
    assert sum(row[3] == "anomaly" for row in result.rows) <= 6  # the threshold is that of images, not of tiles
    whole = aecli("detect", normal, "--model", run, "--tile", "0")
    assert [row[1] for row in whole.rows] != [row[1] for row in result.rows]
    assert "tiles" in whole.err


@pytest.mark.slow
@pytest.mark.parametrize("score", ["local", "knn"])
def test_calibrate_and_detect_with_tiles(
    score: str, aecli: Run, run: Path, normal: Path, anomalous: Path, tmp_path: Path
) -> None:
    detector = tmp_path / "detector.safetensors"
    words = ("--normal", normal, "--anomalous", anomalous, "--score", score, "-o", detector, "--json")
    calibrated = aecli("calibrate", "--model", run, *words)
    assert calibrated.status == 0, calibrated.err
    header = load_detector(detector).header
    assert (header.tiles, header.normal.images) == (Tiling(8, 2), 24)
    maps = ("--maps", tmp_path / "maps", "--maps-format", "npy") if score == "local" else ()
    result = aecli("detect", normal, anomalous, "--model", run, "--detector", detector, *maps)
    assert result.status == 0, result.err
    assert "32 images cut into 640 tiles" in result.err
    if score == "knn":
        scores = np.array([float(row[1]) for row in result.rows])
        assert np.median(scores[24:]) > np.median(scores[:24])
    else:  # the largest error is that of a bright stroke in all images, but that of an inverted digit is large all over
        found = np.stack([np.load(path) for path in (tmp_path / "maps").glob("*anomalous_0*.npy")])
        assert found.shape == (8, 24, 32)
        assert found[:, INVERTED].mean() > found[:, ~INVERTED].mean()


def test_maps_of_images_in_tiles_are_measured_by_masks(
    aecli: Run, run: Path, normal: Path, anomalous: Path, tmp_path: Path
) -> None:
    for path in anomalous.iterdir():
        Image.fromarray(INVERTED).save(tmp_path / f"{path.stem}_mask.png")
    words = ("--normal", normal, "--anomalous", anomalous, "--masks", tmp_path, "--score", "local")
    result = aecli("calibrate", *words, "--model", run, "-o", tmp_path / "detector.safetensors", "--json")
    assert result.status == 0, result.err
    pixels = result.document["scores"][0]["pixels"]
    assert (pixels["anomalous"], pixels["regions"]) == (4, 4)
    assert pixels["auroc"]["value"] > 0.6, "inverted digits are bright, which digits are not"


def test_another_tiling_is_chosen_by_calibrate_and_kept_in_the_detector(
    aecli: Run, conv_run: Path, normal: Path, tmp_path: Path
) -> None:
    detector = tmp_path / "detector.safetensors"
    words = ("--model", conv_run, "--normal", normal, "-o", detector)
    assert aecli("calibrate", *words, "--tile", "8").status == 0
    assert load_detector(detector).header.tiles == Tiling(8, 1)
    result = aecli("detect", normal, "--model", conv_run, "--detector", detector)
    assert "tiles of 8x8" in result.err
    assert "whole images" not in result.err
    assert aecli("calibrate", *words).status == 0
    assert load_detector(detector).header.tiles is None


def test_info_tells_the_tiles(aecli: Run, run: Path, conv_run: Path) -> None:
    assert "8x8 pixels that overlap by 2" in aecli("info", run).out
    assert "tiles" not in aecli("info", conv_run).out


def test_codes_of_tiles_know_their_images(aecli: Run, run: Path, normal: Path, tmp_path: Path) -> None:
    result = aecli("encode", normal, "--model", run, "-o", tmp_path / "codes.npz")
    assert result.status == 0, result.err
    codes = load_codes(tmp_path / "codes.npz")
    assert (len(codes), codes.meta.tiles) == (480, [8, 2])
    assert codes.names[0] == "00.png#tile1"


@pytest.mark.parametrize(
    ("words", "noun"),
    [
        (("train", "{normal}", "-o", "{out}", "--tile", "8", "--overlap", "8"), "overlap"),
        (("train", "{normal}", "-o", "{out}", "--overlap", "2"), "overlap"),
        (("train", "{normal}", "-o", "{out}", "--tile", "8", "--set", "objective.loss=cross-entropy"), "classifier"),
        (("calibrate", "--normal", "{normal}", "--model", "{run}", "--overlap", "2"), "overlap"),
        (("detect", "{normal}", "--model", "{run}", "--tile", "-8"), "tile"),
    ],
)
def test_impossible_tiles_are_refused(
    words: tuple[str, ...], noun: str, aecli: Run, run: Path, normal: Path, tmp_path: Path
) -> None:
    result = aecli(*(word.format(normal=normal, run=run, out=tmp_path / "out") for word in words))
    assert (result.status, result.out) == (ExitStatus.USAGE, "")
    assert noun in result.err.splitlines()[0]
    assert not (tmp_path / "out").exists()


def test_data_sets_of_arrays_are_refused(aecli: Run, tmp_path: Path) -> None:
    result = aecli("train", "digits", "-o", tmp_path / "run", *TRAIN)
    assert result.status == ExitStatus.INPUT
    assert "tiles" in result.err.splitlines()[0]
