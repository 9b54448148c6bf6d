"""Codecs: training makes rates, each key matters, the prior is the last stage and can be resumed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_images

from aecli.checkpoint import Checkpoint, load_checkpoint
from aecli.codes.priors import CausalPrior, StaticPrior
from aecli.errors import ExitStatus, InputError, Interrupted
from aecli.inference.codec import load_codec
from aecli.training import codec_prior
from aecli.training.prior_network import STEPS_BETWEEN_SAVES, train_prior_network
from tests.command_line import Run

SMALL: tuple[str | int, ...] = ("--recipe", "codec", "--steps", 12, "--set", "penalty.rate_prior_steps=6")
SMALL += ("--set", "training.crop=32")
SMALL += ("--set", "model.arguments.coefficients=8", "--set", "model.channels=1")
SMALL += ("--set", "model.arguments.encoder=[4,6]", "--set", "model.arguments.decoder=[6,6,4]")

CODEC_OF_DIGITS = {"penalty.rate_weights": [0.1, 1.0], "penalty.rate_prior": "static", "training.epochs": 1}


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve pieces of 48x48 pixels of two photographs."""
    folder = tmp_path_factory.mktemp("photographs") / "pieces"
    folder.mkdir()
    for number, image in enumerate(load_sample_images().images):
        for piece in range(6):
            left = 96 * piece
            Image.fromarray(image[100:148, left : left + 48]).save(folder / f"{number}{piece}.png")
    return folder


@pytest.fixture(scope="module")
def codec_of_digits(fit: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    """A small codec, trained for an epoch; it has no prior."""
    checkpoint: Checkpoint = fit(tmp_path_factory.mktemp("codec") / "run", CODEC_OF_DIGITS).checkpoint
    return checkpoint


def metrics(run: Path) -> str:
    return (run / "metrics.csv").read_text()


def test_a_codec_has_an_exact_stream_for_each_rate(photographs: Path, aecli: Run, tmp_path: Path) -> None:
    result = aecli("train", photographs, "-o", tmp_path / "run", *SMALL)
    assert result.status == 0, result.err
    assert "encode" in result.err
    header = load_checkpoint(tmp_path / "run").header
    assert len(header.rate_psnr) == len(header.rate_weights) == 5
    assert header.rate_psnr[0] > header.rate_psnr[-1]
    assert len(header.rate_least_psnr) == 5
    assert all(least <= mean for least, mean in zip(header.rate_least_psnr, header.rate_psnr, strict=True))
    codec = load_codec(tmp_path / "run", "cpu")
    images = np.stack([np.asarray(Image.open(path).convert("L"))[None] for path in sorted(photographs.iterdir())])
    sizes = []
    for rate in range(5):
        encoded = codec.encode(images, rate)
        for one, pixels in zip(encoded, codec.decode([each.coded for each in encoded]), strict=True):
            assert np.abs(one.pixels.astype(int) - pixels).max() <= 1
        sizes.append(sum(one.coded.words.nbytes for one in encoded))
    assert sizes[0] > sizes[2] > sizes[4]
    assert not (tmp_path / "run" / "prior.safetensors").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        "penalty.rate_weights=[0.1,1.0]",
        "penalty.rate_balance=0.2",
        "training.crop=16",
        "training.crop=0",
        "model.arguments.coefficients=4",
    ],
)
def test_each_key_changes_the_training(change: str, photographs: Path, aecli: Run, tmp_path: Path) -> None:
    for name, words in (("a", ()), ("b", ("--set", change))):
        assert aecli("train", photographs, "-o", tmp_path / name, *SMALL, *words).status == 0
    assert metrics(tmp_path / "a") != metrics(tmp_path / "b")


@pytest.mark.slow
def test_the_prior_is_what_the_recipe_says(photographs: Path, aecli: Run, tmp_path: Path) -> None:
    aecli("train", photographs, "-o", tmp_path / "causal", *SMALL)
    aecli("train", photographs, "-o", tmp_path / "static", *SMALL, "--set", "penalty.rate_prior=static")
    aecli("train", photographs, "-o", tmp_path / "short", *SMALL, "--set", "penalty.rate_prior_steps=2")
    causal, static, short = (load_checkpoint(tmp_path / name) for name in ("causal", "static", "short"))
    assert isinstance(causal.prior, CausalPrior)
    assert isinstance(static.prior, StaticPrior)
    assert isinstance(short.prior, CausalPrior)
    assert (causal.prior.network.weights[0] != short.prior.network.weights[0]).any()
    assert len({load_codec(tmp_path / name, "cpu").identity for name in ("causal", "static", "short")}) == 3
    assert metrics(tmp_path / "causal") == metrics(tmp_path / "static")


