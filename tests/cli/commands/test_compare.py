"""`aecli compare`: metrics of several runs that agree with the other commands, and runs that cannot be compared."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from aecli import inference
from aecli.checkpoint import read_fingerprint, read_header
from aecli.detection.detector import default_detector, save_detector
from aecli.errors import ExitStatus
from aecli.storage.run_files import DETECTOR_FILE, MODEL_FILE
from tests.command_line import Run, succeed
from tests.plots.colors import color_count

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def plot_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of the plot that `comparison` writes."""
    return tmp_path_factory.mktemp("comparison") / "plot.png"


@pytest.fixture(scope="module")
def comparison(conv_run: Path, mlp_run: Path, plot_file: Path) -> dict[str, Any]:
    """Return the comparison of a convolutional and a fully connected run as a JSON document."""
    return succeed("compare", conv_run, mlp_run, "--draws", "5", "-o", plot_file, "--json").document


def test_metrics_equal_those_of_the_other_commands(
    comparison: dict[str, Any], conv_run: Path, tmp_path: Path, digits: NDArray[np.uint8]
) -> None:
    conv, mlp = comparison["runs"]
    assert comparison["test"] == "digits:test"
    model = inference.load(conv_run)
    assert conv["residual"] == pytest.approx(model.score(digits).mean(), rel=1e-5)
    mse_of_rounded_pixels = np.square(model.reconstruct(digits).astype(float) - digits).mean()
    assert conv["mse"] == pytest.approx(mse_of_rounded_pixels, rel=0.02)
    for split in ("train", "test"):
        succeed("encode", f"digits:{split}", "--model", conv_run, "-o", tmp_path / f"{split}.npz")
    options = ("--draws", "5", "--methods", "knn-euclidean", "--no-baselines", "--json")
    probe = succeed("knn-probe", tmp_path / "train.npz", tmp_path / "test.npz", *options).document
    assert conv["knn"]["mean"] == pytest.approx(probe["accuracies"][0]["mean"], abs=1e-9)
    assert conv["parameters"] < mlp["parameters"]
    assert (conv["code_units"], mlp["code_units"]) == (16, 128)
    assert len(conv["history"]) == 20
    assert min(run["images_per_second"] for run in (conv, mlp)) > 0


def test_reached_epoch_is_the_first_with_the_loss_that_every_run_reaches(comparison: dict[str, Any]) -> None:
    target = max(min(epoch["val_loss"] for epoch in run["history"]) for run in comparison["runs"])
    for run in comparison["runs"]:
        losses = [epoch["val_loss"] for epoch in run["history"]]
        reached = run["reached_epoch"]
        assert losses[reached - 1] <= target
        assert all(loss > target for loss in losses[: reached - 1])


@pytest.mark.usefixtures("comparison")
def test_the_plot_is_an_image_in_color(plot_file: Path) -> None:
    with Image.open(plot_file) as plot:
        assert plot.size[0] > 1000
        assert color_count(np.asarray(plot.convert("RGB"))) > 20


def test_the_table_has_one_row_per_run(conv_run: Path, mlp_run: Path) -> None:
    rows = succeed("compare", conv_run, mlp_run, "--draws", "2", "--labels", "50").records
    assert [row["architecture"] for row in rows] == ["conv", "mlp"]
    assert all(0 < float(row["knn_accuracy"]) <= 1 for row in rows)


def test_options_change_the_metrics(conv_run: Path, mlp_run: Path, comparison: dict[str, Any]) -> None:
    def knn(*options: str) -> float:
        runs = succeed("compare", conv_run, mlp_run, "--json", "--draws", "5", *options).document["runs"]
        return float(runs[0]["knn"]["mean"])

    default = comparison["runs"][0]["knn"]["mean"]
    assert knn("--labels", "500") > default
    assert knn("--seed", "1") != default
    assert knn("--test", "digits:test@3,5") != default


