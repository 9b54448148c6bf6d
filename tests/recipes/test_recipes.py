"""Recipes: shipped ones, files and settings, valid and invalid."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aecli.errors import ExitStatus, InputError, RecipeError, UsageError
from aecli.recipes.keys import Range
from aecli.recipes.loading import load_recipe, parse_settings, recipe_names, recipe_purpose, save_recipe
from aecli.recipes.schema import Recipe, recipe_keys

LISTS = ("model.std", "penalty.rate_weights")
RANGES = {name: field.metadata["range"] for name, field in recipe_keys().items() if "range" in field.metadata}


@pytest.mark.parametrize("name", recipe_names())
def test_a_saved_recipe_loads_as_an_equal_one(name: str, tmp_path: Path) -> None:
    recipe = load_recipe(name)
    save_recipe(recipe, tmp_path / "recipe.toml")
    assert load_recipe(str(tmp_path / "recipe.toml")) == recipe
    assert Recipe.from_dict(recipe.to_dict()) == recipe


@pytest.mark.parametrize("name", recipe_names())
def test_a_shipped_recipe_has_a_purpose(name: str) -> None:
    purpose = recipe_purpose(name)
    assert len(purpose) > 20
    assert purpose.endswith((".", ":"))


def test_sgd_recipes_have_the_published_settings() -> None:
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


def test_combined_has_noise_and_affine_and_elastic_warps() -> None:
    recipe = load_recipe("combined")
    assert recipe.corruption.gaussian > 0
    assert recipe.corruption.affine
    assert recipe.corruption.elastic > 0
    assert recipe.corruption.target == "clean"


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str | bytes], str]:
    """Write a recipe file and return its path."""

    def run(content: str | bytes) -> str:
        path = tmp_path / "mine.toml"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return run


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[optimization]\nlr = 1", "optimization"),
        ("[optimizer]\nlearning_rate = 1", "optimizer.learning_rate"),
        ("[optimizer]\nmomentun = 0.9", "optimizer.momentum"),
        ("[training]\nlr = 0.1", "optimizer.lr"),
        ("lr = 0.1", "optimizer.lr"),
        ("training = 3", "training"),
        ("[training]\nepochs = '3'", "training.epochs"),
        ("[training]\nepochs = 3.0", "training.epochs"),
        ("[training]\nepochs = true", "training.epochs"),
        ("[training]\nepochs = 0", "training.epochs"),
        ("[training]\nbatch_size = -1", "training.batch_size"),
        ("[training]\nseed = -1", "training.seed"),
        ("[training]\nseed = 4294967296", "training.seed"),
        ("[training]\nvalidation_fraction = 1", "training.validation_fraction"),
        ("[training]\nprecision = 'half'", "bf16-mixed"),
        ("[optimizer]\nlr = 0", "optimizer.lr"),
        ("[optimizer]\nlr = nan", "optimizer.lr"),
        ("[optimizer]\nlr = inf", "optimizer.lr"),
        ("[optimizer]\nlr = false", "optimizer.lr"),
        ("[optimizer]\nlr = 1" + "0" * 400, "optimizer.lr"),
        ("[optimizer]\nmomentum = 1", "optimizer.momentum"),
        ("[optimizer]\nweight_decay = -0.1", "optimizer.weight_decay"),
        ("[optimizer]\nname = 'sdg'", "adamw"),
        ("[optimizer]\nschedule = 'linear'", "one-cycle"),
        ("[corruption]\ndropout = 1.0", "corruption.dropout"),
        ("[corruption]\ngaussian = -1", "corruption.gaussian"),
        ("[corruption]\nrotation = 181", "corruption.rotation"),
        ("[corruption]\nscale = 1", "corruption.scale"),
        ("[corruption]\nshear = 90", "corruption.shear"),
        ("[corruption]\ntranslation = -0.1", "corruption.translation"),
        ("[corruption]\nelastic = 1.5", "corruption.elastic"),
        ("[corruption]\nelastic_grid = 1", "corruption.elastic_grid"),
        ("[corruption]\nblocks = -1", "corruption.blocks"),
        ("[corruption]\nblocks = 1.5", "corruption.blocks"),
        ("[corruption]\nblock_area = 0", "corruption.block_area"),
        ("[corruption]\ntarget = 'dirty'", "clean"),
        ("[penalty]\nsparsity_weight = -1", "penalty.sparsity_weight"),
        ("[objective]\nloss = 'bce'", "huber"),
        ("[model]\nimage_size = [8]", "image_size"),
        ("[model]\nimage_size = [8, 8, 8]", "image_size"),
        ("[model]\nimage_size = 0", "image_size"),
        ("[model]\nimage_size = 'big'", "image_size"),
        ("[model]\nchannels = 2", "native"),
        ("[model]\nstd = [0.0]", "model.std"),
        ("[model]\nmean = ['a']", "model.mean"),
        ("[model]\narguments = 3", "model.arguments"),
        ("[model", "not TOML"),
        ("a = " + "[" * 5000, "not TOML"),
        ("[model]\n[model]", "not TOML"),
    ],
)
def test_the_error_of_an_invalid_recipe_names_file_and_key(
    write: Callable[..., str], content: str | bytes, message: str
) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(content))
    assert message in caught.value.message
    assert "mine.toml" in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.status == ExitStatus.INPUT


@pytest.mark.parametrize("key", RANGES)
def test_a_range_accepts_its_bounds_and_nothing_beyond(key: str) -> None:
    valid: Range = RANGES[key]
    is_whole = recipe_keys()[key].type is int or key in ("model.image_size", "model.overlap", "training.batch_size")
    step = 1 if is_whole else 1e-6
    inside = [bound for bound in (valid.at_least, valid.at_most) if bound is not None]
    outside = [bound for bound in (valid.above, valid.below) if bound is not None]
    outside += [valid.at_least - step] if valid.at_least is not None else []
    outside += [valid.at_most + step] if valid.at_most is not None else []
    for value in inside:
        assert value in valid
        assert [value, value] in valid
    for value in outside:
        assert value not in valid
        with pytest.raises(UsageError) as caught:
            Recipe().with_settings({key: [value] if key in LISTS else value})
        assert key in caught.value.message
        assert str(valid) in caught.value.message


def test_the_words_of_a_range() -> None:
    assert str(Range(at_least=1)) == "at least 1"
    assert str(Range(at_least=0, at_most=10_000)) == "from 0 to 10,000"
    assert str(Range(above=0, below=1)) == "greater than 0 and below 1"
    assert str(Range(above=0, at_most=1)) == "greater than 0 and at most 1"


def test_every_key_is_documented() -> None:
    for name, field in recipe_keys().items():
        assert field.metadata["help"].endswith("."), name


def test_a_recipe_of_a_windows_editor_is_read(write: Callable[..., str]) -> None:
    text = "[training]\r\nepochs = 3\r\n"
    for content in (text.encode("utf-8-sig"), text.encode("utf-16")):
        assert load_recipe(write(content)).training.epochs == 3


def test_a_recipe_that_is_no_text_is_refused(write: Callable[..., str]) -> None:
    with pytest.raises(InputError, match=r"recipe.*UTF-8.*mine\.toml"):
        load_recipe(write(b"\xff\xfe\x00"))


@pytest.mark.parametrize("name", ["missing.toml", "no/such/file"])
def test_the_error_of_a_missing_file_names_it(name: str) -> None:
    with pytest.raises(InputError, match=name):
        load_recipe(name)


def test_an_unknown_recipe_lists_the_nearest_and_all_names() -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe("sprase")
    assert "'sparse'" in caught.value.message
    assert all(name in caught.value.message for name in recipe_names())


def test_an_empty_section_has_the_defaults(write: Callable[..., str]) -> None:
    assert load_recipe(write("[training]\n")) == Recipe()


@pytest.mark.parametrize(
    ("setting", "key", "value"),
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
def test_a_setting_is_toml_or_a_string(setting: str, key: str, value: Any) -> None:
    assert parse_settings([setting]) == {key: value}


@pytest.mark.parametrize("setting", ["optimizer.lr", "=3", ""])
def test_a_setting_needs_a_key_and_a_value(setting: str) -> None:
    with pytest.raises(UsageError, match="key=value"):
        parse_settings([setting])


def test_settings_change_keys_and_arguments() -> None:
    recipe = load_recipe("mlp").with_settings({"optimizer.lr": 1, "model.arguments.code": 3})
    assert recipe.optimizer.lr == 1.0
    assert recipe.model.arguments == {"hidden": [256], "code": 3}
    assert load_recipe("mlp").model.arguments["code"] == 128


@pytest.mark.parametrize(
    ("settings", "arguments"),
    [
        ({"model.architecture": "strided"}, {}),
        ({"model.architecture": "strided", "model.arguments.code": 3}, {"code": 3}),
        ({"model.arguments.code": 3, "model.architecture": "strided"}, {"code": 3}),
        ({"model.architecture": "strided", "model.arguments": {"code": 3}}, {"code": 3}),
        ({"model.architecture": "mlp"}, {"hidden": [256], "code": 128}),
        ({"model.architecture": "mlp", "model.arguments.code": 3}, {"hidden": [256], "code": 3}),
        ({"optimizer.lr": 1}, {"hidden": [256], "code": 128}),
    ],
    ids=str,
)
def test_another_architecture_drops_the_arguments_of_the_previous_one(
    settings: dict[str, Any], arguments: dict[str, Any]
) -> None:
    assert load_recipe("mlp").with_settings(settings).model.arguments == arguments


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("optimizer.lrr", "optimizer.lr"),
        ("lr", "optimizer.lr"),
        ("optimizer", "'optimizer'"),
        ("optimizer.", "'optimizer.'"),
        ("optimizer.lr.x", "'optimizer.lr.x'"),
        ("training.arguments.x", "'training.arguments'"),
        ("x.y", "'x.y'"),
    ],
)
def test_the_error_of_an_unknown_setting_names_the_key(key: str, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        Recipe().with_settings({key: 1})


def test_arguments_that_are_no_table_are_refused() -> None:
    with pytest.raises(UsageError, match=r"model\.arguments"):
        Recipe().with_settings({"model.arguments": 3, "model.arguments.code": 1})


def test_differences_are_keys() -> None:
    changed = Recipe().with_settings({"optimizer.lr": 0.5, "training.seed": 1, "model.arguments.x": 1})
    assert Recipe().differences(changed) == ["model.arguments", "optimizer.lr", "training.seed"]
    assert changed.differences(changed) == []


@pytest.mark.parametrize(
    ("size", "channels", "shape"),
    [("native", "native", (None, None, None)), (32, 1, (1, 32, 32)), ([32, 16], "native", (None, 32, 16))],
)
def test_the_shape_to_which_images_are_converted(size: Any, channels: Any, shape: tuple[int | None, ...]) -> None:
    assert Recipe().with_model(image_size=size, channels=channels).model.image_shape == shape
