"""Every key of a recipe changes the trained weights: none is ignored."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from aecli.checkpoint import read_header
from aecli.codes import load_codes
from aecli.data import DataOptions, load
from aecli.inference.matching import images_of
from aecli.inference.model import conversion_of
from aecli.recipes.schema import recipe_keys
from tests.command_line import Run

pytestmark = pytest.mark.slow

SPARSE = {"penalty.sparsity_weight": 0.5}
NOISY = {"corruption.gaussian": 0.5}
MASKED = {"corruption.blocks": 2}
ADAM = {"optimizer.name": "adam"}
CLASSIFIER = {"objective.loss": "cross-entropy"}
CASES: list[tuple[Mapping[str, Any], str, Any]] = [
    ({}, "model.architecture", "conv"),
    ({}, "model.image_size", 10),
    ({}, "model.image_size", [8, 10]),
    ({}, "model.channels", 3),
    ({}, "model.mean", [0.5]),
    ({}, "model.std", [0.5]),
    ({}, "model.arguments", {"hidden": [16, 12], "code": 8}),
    ({}, "model.arguments.code", 9),
    ({}, "corruption.rotation", 20),
    ({}, "corruption.scale", 0.2),
    ({}, "corruption.shear", 20),
    ({}, "corruption.translation", 0.1),
    ({}, "corruption.elastic", 0.1),
    ({"corruption.elastic": 0.1}, "corruption.elastic_grid", 8),
    ({}, "corruption.blocks", 1),
    (MASKED, "corruption.block_area", 0.3),
    ({}, "corruption.gaussian", 0.5),
    ({}, "corruption.dropout", 0.5),
    (NOISY, "corruption.target", "corrupted"),
    ({}, "penalty.sparsity_weight", 0.5),
    (SPARSE, "penalty.sparsity_target", 0.5),
    (SPARSE, "penalty.reduction", "sum"),
    ({}, "objective.loss", "l1"),
    ({}, "objective.loss", "huber"),
    ({}, "objective.loss", "cross-entropy"),
    (CLASSIFIER, "corruption.gaussian", 0.5),
    (CLASSIFIER, "penalty.sparsity_weight", 0.5),
    (CLASSIFIER, "training.freeze_encoder", True),
    (CLASSIFIER, "training.limit_per_class", 50),
    ({}, "optimizer.name", "adam"),
    (ADAM | {"optimizer.weight_decay": 0.1}, "optimizer.name", "adamw"),
    (ADAM, "optimizer.momentum", 0.5),
    ({}, "optimizer.lr", 0.02),
    ({}, "optimizer.momentum", 0.5),
    ({}, "optimizer.max_gradient_norm", 0.01),
    ({}, "optimizer.weight_decay", 0.1),
    ({}, "optimizer.schedule", "cosine"),
    ({}, "optimizer.schedule", "one-cycle"),
    ({}, "training.epochs", 3),
    ({"optimizer.lr": 0.3, "training.epochs": 12}, "training.patience", 1),
    ({}, "training.steps", 40),
    ({}, "training.batch_size", 100),
    ({}, "training.batch_size", "auto"),
    ({}, "training.seed", 1),
    ({}, "training.validation_fraction", 0.3),
    ({}, "training.limit_per_class", 50),
    ({}, "training.precision", "bf16-mixed"),
    ({}, "training.precision", "64-true"),
]
IMAGE_CASES: list[tuple[Mapping[str, Any], str, Any]] = [
    ({}, "model.resize", "crop"),
    ({}, "model.resize", "pad"),
    ({}, "model.white", 2000.0),
    ({"model.white": 2000.0}, "model.black", 500.0),
    ({}, "model.tile", 8),
    ({"model.tile": 8}, "model.overlap", 4),
]
"""Keys that matter only for images of another size than the model's and of more than 8 bits."""


@pytest.fixture(scope="module")
def trained(
    fit: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """Return the weights trained with settings; equal settings are trained once."""
    cache: dict[str, dict[str, NDArray[Any]]] = {}

    def run(settings: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
        key = repr(sorted(settings.items()))
        if key not in cache:
            model = fit(tmp_path_factory.mktemp("run") / "run", settings).checkpoint.model
            cache[key] = {name: value.numpy() for name, value in model.state_dict().items()}
        return cache[key]

    return run


@pytest.mark.parametrize(("before", "key", "value"), CASES, ids=str)
def test_a_key_changes_the_weights(
    trained: Callable[..., Any], before: Mapping[str, Any], key: str, value: Any
) -> None:
    one, other = trained(before), trained({**before, key: value})
    same_shapes = [value.shape for value in one.values()] == [value.shape for value in other.values()]
    assert not same_shapes or any(not np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(("before", "key", "value"), IMAGE_CASES, ids=str)
def test_a_key_changes_the_images_and_is_kept_in_the_checkpoint(
    aecli: Run, tmp_path: Path, before: Mapping[str, Any], key: str, value: Any
) -> None:
    random = np.random.default_rng(0)
    (tmp_path / "deep").mkdir()
    for index in range(8):
        values = random.integers(0, 4096, (12, 20), np.uint16)
        Image.fromarray(values).save(tmp_path / "deep" / f"{index}.png")
    files = []
    for name, settings in (("one", before), ("other", {**before, key: value})):
        options = [f"--set={path}={setting}" for path, setting in ({"model.image_size": 8} | dict(settings)).items()]
        run, deep = tmp_path / name, tmp_path / "deep"
        trained = aecli("train", deep, "-o", run, "--recipe", "mlp", "--epochs", "1", "--device", "cpu", *options)
        assert trained.status == 0, trained.err
        files.append(run / "model.safetensors")
        encoded = aecli("encode", deep, "--model", run, "-o", tmp_path / f"{name}.npz", "--device", "cpu")
        assert encoded.status == 0, encoded.err
    inputs = [load(str(tmp_path / "deep"), conversion=conversion_of(read_header(file))).images for file in files]
    assert not np.array_equal(inputs[0], inputs[1])
    assert read_header(files[1]).recipe["model"][key.partition(".")[2]] == value
    again = [images_of(load_codes(tmp_path / f"{name}.npz"), DataOptions()).images for name in ("one", "other")]
    for own, found in zip(inputs, again, strict=True):
        np.testing.assert_array_equal(own, found)


CODEC_KEYS = {"training.crop", "penalty.rate_prior", "penalty.rate_prior_steps", "penalty.rate_weights"}
CODEC_KEYS |= {"penalty.rate_balance"}
"""The keys that `test_codecs` tests."""


def test_every_key_is_tested() -> None:
    tested = {".".join(key.split(".")[:2]) for _, key, _ in CASES + IMAGE_CASES}
    assert tested | CODEC_KEYS == set(recipe_keys())


def test_initial_weights_change_the_weights(
    fit: Callable[..., Any], trained: Callable[..., Any], tmp_path: Path
) -> None:
    start = fit(tmp_path / "start", {"training.seed": 5}).checkpoint
    warm = fit(tmp_path / "warm", {}, init_from=start).checkpoint.model
    assert any(not np.array_equal(value.numpy(), trained({})[name]) for name, value in warm.state_dict().items())
