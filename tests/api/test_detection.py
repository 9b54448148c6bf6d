"""`aecli.detect`: names, scores and verdicts of images from files, data sets and memory."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import aecli
from aecli.errors import AecliWarning, InputError, UsageError
from aecli.inference.model import Model
from tests.command_line import succeed


@pytest.fixture(scope="module")
def model(conv_run: Path) -> Model:
    return aecli.load(conv_run, device="cpu")


def test_the_results_are_those_of_the_command_line(model: Model, conv_run: Path, image_folder: Path) -> None:
    lines = succeed("detect", image_folder, "-m", conv_run, "--json").out.splitlines()
    rows = [row for row in map(json.loads, lines) if "path" in row]
    found = aecli.detect(image_folder, model)
    assert found.names.tolist() == [row["path"] for row in rows]
    assert found.scores.tolist() == pytest.approx([row["score"] for row in rows])
    assert found.verdicts.tolist() == [row["verdict"] for row in rows]
    assert found.threshold == rows[0]["threshold"]


def test_arrays_images_and_paths_have_equal_scores(model: Model, image_folder: Path) -> None:
    paths = sorted(image_folder.rglob("*.png"))
    images = [Image.open(path) for path in paths]
    for image in images:
        image.load()  # closes the file
    arrays = np.stack([np.asarray(image) for image in images])
    expected = aecli.detect(paths, model)
    assert expected.names.tolist() == list(map(str, paths))
    for given in (arrays, images, arrays / 255.0, list(arrays)):
        found = aecli.detect(given, model)
        assert found.scores == pytest.approx(expected.scores)
    assert aecli.detect(arrays, model).names.tolist() == [str(index) for index in range(len(paths))]
    assert aecli.detect(images, model).names.tolist() == list(map(str, paths))


@pytest.mark.filterwarnings("ignore:mean gray alone:aecli.errors.AecliWarning")
def test_a_calibration_decides(model: Model, tmp_path: Path) -> None:
    calibration = aecli.calibrate(model, "digits:test@-1", "digits:test@1", score="knn")
    file = calibration.save(tmp_path / "detector.safetensors")
    found = aecli.detect("digits:test", model, calibration)
    assert found.threshold == calibration.threshold
    assert found.detector.header.score == "knn"
    assert found.probabilities is not None
    for same in (calibration.detector, file, str(file)):
        assert np.array_equal(aecli.detect("digits:test", model, same).scores, found.scores)
    assert aecli.detect("digits:test", model).detector.header.score == "residual"


def test_the_threshold_can_be_given(model: Model, digits: NDArray[np.uint8]) -> None:
    scores = aecli.detect(digits, model).scores
    threshold = float(np.median(scores))
    found = aecli.detect(digits, model, threshold=threshold)
    assert np.array_equal(found.is_anomaly, scores > threshold)
    assert "179 anomalies" in repr(found)


def test_columns_have_one_value_per_image(model: Model, digits: NDArray[np.uint8]) -> None:
    found = aecli.detect(digits[:7], model)
    columns = found.to_dict()
    assert list(columns) == ["name", "score", "threshold", "verdict"]
    assert {len(values) for values in columns.values()} == {len(found)} == {7}


def test_heatmaps_are_made_on_demand(model: Model, conv_run: Path, image_folder: Path, tmp_path: Path) -> None:
    succeed("detect", image_folder, "-m", conv_run, "--device", "cpu", "--heatmaps", tmp_path / "heatmaps", "-q")
    found = aecli.detect(image_folder, model)
    files = sorted((tmp_path / "heatmaps").iterdir())
    for index, file in enumerate(files):
        shown, written = (np.asarray(image, np.int64) for image in (found.heatmap(index), Image.open(file)))
        assert np.abs(shown - written).mean() < 0.1  # a batch of one image is rounded in another way
    assert found.error_map(0).shape == (8, 8)
    assert aecli.detect(aecli.load_images(str(image_folder)), model).error_map(0) == pytest.approx(found.error_map(0))


def test_a_score_of_maps_returns_them(model: Model, digits: NDArray[np.uint8]) -> None:
    calibration = aecli.calibrate(model, "digits:test", score="local")
    found = aecli.detect(digits[:3], model, calibration)
    assert [found.score_map(index).max() for index in range(3)] == pytest.approx(found.scores.tolist(), rel=1e-4)
    with pytest.raises(UsageError, match="maps"):
        aecli.detect(digits[:3], model).score_map(0)


def test_images_that_cannot_be_read_are_listed(model: Model, image_folder: Path) -> None:
    bad = image_folder / "bad.png"
    bad.write_bytes(b"no image")
    with pytest.warns(AecliWarning, match=r"bad\.png"):
        found = aecli.detect(image_folder, model)
    assert len(found) == 6
    assert [failure.name for failure in found.failures] == [str(bad)]
    with pytest.warns(AecliWarning), pytest.raises(InputError):
        aecli.detect([str(bad), "missing.png"], model)


def test_invalid_arguments(model: Model, digits: NDArray[np.uint8], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no images"):
        aecli.detect(digits[:0], model)
    with pytest.raises(UsageError, match="threshold"):
        aecli.detect(digits, model, threshold=float("nan"))
    with pytest.raises(InputError, match="detector"):
        aecli.detect(digits, model, tmp_path / "missing.safetensors")
    with pytest.raises(InputError) as error:
        aecli.detect(digits, tmp_path)
    assert any("hint" in note for note in error.value.__notes__)


def test_nothing_is_printed(model: Model, digits: NDArray[np.uint8], capfd: pytest.CaptureFixture[str]) -> None:
    aecli.detect(digits, model)
    assert capfd.readouterr() == ("", "")
