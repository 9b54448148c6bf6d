"""`aecli train --recipe features`: its weights, its settings, its run folder, and few images."""

import csv
import socket
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aecli.checkpoint import load_checkpoint, read_header
from aecli.data import load
from aecli.errors import ExitStatus
from aecli.inference import load as load_model
from aecli.inference.training_overlap import trained_count
from aecli.recipes.loading import load_recipe
from tests.command_line import Result, Run, succeed
from tests.tiny_backbone import BACKBONE, FEATURES, write_photographs, write_weights

FILES = {"model.safetensors", "recipe.toml", "metrics.csv"}


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 12 small color images; tests must not change it."""
    return write_photographs(tmp_path_factory.mktemp("photographs") / "images", 12)


@pytest.fixture
def fit(photographs: Path, backbone_weights: Path, tmp_path: Path, aecli: Run) -> "Fit":
    return Fit(photographs, backbone_weights, tmp_path / "run", aecli)


class Fit:
    """Fits features to the photographs into the folder `run`, with further words of the command line."""

    def __init__(self, photographs: Path, weights: Path, run: Path, aecli: Run):
        self.photographs, self.weights, self.run, self._aecli = photographs, weights, run, aecli

    def __call__(self, *words: object, weights: Path | None = None, images: Path | None = None) -> Result:
        start = ("--init-from", weights or self.weights)
        return self._aecli("train", images or self.photographs, "-o", self.run, *FEATURES, *start, *words)

    def without_weights(self, *words: object) -> Result:
        return self._aecli("train", self.photographs, "-o", self.run, *FEATURES, *words)


def error_of(result: Result) -> str:
    """Return the only error line of a command that failed."""
    (line,) = [line for line in result.err.splitlines() if line.startswith("error: ")]
    assert "Traceback" not in result.err
    return line


def test_a_run_holds_model_recipe_and_metrics(fit: Fit) -> None:
    result = fit("--json")
    assert result.status == 0, result.err
    assert {file.name for file in fit.run.iterdir()} == FILES
    header = read_header(fit.run / "model.safetensors")
    assert (header.task, header.architecture, header.code_shape) == ("features", "features", (8, 2, 2))
    assert header.arguments["backbone"] == BACKBONE
    assert header.arguments["layers"] == ["features.3", "features.6", "features.8", "features.11"]
    assert header.recipe == load_recipe(str(fit.run / "recipe.toml")).to_dict()
    assert header.data.images + header.validation.images == 12
    assert 0 < header.training.train_loss < 1
    assert header.score_quantiles is not None
    with (fit.run / "metrics.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert float(row["val_loss"]) == pytest.approx(header.training.val_loss)
    assert result.document["task"] == "features"


def test_the_same_seed_gives_the_same_bytes(fit: Fit) -> None:
    contents = []
    for seed in (3, 3, 4):
        assert fit("--seed", seed, "--overwrite").status == 0
        contents.append((fit.run / "model.safetensors").read_bytes())
    assert contents[0] == contents[1] != contents[2]


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
def test_both_kinds_of_weight_files_give_the_same_model(fit: Fit, tmp_path: Path, suffix: str) -> None:
    assert fit(weights=write_weights(tmp_path / f"again.{suffix}")).status == 0
    again = load_checkpoint(fit.run).model.state_dict()
    assert fit("--overwrite").status == 0
    assert all(value.equal(again[name]) for name, value in load_checkpoint(fit.run).model.state_dict().items())


def test_settings_change_the_model(fit: Fit) -> None:
    words = ("--set", "model.arguments.stride=8", "--set", "model.arguments.layers=['features.3']")
    assert fit(*words, "--set", "model.arguments.smoothing=1", "--image-size", "40x48").status == 0
    header = read_header(fit.run / "model.safetensors")
    assert header.image_shape == (3, 48, 40)
    assert header.code_shape == (8, 6, 5)
    assert header.arguments["smoothing"] == 1


@pytest.mark.parametrize(
    "words",
    [
        *(("--epochs", 3), ("--steps", 10), ("--lr", 0.1), ("--batch-size", 4), ("--patience", 2)),
        *(("--precision", "bf16-mixed"), ("--logger", "tensorboard"), ("--keep-state",), ("--devices", 2)),
        *(("--strategy", "ddp"), ("--set", "corruption.gaussian=0.5"), ("--set", "objective.loss=l1")),
        *(("--set", "penalty.sparsity_weight=1"), ("--set", "objective.loss=cross-entropy"), ("--freeze-encoder",)),
    ],
    ids=str,
)
def test_settings_that_do_not_apply_are_refused(fit: Fit, words: tuple[object, ...]) -> None:
    result = fit(*words)
    assert result.status == ExitStatus.USAGE, result.err
    error_of(result)
    assert not fit.run.exists()


def test_weights_are_needed(fit: Fit) -> None:
    result = fit.without_weights()
    assert result.status == ExitStatus.USAGE
    assert "weights" in error_of(result)
    assert "--download" in result.err
    assert "--init-from" in result.err
    assert not fit.run.exists()


@pytest.mark.parametrize("backbone", [BACKBONE, "timm/tf_efficientnet_lite0"])
def test_download_without_a_network_writes_nothing(fit: Fit, backbone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "no network")

    monkeypatch.setattr(socket, "getaddrinfo", unreachable)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    result = fit.without_weights("--download", "--set", f"model.arguments.backbone={backbone}")
    assert result.status == ExitStatus.UNAVAILABLE, result.err
    assert backbone in error_of(result)
    assert not fit.run.exists()


def test_download_takes_the_weights_of_the_library(fit: Fit, monkeypatch: pytest.MonkeyPatch) -> None:
    from aecli.models import backbone
    from tests.tiny_backbone import random_network

    create, pretrained_names = backbone.create_network, []

    def created(name: str, *, pretrained: bool = False) -> object:
        pretrained_names.extend([name] * pretrained)
        return random_network() if pretrained else create(name)

    monkeypatch.setattr(backbone, "create_network", created)
    assert fit.without_weights("--download").status == 0
    downloaded = (fit.run / "model.safetensors").read_bytes()
    assert pretrained_names == [BACKBONE]
    assert fit("--overwrite").status == 0
    assert (fit.run / "model.safetensors").read_bytes() == downloaded


def test_without_timm_the_error_says_how_to_install_it(fit: Fit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    result = fit("--set", "model.arguments.backbone=timm/resnet18")
    assert result.status == ExitStatus.UNAVAILABLE
    assert "timm" in error_of(result)
    assert "pip install" in result.err
    assert not fit.run.exists()


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("--set", "model.arguments.backbone=torchvision/resnet18"), "conv1.weight"),
        (("--set", "model.arguments.backbone=torchvision/no_such_network"), "no_such_network"),
        (("--set", "model.arguments.components=999"), "999"),
        (("--set", "model.arguments.layers=['nowhere']"), "nowhere"),
        (("--set", "model.mean=[0.5]", "--set", "model.std=[0.5]"), "model.mean"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_does_not_fit_is_refused(fit: Fit, words: tuple[str, ...], name: str) -> None:
    result = fit(*words)
    assert result.status == ExitStatus.INPUT, result.err
    assert name in error_of(result)
    assert not fit.run.exists()


def test_a_finished_run_is_not_fitted_again(fit: Fit) -> None:
    assert fit().status == 0
    before = (fit.run / "model.safetensors").read_bytes()
    assert fit().status == ExitStatus.EXISTS
    result = succeed("train", fit.photographs, "-o", fit.run, "--resume")
    assert "nothing to train" in result.err
    assert (fit.run / "model.safetensors").read_bytes() == before


def test_a_fit_that_fails_leaves_the_run_that_it_was_to_replace(fit: Fit, mlp_run: Path, tmp_path: Path) -> None:
    assert fit().status == 0
    (fit.run / "report.html").write_text("a report")
    before = {file.name: file.read_bytes() for file in fit.run.iterdir()}
    equal = tmp_path / "equal"
    equal.mkdir()
    for index in range(3):
        Image.new("RGB", (40, 40), (9, 99, 30)).save(equal / f"{index}.png")
    for result in (fit("--overwrite", weights=mlp_run), fit("--overwrite", images=equal)):
        assert result.status == ExitStatus.INPUT, result.err
        assert {file.name: file.read_bytes() for file in fit.run.iterdir()} == before


def test_a_run_is_not_resumed_with_other_images(fit: Fit, tmp_path: Path) -> None:
    assert fit().status == 0
    before = (fit.run / "model.safetensors").read_bytes()
    result = fit("--resume", images=write_photographs(tmp_path / "other", 8))
    assert result.status == ExitStatus.INPUT
    assert "images differ" in error_of(result)
    assert (fit.run / "model.safetensors").read_bytes() == before


def test_features_start_from_another_run_of_features(fit: Fit, tmp_path: Path) -> None:
    assert fit().status == 0
    other = write_photographs(tmp_path / "other", 8, (64, 64))
    result = succeed("train", other, "-o", tmp_path / "again", "--init-from", fit.run, "--device", "cpu")
    assert "features" in result.err
    first, again = (load_checkpoint(run).model.state_dict() for run in (fit.run, tmp_path / "again"))
    shared = [name for name in first if name.startswith("encoder.backbone.")]
    assert all(first[name].equal(again[name]) for name in shared)
    models = [load_model(run, device="cpu") for run in (fit.run, tmp_path / "again")]
    counts = [trained_count(model, load(str(fit.photographs), conversion=model.conversion)) for model in models]
    assert counts[0]
    assert counts[1] == 0, "only the backbone was taken, which was not trained on these images"
    assert not first["encoder.projection.weight"].equal(again["encoder.projection.weight"])


def test_features_do_not_start_from_a_run_of_another_kind(fit: Fit, mlp_run: Path) -> None:
    result = fit(weights=mlp_run)
    assert result.status == ExitStatus.INPUT
    assert "mlp" in error_of(result)
    assert not fit.run.exists()


def test_an_autoencoder_does_not_start_from_features(aecli: Run, features_run: Path, tmp_path: Path) -> None:
    words = ("--recipe", "conv", "--init-from", features_run, "--device", "cpu")
    result = aecli("train", "digits", "-o", tmp_path / "run", *words)
    assert result.status == ExitStatus.INPUT, result.err
    assert "features" in error_of(result)


def test_five_photographs_are_enough(fit: Fit, tmp_path: Path) -> None:
    five = write_photographs(tmp_path / "five", 5)
    result = fit("--set", "model.arguments.components=100", images=five)
    assert result.status == 0, result.err
    (warning,) = [line for line in result.err.splitlines() if line.startswith("warning: ")]
    assert "threshold" in warning
    assert "validation image" in warning
    assert len(succeed("detect", five, "--model", fit.run).rows) == 5
    strange = tmp_path / "strange.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 48, 3), np.uint8)).save(strange)
    assert "anomaly" in succeed("detect", strange, "--model", fit.run).out


@pytest.mark.parametrize("count", [1, 2, 7])
def test_equal_images_are_refused(fit: Fit, tmp_path: Path, count: int) -> None:
    folder = tmp_path / "equal"
    folder.mkdir()
    for index in range(count):
        Image.new("RGB", (40, 40), (9, 99, 30)).save(folder / f"{index}.png")
    result = fit(images=folder)
    assert result.status == ExitStatus.INPUT, result.err
    assert "image" in error_of(result)
    assert not fit.run.exists()


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3)])
def test_gray_and_color_images_keep_their_channels(fit: Fit, tmp_path: Path, mode: str, channels: int) -> None:
    folder = write_photographs(tmp_path / "images", 6, (45, 37))
    for file in folder.iterdir():
        with Image.open(file) as image:
            converted = image.convert(mode)
        converted.save(file)
    assert fit("--image-size", "native", images=folder).status == 0
    header = read_header(fit.run / "model.safetensors")
    assert header.image_shape == (channels, 37, 45)
    assert header.code_shape == (8, 3, 3)
    assert np.isfinite(load_model(fit.run, device="cpu").encode(load(str(folder)).images)).all()


def test_another_architecture_can_be_chosen_from_the_recipe(fit: Fit) -> None:
    words = ("--set", "model.architecture=mlp", "--epochs", 1, "--image-size", 8)
    result = succeed("train", "digits", "-o", fit.run, "--recipe", "features", *words, "--device", "cpu")
    assert read_header(fit.run / "model.safetensors").task == "autoencoder", result.err
