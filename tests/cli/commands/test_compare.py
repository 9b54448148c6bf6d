"""`aecli compare`: figures that other commands give too, and what cannot be compared."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from aecli import inference
from tests.command_line import Run


@pytest.fixture(scope="module")
def compared(aecli: Run, conv_run: Path, mlp_run: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The comparison of a convolutional and a fully connected run; `plot` is the PNG's path."""
    plot = tmp_path_factory.mktemp("compared") / "plot.png"
    result = aecli("compare", conv_run, mlp_run, "--draws", "5", "-o", plot, "--json")
    assert result.status == 0, result.err
    return json.loads(result.out) | {"plot": plot}


def test_figures_are_those_of_the_other_commands(
    compared: dict[str, Any], aecli: Run, conv_run: Path, tmp_path: Path, digits: NDArray[Any]
) -> None:
    conv, mlp = compared["runs"]
    assert compared["test"] == "digits:test"
    model = inference.load(conv_run)
    assert conv["residual"] == pytest.approx(model.score(digits).mean(), rel=1e-5)
    rounded = np.square(model.reconstruct(digits).astype(float) - digits).mean()
    assert conv["mse"] == pytest.approx(rounded, rel=0.02)
    for split in ("train", "test"):
        assert aecli("encode", f"digits:{split}", "--model", conv_run, "-o", tmp_path / f"{split}.npz").status == 0
    words = ("--draws", "5", "--methods", "knn-euclidean", "--no-baselines", "--json")
    probe = json.loads(aecli("knn-probe", tmp_path / "train.npz", tmp_path / "test.npz", *words).out)
    assert conv["knn"]["mean"] == pytest.approx(probe["accuracies"][0]["mean"], abs=1e-9)
    assert conv["parameters"] < mlp["parameters"]
    assert (conv["code_units"], mlp["code_units"]) == (16, 128)
    assert len(conv["history"]) == 20
    assert min(each["images_per_second"] for each in (conv, mlp)) > 0


def test_the_common_target_is_what_the_worst_run_reached(compared: dict[str, Any]) -> None:
    best = [min(epoch["val_loss"] for epoch in run["history"]) for run in compared["runs"]]
    for run in compared["runs"]:
        losses = [epoch["val_loss"] for epoch in run["history"]]
        reached = run["reached_epoch"]
        assert losses[reached - 1] <= max(best)
        assert all(loss > max(best) for loss in losses[: reached - 1])


def test_the_plot_is_a_picture(compared: dict[str, Any]) -> None:
    with Image.open(compared["plot"]) as plot:
        assert plot.size[0] > 1000
        assert len(plot.convert("RGB").getcolors(1 << 24)) > 20


def test_the_table(aecli: Run, conv_run: Path, mlp_run: Path) -> None:
    result = aecli("compare", conv_run, mlp_run, "--draws", "2", "--labels", "50")
    heading, *rows = (line.split("\t") for line in result.out.splitlines())
    assert heading[:4] == ["run", "architecture", "parameters", "code"]
    assert [row[1] for row in rows] == ["conv", "mlp"]
    assert all(len(row) == len(heading) for row in rows)


def test_options_change_the_figures(aecli: Run, conv_run: Path, mlp_run: Path, compared: dict[str, Any]) -> None:
    def knn(*words: str) -> float:
        document = json.loads(aecli("compare", conv_run, mlp_run, "--json", "--draws", "5", *words).out)
        return document["runs"][0]["knn"]["mean"]

    before = compared["runs"][0]["knn"]["mean"]
    assert knn("--labels", "500") > before
    assert knn("--seed", "1") != before
    assert knn("--test", "digits:test@3,5") != before


def test_the_detector_of_a_run_is_told(aecli: Run, train: Callable[..., Path], tmp_path: Path, mlp_run: Path) -> None:
    run = train(tmp_path / "run", "--epochs", "1")
    calibrated = aecli("calibrate", "--model", run, "--normal", "digits:test", "--anomalous", "letters:test", "--json")
    document = json.loads(aecli("compare", run, mlp_run, "--draws", "1", "--json").out)
    area = json.loads(calibrated.out)["scores"][0]["separation"]["auroc"]["value"]
    assert [each["auroc"] for each in document["runs"]] == [area, None]


def test_runs_without_common_test_images(
    aecli: Run, train: Callable[..., Path], tmp_path: Path, pictures: Path
) -> None:
    run = train(tmp_path / "run", "--epochs", "1")
    other = tmp_path / "other"
    assert aecli("train", pictures, "-o", other, "--epochs", "1", "--accelerator", "cpu").status == 0
    result = aecli("compare", run, other, "--json")
    assert result.status == 0, result.err
    assert "test split" in result.err
    document = json.loads(result.out)
    assert document["test"] is None
    assert [each["knn"] for each in document["runs"]] == [None, None]
    assert all(each["residual"] > 0 for each in document["runs"])
    named = json.loads(
        aecli("compare", run, other, "--test", "digits:test", "--json", "--draws", "2", "--labels", "4").out
    )
    assert named["test"] == "digits:test"


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (("{run}", "{run}"), 2, "named twice"),
        (("{run}", "{run}/model.safetensors"), 4, "no run folder"),
        (("{run}", "nowhere"), 4, "nowhere"),
        (("{run}", "{other}", "--test", "nonsense"), 4, "unknown data set 'nonsense'"),
        (("{run}", "{other}", "--labels", "0"), 2, "labels"),
        (("{run}", "{other}", "-o", "plot.pdf"), 2, "must end in .png"),
    ],
)
def test_what_cannot_be_compared(
    aecli: Run, conv_run: Path, mlp_run: Path, words: tuple[str, ...], status: int, message: str
) -> None:
    result = aecli("compare", *(word.format(run=conv_run, other=mlp_run) for word in words))
    assert result.status == status
    assert message in result.err
    assert "bug" not in result.err