def test_the_auroc_is_that_of_the_detector_in_the_run_folder(
    train: Callable[..., Path], tmp_path: Path, mlp_run: Path
) -> None:
    run = train(tmp_path / "run", "--epochs", "1")
    words = ("calibrate", "--model", run, "--normal", "digits:test", "--anomalous", "letters:test", "--json")
    auroc = succeed(*words).document["scores"][0]["separation"]["auroc"]["value"]
    runs = succeed("compare", run, mlp_run, "--draws", "1", "--json").document["runs"]
    assert [each["auroc"] for each in runs] == [auroc, None]


@pytest.mark.parametrize("separation", [3, {"auroc": 0.9}, {"auroc": {"value": "high"}}])
def test_a_detector_with_damaged_metrics_is_a_damaged_input(
    separation: object, aecli: Run, conv_run: Path, mlp_run: Path, tmp_path: Path
) -> None:
    folder = copytree(conv_run, tmp_path / "run")
    detector = default_detector(read_header(folder / MODEL_FILE), read_fingerprint(folder / MODEL_FILE))
    header = replace(detector.header, measured={"separation": separation})
    save_detector(replace(detector, header=header), folder / DETECTOR_FILE)
    result = aecli("compare", folder, mlp_run)
    assert result.status == ExitStatus.INPUT
    assert str(folder / DETECTOR_FILE) in result.err
    assert "bug" not in result.err


def test_runs_without_common_test_images_have_no_knn_accuracy(
    train: Callable[..., Path], tmp_path: Path, image_folder: Path
) -> None:
    run = train(tmp_path / "run", "--epochs", "1")
    other = tmp_path / "other"
    succeed("train", image_folder, "-o", other, "--epochs", "1", "--device", "cpu")
    result = succeed("compare", run, other, "--json")
    assert "test split" in result.err
    comparison = result.document
    assert comparison["test"] is None
    assert [each["knn"] for each in comparison["runs"]] == [None, None]
    assert all(each["residual"] > 0 for each in comparison["runs"])
    options = ("--test", "digits:test", "--json", "--draws", "2", "--labels", "4")
    assert succeed("compare", run, other, *options).document["test"] == "digits:test"


@pytest.mark.parametrize(
    ("words", "status", "noun"),
    [
        ("RUN RUN", ExitStatus.USAGE, "twice"),
        ("RUN RUN/model.safetensors", ExitStatus.INPUT, "run folder"),
        ("RUN nowhere", ExitStatus.INPUT, "nowhere"),
        ("RUN OTHER --test nonsense", ExitStatus.INPUT, "nonsense"),
        ("RUN OTHER --labels 0", ExitStatus.USAGE, "labels"),
        ("RUN OTHER -o plot.gif", ExitStatus.USAGE, ".png"),
    ],
)
def test_invalid_comparisons_are_errors(
    words: str, status: ExitStatus, noun: str, aecli: Run, conv_run: Path, mlp_run: Path
) -> None:
    result = aecli("compare", *words.replace("RUN", str(conv_run)).replace("OTHER", str(mlp_run)).split())
    assert result.status == status
    assert noun in result.err.lower()
    assert "bug" not in result.err


def test_images_that_cannot_be_read_are_left_out_and_said(
    conv_run: Path, mlp_run: Path, aecli: Run, tmp_path: Path, digits: NDArray[np.uint8]
) -> None:
    for index, image in enumerate(digits[:6]):
        Image.fromarray(image[0]).save(tmp_path / f"{index}.png")
    (tmp_path / "0.png").write_bytes((tmp_path / "0.png").read_bytes()[:60])
    result = aecli("compare", conv_run, mlp_run, "--test", tmp_path, "--json")
    assert result.status == ExitStatus.PARTIAL
    assert result.err.count("0.png") == 1
    assert [run["failed"] for run in result.document["runs"]] == [1, 1]


def test_a_plot_on_standard_output_is_alone_there(conv_run: Path, mlp_run: Path) -> None:
    result = succeed("compare", conv_run, mlp_run, "--draws", "2", "-o", "-", "--json")
    assert result.stdout.startswith(b"\x89PNG")
    assert result.stdout.endswith(b"IEND\xaeB`\x82")
    assert len(json.loads(result.err.splitlines()[-1])["runs"]) == 2