@pytest.mark.slow
def test_images_of_several_sizes_train_one_codec(photographs: Path, aecli: Run, tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    for index, path in enumerate(sorted(photographs.iterdir())):
        Image.open(path).resize((40 + index, 300 - 20 * index)).save(folder / path.name)
    result = aecli("train", folder, "-o", tmp_path / "run", *SMALL)
    assert result.status == 0, result.err
    assert load_checkpoint(tmp_path / "run").header.image_shape == (1, 256, 256)
    codec = load_codec(tmp_path / "run", "cpu")
    for height, width in ((1, 1), (33, 17), (300, 20)):
        image = np.random.default_rng(0).integers(0, 256, (1, 1, height, width)).astype(np.uint8)
        encoded = codec.encode(image, 0)[0]
        np.testing.assert_array_equal(codec.decode([encoded.coded])[0], encoded.pixels)


@pytest.mark.slow
def test_the_number_of_coefficients_follows_the_images(photographs: Path, aecli: Run, tmp_path: Path) -> None:
    smooth = tmp_path / "smooth"
    smooth.mkdir()
    for path in photographs.iterdir():
        Image.open(path).resize((4, 4)).resize((48, 48), Image.Resampling.BICUBIC).save(smooth / path.name)
    found = []
    for name, folder in (("a", smooth), ("b", photographs)):
        words = [*SMALL, "--set", "model.arguments.coefficients=0"]
        assert aecli("train", folder, "-o", tmp_path / name, *words, "--no-export").status == 0
        found.append(load_checkpoint(tmp_path / name).header.arguments["coefficients"])
    assert found[0] == 64
    assert found[1] > 64


@pytest.mark.slow
def test_an_interrupted_prior_is_resumed_to_the_same_bytes(
    photographs: Path, aecli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aecli.training.prior_network.STEPS_BETWEEN_SAVES", 2)
    assert aecli("train", photographs, "-o", tmp_path / "whole", *SMALL).status == 0
    train: Callable[..., Any] = train_prior_network

    def stop_early(*arguments: Any) -> Any:
        *given, progress = arguments

        def interrupt(stage: str, done: int, total: int) -> None:
            progress(stage, done, total)
            if done == 5:
                raise Interrupted(ExitStatus.INTERRUPTED)

        return train(*given, interrupt)

    with monkeypatch.context() as patch:
        patch.setattr(codec_prior, "train_prior_network", stop_early)
        stopped = aecli("train", photographs, "-o", tmp_path / "resumed", *SMALL)
    assert stopped.status == ExitStatus.INTERRUPTED
    assert "--resume" in stopped.err
    assert {"prior.safetensors", "loss.png", "reconstructions.png"} <= {
        path.name for path in (tmp_path / "resumed").iterdir()
    }
    refused = aecli("encode", photographs, "--model", tmp_path / "resumed", "-o", tmp_path / "archive/")
    assert refused.status == ExitStatus.INPUT
    assert "--resume" in refused.err
    steps: list[int] = []

    def count(*arguments: Any) -> Any:
        return train(*arguments[:-1], lambda stage, done, total: steps.append(done))

    with monkeypatch.context() as patch:
        patch.setattr(codec_prior, "train_prior_network", count)
        resumed = aecli("train", photographs, "-o", tmp_path / "resumed", *SMALL, "--resume")
    assert resumed.status == 0, resumed.err
    assert "nothing to train" not in resumed.err
    assert steps == [5, 6]
    written = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "resumed")]
    assert written[0] == written[1]


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("--recipe", "conv", "--set", "training.crop=16"), "training.crop"),
        (("--recipe", "conv", "--image-size", "any"), "any"),
        (("--recipe", "codec", "--set", "penalty.rate_weights=[0.3,0.1]"), "increasing"),
        (("--recipe", "conv-classifier", "--set", "penalty.rate_weights=[0.1]"), "rate_weights"),
        (("--recipe", "mlp", "--set", "penalty.rate_weights=[0.1]"), "rate_prior"),
    ],
)
def test_settings_that_do_not_apply_are_refused(words: tuple[str, ...], what: str, aecli: Run, tmp_path: Path) -> None:
    result = aecli("train", "digits", "-o", tmp_path / "run", "--epochs", 1, *words)
    assert result.status in {ExitStatus.USAGE, ExitStatus.INPUT}
    assert what in result.err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("recipe", ["mlp", "conv", "small"])
