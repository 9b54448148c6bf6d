"""Recipes: the shipped ones, files, settings, and every way to get one wrong."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aecli.errors import ExitStatus, InputError, RecipeError, UsageError
from aecli.recipes.schema import (
    Recipe,
    load_recipe,
    parse_settings,
    recipe_names,
    recipe_purpose,
    save_recipe,
)


@pytest.mark.parametrize("name", recipe_names())
def test_a_shipped_recipe_survives_its_file(name: str, tmp_path: Path) -> None:
    recipe = load_recipe(name)
    save_recipe(recipe, tmp_path / "recipe.toml")
    assert load_recipe(str(tmp_path / "recipe.toml")) == recipe
    assert Recipe.from_dict(recipe.to_dict()) == recipe


@pytest.mark.parametrize("name", recipe_names())
def test_a_shipped_recipe_says_what_it_is_for(name: str) -> None:
    purpose = recipe_purpose(name)
    assert len(purpose) > 20
    assert purpose.endswith((".", ":"))


def test_the_laboratorys_recipes() -> None:
    assert {"conv", "denoising", "mlp", "sparse"} <= set(recipe_names())
    for name in ("conv", "denoising", "mlp", "sparse"):
        recipe = load_recipe(name)
        assert (recipe.training.epochs, recipe.training.batch_size, recipe.training.seed) == (150, 1024, 0)
        assert (recipe.optimizer.name, recipe.optimizer.momentum) == ("sgd", 0.99)
        assert recipe.optimizer.lr == (0.001 if name == "sparse" else 0.01)
        assert recipe.objective.loss == "mse"
    assert load_recipe("denoising").corruption.gaussian == 0.5
    sparse = load_recipe("sparse").penalty
    assert (sparse.sparsity_weight, sparse.sparsity_target, sparse.reduction) == (0.5, 0.05, "mean")


def test_combined_denoises_undoes_warps_and_is_sparse() -> None:
    recipe = load_recipe("combined")
    assert recipe.corruption.gaussian > 0
    assert recipe.corruption.warps
    assert recipe.corruption.target == "clean"
    assert recipe.penalty.sparsity_weight > 0


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str | bytes], str]:
    """Write a recipe file; gives its name."""

    def run(content: str | bytes) -> str:
        path = tmp_path / "mine.toml"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return run


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[optimizer]\nlr = 1", "optimizer"),
        ("[optimizer]\nlearning_rate = 1", "unknown key 'optimizer.learning_rate'"),
        ("[optimizer]\nmomentun = 0.9", "did you mean 'optimizer.momentum'"),
        ("[training]\nlr = 0.1", "did you mean 'optimizer.lr'"),
        ("lr = 0.1", "did you mean 'optimizer.lr'"),
        ("training = 3", "'training' is a section"),
        ("[training]\nepochs = '3'", "training.epochs must be a whole number, not '3'"),
        ("[training]\nepochs = 3.0", "whole number"),
        ("[training]\nepochs = true", "whole number"),
        ("[training]\nepochs = 0", "training.epochs must be 1 or more"),
        ("[training]\nbatch_size = -1", "batch_size must be 1 or more"),
        ("[training]\nseed = -1", "seed must be from 0"),
        ("[training]\nseed = 4294967296", "seed must be from 0"),
        ("[training]\nvalidation_fraction = 1", "validation_fraction must be"),
        ("[training]\nprecision = 'half'", "'32-true' or 'bf16-mixed'"),
        ("[optimizer]\nlr = 0", "lr must be greater than 0"),
        ("[optimizer]\nlr = nan", "a number"),
        ("[optimizer]\nlr = inf", "a number"),
        ("[optimizer]\nlr = false", "a number"),
        ("[optimizer]\nlr = 1" + "0" * 400, "a number"),
        ("[optimizer]\nmomentum = 1", "momentum must be"),
        ("[optimizer]\nweight_decay = -0.1", "weight_decay must be 0 or more"),
        ("[optimizer]\nname = 'sdg'", "'sgd' or 'adam' or 'adamw'"),
        ("[optimizer]\nschedule = 'linear'", "'constant' or 'cosine' or 'one-cycle'"),
        ("[corruption]\ndropout = 1.0", "dropout must be"),
        ("[corruption]\ngaussian = -1", "gaussian must be 0 or more"),
        ("[corruption]\nrotation = 181", "rotation must be from 0 to 180"),
        ("[corruption]\nscale = 1", "scale must be at least 0 and below 1"),
        ("[corruption]\nshear = 90", "shear must be at least 0 and below 90"),
        ("[corruption]\ntranslation = -0.1", "translation must be from 0 to 1"),
        ("[corruption]\nblocks = -1", "blocks must be 0 or more"),
        ("[corruption]\nblocks = 1.5", "blocks must be a whole number"),
        ("[corruption]\nblock_area = 0", "block_area must be greater than 0, at most 1"),
        ("[corruption]\ntarget = 'dirty'", "'clean' or 'corrupted'"),
        ("[penalty]\nsparsity_weight = -1", "sparsity_weight must be"),
        ("[objective]\nloss = 'bce'", "'mse' or 'l1' or 'huber'"),
        ("[model]\nimage_size = [8]", "image_size"),
        ("[model]\nimage_size = [8, 8, 8]", "image_size"),
        ("[model]\nimage_size = 0", "image_size"),
        ("[model]\nimage_size = 'big'", "image_size"),
        ("[model]\nchannels = 2", "'native' or 1 or 3"),
        ("[model]\nstd = [0.0]", "std must be greater than 0"),
        ("[model]\nmean = ['a']", "mean must be"),
        ("[model]\narguments = 3", "a table"),
        ("[model", "not TOML"),
        ("a = " + "[" * 5000, "not TOML"),
        ("[model]\n[model]", "not TOML"),
        (b"\xff\xfe\x00", "UTF-8"),
    ],
)
def test_a_wrong_recipe_says_what_is_wrong_and_where(write: Callable[..., str], content: Any, said: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(content))
    assert said in caught.value.message
    assert "mine.toml" in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.status == ExitStatus.INPUT


@pytest.mark.parametrize("name", ["missing.toml", "no/such/file"])
def test_a_missing_file_is_named(name: str) -> None:
    with pytest.raises(InputError, match=name):
        load_recipe(name)


def test_an_unknown_name_lists_those_there_are() -> None:
    with pytest.raises(RecipeError, match=r"did you mean 'sparse'.*conv, conv-classifier, denoising, mlp"):
        load_recipe("sprase")


def test_an_empty_section_is_all_defaults(write: Callable[..., str]) -> None:
    assert load_recipe(write("[training]\n")) == Recipe()


@pytest.mark.parametrize(
    ("word", "key", "value"),
    [
        ("optimizer.lr=1", "optimizer.lr", 1),
        ("optimizer.lr = 1e-3", "optimizer.lr", 1e-3),
        ("model.image_size=[32, 16]", "model.image_size", [32, 16]),
        ("model.architecture=mlp", "model.architecture", "mlp"),
        ('model.architecture="mlp"', "model.architecture", "mlp"),
        ("training.precision=bf16-mixed", "training.precision", "bf16-mixed"),
        ("training.precision=32-true", "training.precision", "32-true"),
        ("optimizer.schedule=one-cycle", "optimizer.schedule", "one-cycle"),
        ("model.arguments.hidden=[64,32]", "model.arguments.hidden", [64, 32]),
        ("model.arguments={code = 3}", "model.arguments", {"code": 3}),
        ("a=b=c", "a", "b=c"),
        ("a=", "a", ""),
        ("a=1\nb=2", "a", "1\nb=2"),
    ],
)
def test_a_setting_is_toml_or_a_bare_string(word: str, key: str, value: Any) -> None:
    assert parse_settings([word]) == {key: value}


@pytest.mark.parametrize("word", ["optimizer.lr", "=3", ""])
def test_a_setting_needs_a_key_and_a_value(word: str) -> None:
    with pytest.raises(UsageError, match="not key=value"):
        parse_settings([word])


def test_settings_change_keys_and_single_arguments() -> None:
    recipe = load_recipe("mlp").with_settings({"optimizer.lr": 1, "model.arguments.code": 3})
    assert recipe.optimizer.lr == 1.0
    assert recipe.model.arguments == {"hidden": [256], "code": 3}
    assert load_recipe("mlp").model.arguments["code"] == 128


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("optimizer.lrr", "did you mean 'optimizer.lr'"),
        ("lr", "did you mean 'optimizer.lr'"),
        ("optimizer", "unknown key 'optimizer'"),
        ("optimizer.", "unknown key"),
        ("optimizer.lr.x", "unknown key"),
        ("training.arguments.x", "unknown key"),
        ("x.y", "unknown key"),
    ],
)
def test_an_unknown_setting_names_the_nearest(key: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Recipe().with_settings({key: 1})


def test_differences_name_keys() -> None:
    changed = Recipe().with_settings({"optimizer.lr": 0.5, "training.seed": 1, "model.arguments.x": 1})
    assert Recipe().differences(changed) == ["model.arguments", "optimizer.lr", "training.seed"]
    assert changed.differences(changed) == []


@pytest.mark.parametrize(
    ("size", "channels", "shape"),
    [("native", "native", (None, None, None)), (32, 1, (1, 32, 32)), ([32, 16], "native", (None, 32, 16))],
)
def test_the_shape_that_is_asked_of_images(size: Any, channels: Any, shape: tuple[int | None, ...]) -> None:
    assert Recipe().with_model(image_size=size, channels=channels).model.image_shape == shape
