"""Files that version 0.1 wrote are still read: model, detector, codes, coordinates, recipe, metrics, exported model."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import aecli as package
from aecli.checkpoint.run_folder import RunFolder
from aecli.codes import load_codes
from aecli.detection.detector import load_detector
from aecli.inference.model import Model
from aecli.storage.run_files import DETECTOR_FILE, MODEL_FILE
from tests.command_line import succeed

FILES = Path(__file__).with_name("written_by_0_1")
MODELS = [FILES / MODEL_FILE, FILES / "conv.onnx"]
CODES = {"c8.npz": 8, "c4e.npz": 4}


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    """Return a copy of the files as a run folder that commands may write to."""
    folder = tmp_path / "run"
    shutil.copytree(FILES, folder)
    return folder


@pytest.fixture(params=MODELS, ids=lambda path: path.name)
def model(request: pytest.FixtureRequest) -> Model:
    """Return the model from its checkpoint, and from the exported file."""
    return package.load(request.param, device="cpu")


# Python interface


@pytest.mark.parametrize("name", CODES)
def test_codes_and_residuals_equal_the_stored_ones(name: str, model: Model, digits: NDArray[np.uint8]) -> None:
    stored = load_codes(FILES / name)
    assert stored.meta.model_fingerprint == model.fingerprint
    quantizer = next(quantizer for quantizer in model.header.quantizers if quantizer.bits == CODES[name])
    codes, residuals = model.encode_with_residuals(digits)
    quantized = quantizer.values(quantizer.levels(codes))
    assert (quantized == stored.codes).mean() > 0.99  # values halfway between two levels may be rounded either way
    if stored.residual_l2 is not None:
        assert residuals == pytest.approx(stored.residual_l2, rel=1e-4)


@pytest.mark.parametrize("name", CODES)
def test_stored_codes_are_decoded(name: str, model: Model, digits: NDArray[np.uint8]) -> None:
    decoded = model.decode(load_codes(FILES / name).codes)
    exact = model.reconstruct(digits)
    assert np.abs(decoded.astype(int) - exact).mean() < 3


def test_the_detector_has_the_stored_metrics(model: Model, digits: NDArray[np.uint8]) -> None:
    detector = load_detector(FILES / DETECTOR_FILE)
    assert detector.header.model_fingerprint == model.fingerprint
    assert detector.header.logistic is not None
    (output,) = model.outputs(digits)
    specificity = (detector.scores(output) <= detector.header.threshold).mean()
    assert specificity == pytest.approx(detector.header.measured["normal_right"]["value"], abs=0.03)


def test_the_metrics_of_the_training_are_read() -> None:
    metrics = RunFolder(FILES).load_metrics()
    assert [row.epoch for row in metrics] == [1, 2, 3]
    assert metrics[-1].val_loss == pytest.approx(0.889285, rel=1e-5)


# Commands


@pytest.mark.parametrize("file", sorted(FILES.glob("[!metrics]*")), ids=lambda path: path.name)
def test_info_describes_each_file(file: Path) -> None:
    document = succeed("info", file, "--json").document
    assert document["kind"]
    assert succeed("info", file).out.startswith(f"{file}: ")


def test_info_shows_the_metrics_of_the_detector() -> None:
    out = succeed("info", FILES / DETECTOR_FILE).out
    for metric, value in {"specificity": "0.9778", "recall": "0.9815", "AUROC": "0.9969"}.items():
        (line,) = [line for line in out.splitlines() if line.split()[0] == metric]
        assert line.split()[1] == value


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.name)
def test_encode_and_decode(path: Path, tmp_path: Path) -> None:
    codes, grid = tmp_path / "codes.npz", tmp_path / "grid.png"
    succeed("encode", "digits:test", "--model", path, "--bits", 8, "-o", codes, "--device", "cpu")
    new, stored = load_codes(codes), load_codes(FILES / "c8.npz")
    assert replace(new.meta, network=None) == stored.meta  # 0.1 did not describe the network
    assert (new.codes == stored.codes).mean() > 0.99
    for name in CODES:
        succeed("decode", FILES / name, "--model", path, "-o", grid, "--device", "cpu")
        with Image.open(grid) as image:
            assert image.size[0] > 8


def test_detect_uses_the_detector_beside_the_model() -> None:
    *documents, last = succeed("detect", "digits:test@1", "--model", FILES, "--json", "--device", "cpu").documents
    assert last["summary"]["score"] == "combined"
    assert all(0 <= document["probability"] <= 1 for document in documents)
    assert last["summary"]["anomalies"] < 0.1 * len(documents)
    result = succeed("detect", "letters@A", "--model", FILES / MODEL_FILE, "--json", "--device", "cpu")
    assert result.documents[-1]["summary"]["anomalies"] > 0.9 * (len(result.documents) - 1)


def test_detect_uses_the_exported_model() -> None:
    by_checkpoint, by_export = (
        [document["score"] for document in documents[:-1]]
        for documents in (
            succeed("detect", "digits:test@1", "--model", path, "--json", "--detector", FILES / DETECTOR_FILE).documents
            for path in MODELS
        )
    )
    assert by_export == pytest.approx(by_checkpoint, rel=1e-3, abs=1e-4)


def test_calibrate_replaces_the_detector(run_folder: Path) -> None:
    document = succeed("calibrate", "--model", run_folder, "--normal", "digits:test@-1", "--json").document
    assert document["detector"]["measured"]["specificity"]["value"] > 0.9
    assert load_detector(FILES / DETECTOR_FILE).header.quantile is None
    assert load_detector(run_folder / DETECTOR_FILE).header.quantile == 0.99


@pytest.mark.slow
def test_export_writes_a_model_with_the_same_fingerprint(run_folder: Path, digits: NDArray[np.uint8]) -> None:
    succeed("export", run_folder)
    exported, checkpoint = package.load(run_folder / "model.onnx"), package.load(FILES / MODEL_FILE, device="cpu")
    assert exported.fingerprint == checkpoint.fingerprint
    assert exported.encode(digits) == pytest.approx(checkpoint.encode(digits), rel=1e-3, abs=1e-5)


def test_codes_are_analyzed(tmp_path: Path) -> None:
    train = tmp_path / "train.npz"
    succeed("encode", "digits:train", "--model", FILES, "-o", train, "--device", "cpu")
    words = ("--labels", 50, "--methods", "knn-euclidean", "--json")
    assert succeed("knn-probe", train, FILES / "c8.npz", *words).document
    plot = tmp_path / "tsne.png"
    succeed("tsne", FILES / "c8.npz", "-o", plot, "--sample", 50, "--max-iter", 20)
    assert plot.stat().st_size


def test_compare_reads_the_run(run_folder: Path) -> None:
    result = succeed("compare", run_folder, "--json")
    assert "0.9969" in str(result.document)


def test_the_recipe_trains_again(tmp_path: Path) -> None:
    """With the same seed it reaches the same loss, up to the rounding of another version of torch."""
    run = tmp_path / "run"
    succeed("train", "digits", "-o", run, "--recipe", FILES / "recipe.toml", "--device", "cpu")
    stored, trained = RunFolder(FILES).load_metrics(), RunFolder(run).load_metrics()
    assert [row.val_loss for row in trained] == pytest.approx([row.val_loss for row in stored], rel=0.01)


def test_training_starts_from_the_weights(tmp_path: Path) -> None:
    run = tmp_path / "run"
    words = ("--recipe", FILES / "recipe.toml", "--init-from", FILES, "--epochs", 1, "--device", "cpu")
    succeed("train", "digits", "-o", run, *words)
    assert RunFolder(run).load_metrics()[-1].val_loss < RunFolder(FILES).load_metrics()[-1].val_loss