def test_any_architecture_can_be_a_codec(recipe: str, aecli: Run, tmp_path: Path) -> None:
    words = ("--recipe", recipe, "--epochs", 1, "--set", "penalty.rate_weights=[0.1,1.0]")
    result = aecli("train", "digits:train", "-o", tmp_path / "run", *words, "--set", "penalty.rate_prior=static")
    assert result.status == 0, result.err
    codec = load_codec(tmp_path / "run", "cpu")
    assert codec.size == (8, 8)
    images = np.random.default_rng(0).integers(0, 256, (7, 1, 8, 8)).astype(np.uint8)
    words_, pixels = codec.encode_set(images, 1)
    np.testing.assert_array_equal(codec.decode_set(words_, 7, 1), pixels)


def test_a_codec_that_starts_from_a_codec_keeps_its_distribution(
    codec_of_digits: Checkpoint, fit: Callable[..., Any], tmp_path: Path
) -> None:
    again = fit(tmp_path / "run", CODEC_OF_DIGITS | {"optimizer.lr": 1e-12}, init_from=codec_of_digits).checkpoint
    before, after = (checkpoint.autoencoder.rate.state_dict() for checkpoint in (codec_of_digits, again))
    for name, value in before.items():
        torch.testing.assert_close(after[name], value)


@pytest.mark.parametrize(
    ("key", "value", "kept"), [("rate_weights", [0.1], "[0.1, 1.0]"), ("rate_prior", "causal", "static")]
)
def test_a_codec_does_not_start_from_one_of_other_rates(
    key: str, value: Any, kept: str, codec_of_digits: Checkpoint, fit: Callable[..., Any], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=key) as caught:
        fit(tmp_path / "run", CODEC_OF_DIGITS | {f"penalty.{key}": value}, init_from=codec_of_digits)
    assert f"penalty.{key}={kept}" in (caught.value.hint or "")


def test_the_state_of_a_prior_is_that_of_one_model(tmp_path: Path) -> None:
    codes = np.random.default_rng(0).normal(0, 3, (4, 2, 5, 5)).astype(np.float32)
    state = tmp_path / "prior.safetensors"

    def steps_of(model: str, last: int) -> list[int]:
        steps: list[int] = []

        def follow(stage: str, done: int, total: int) -> None:
            steps.append(done)
            if done == last:
                raise Interrupted(ExitStatus.INTERRUPTED)

        with pytest.raises(Interrupted):
            train_prior_network(codes, np.ones((1, 2), np.float32), 1000, 0, state, model, follow)
        return steps

    assert steps_of("first", STEPS_BETWEEN_SAVES + 1)[0] == 1
    assert steps_of("first", STEPS_BETWEEN_SAVES + 2)[0] == STEPS_BETWEEN_SAVES + 1
    assert steps_of("second", 1)[0] == 1


@pytest.mark.parametrize("recipe", ["codec", "codec-small"])
def test_one_image_is_enough_to_train_a_codec(recipe: str, aecli: Run, tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 16, 16), np.uint8)
    np.save(tmp_path / "images.npy", images)
    words = ("--recipe", recipe, "--steps", 3, "--set", "penalty.rate_prior_steps=2", "--no-export")
    result = aecli("train", tmp_path / "images.npy", "-o", tmp_path / "run", *words)
    assert result.status == 0, result.err
    codec = load_codec(tmp_path / "run", "cpu")
    encoded = codec.encode(images[:1, None], 0)[0]
    np.testing.assert_array_equal(codec.decode([encoded.coded])[0], encoded.pixels)
