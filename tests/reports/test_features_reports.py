"""Commands on a model of features and its codes: what works, and what needs images and says so."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aecli.codes import load_codes
from aecli.errors import ExitStatus
from tests.command_line import Run, succeed

ON_CPU = ("--device", "cpu")


@pytest.fixture(scope="module")
def codes(features_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The codes of the test digits; tests must not change the file."""
    path = tmp_path_factory.mktemp("codes") / "codes.npz"
    succeed("encode", "digits:test", "--model", features_run, "-o", path, *ON_CPU)
    return path


def refuse(aecli: Run, *words: object) -> str:
    """Run a command that needs images, check that it is refused in one line with a hint, and return the line."""
    result = aecli(*words)
    assert result.status == ExitStatus.INPUT, result.err
    error, hint = result.err.splitlines()
    assert error.startswith("error: ")
    assert hint.startswith("hint: ")
    assert "train" in hint
    assert not result.out
    return error


def test_codes_have_names_labels_and_residuals(codes: Path) -> None:
    loaded = load_codes(codes)
    assert loaded.codes.shape == (359, 8, 2, 2)
    assert loaded.codes.std() > 0.1
    assert loaded.labels is not None
    assert loaded.residual_l2 is not None
    assert (loaded.residual_l2 > 0).all()
    assert loaded.meta.trained_images == 0


@pytest.mark.parametrize("words", [("--bits", 8), ("--bits", 4, "--entropy")], ids=str)
def test_quantized_codes_are_close(words: tuple[object, ...], codes: Path, features_run: Path, tmp_path: Path) -> None:
    path = tmp_path / "codes.npz"
    succeed("encode", "digits:test", "--model", features_run, "-o", path, *words, *ON_CPU)
    assert path.stat().st_size < 0.5 * codes.stat().st_size
    difference = load_codes(path).codes - load_codes(codes).codes
    assert np.square(difference).mean() < 0.05 * load_codes(codes).codes.var()


def test_codes_are_embedded_and_plotted(codes: Path, tmp_path: Path) -> None:
    succeed("tsne", codes, "-o", tmp_path / "plane.png", "--max-iter", 30, "--images", "digits:test")
    with Image.open(tmp_path / "plane.png") as plot:
        assert plot.width > 400


def test_codes_are_probed(codes: Path, features_run: Path, tmp_path: Path) -> None:
    train = tmp_path / "train.npz"
    succeed("encode", "digits:train", "--model", features_run, "-o", train, *ON_CPU)
    words = ("--labels", 100, "--draws", 3, "--methods", "knn-euclidean", "--no-baselines", "--json")
    document = succeed("knn-probe", train, codes, *words).document
    (accuracy,) = document["accuracies"]
    assert accuracy["mean"] > 0.3, "guessing has 0.1"


def test_runs_are_compared_without_an_error_of_pixels(features_run: Path, conv_run: Path, tmp_path: Path) -> None:
    words = ("--test", "digits:test", "--labels", 50, "--draws", 2)
    result = succeed("compare", features_run, conv_run, *words, "-o", tmp_path / "compared.png", "--json")
    features, conv = result.document["runs"]
    assert features["architecture"] == "features"
    assert features["mse"] is None
    assert features["residual"] > 0
    assert features["knn"]["mean"] > 0.3
    assert conv["mse"] > 0
    assert (tmp_path / "compared.png").exists()
    assert len(succeed("compare", features_run, conv_run, *words).rows) == 2


def test_info_describes_backbone_grid_and_threshold(features_run: Path) -> None:
    for path in (features_run, features_run / "model.safetensors", features_run / "model.onnx"):
        described = succeed("info", path).out
        lines = {line.split()[0]: line for line in described.splitlines()[1:]}
        assert "torchvision/mobilenet_v3_small" in lines["backbone"]
        assert "features.11" in lines["layers"]
        assert "2x2" in lines["grid"]
        assert lines["explained"].count("%") == 2
        assert "position" in lines["score"]
        assert "144 validation images" in lines["based"]
        assert float(lines["threshold"].split()[1].rstrip(",")) > 0
    document = succeed("info", features_run, "--json").document
    assert document["task"] == "features"
    assert document["arguments"]["layers"][0] == "features.3"


def test_info_does_not_import_torch(features_run: Path, python: object) -> None:
    assert callable(python)
    code = "import sys; sys.modules['torch'] = None\nfrom aecli.cli.main import main\nmain(['info', sys.argv[1]])"
    assert "position" in python(code, features_run)


def test_decode_says_that_there_are_no_images(aecli: Run, codes: Path, features_run: Path, tmp_path: Path) -> None:
    for model in (features_run, features_run / "model.safetensors"):
        line = refuse(aecli, "decode", codes, "--model", model, "-o", tmp_path / "grid.png", *ON_CPU)
        assert "features" in line
    assert not list(tmp_path.iterdir())


def test_compress_report_says_that_there_are_no_images(aecli: Run, features_run: Path, tmp_path: Path) -> None:
    words = ("--model", features_run, "-o", tmp_path / "plot.png", *ON_CPU)
    assert "features" in refuse(aecli, "compress-report", "digits:test", *words)
    assert not list(tmp_path.iterdir())
