"""What may stand at the cursor, for each command and each kind of value."""

from pathlib import Path
from typing import Any, get_args, get_origin

import pytest

from aecli.analyses.knn_probe.options import METHODS
from aecli.cli.completion.engine import complete
from aecli.cli.parameters import choices, flags, is_argument, value_name
from aecli.data.registry import registry
from aecli.detection.scores import score_summaries
from aecli.models.architectures import architecture_names, read_arguments, resolve_arguments
from aecli.recipes.loading import load_recipe, parse_settings, recipe_names
from aecli.recipes.schema import recipe_keys
from tests.command_line import registered_commands

COMMANDS = registered_commands()


def found(*words: str) -> list[str]:
    """Return the values of the candidates for the last word."""
    return [candidate.value for candidate in complete(list(words)).candidates]


def test_the_first_word_is_a_command_or_an_option() -> None:
    assert found("") == [*COMMANDS, "help"]
    assert found("help", "") == [*COMMANDS]
    assert found("--ver") == ["--version"]
    assert found("nonsense", "") == []
    assert all(candidate.description for candidate in complete([""]).candidates)


@pytest.mark.parametrize("name", COMMANDS)
def test_options_of_a_command_are_offered_until_they_are_given(name: str) -> None:
    parameters: list[Any] = COMMANDS[name].params
    names = {flag for each in parameters if not is_argument(each) for flag in flags(each) if flag.startswith("--")}
    assert set(found(name, "--")) == names | {"--help"}
    assert "--quiet" not in found(name, "--quiet", "--")
    assert "--quiet" in found(name, "--debug", "--q")
    assert found(name, "--", "--") == found(name, "--", "--nonsense"), "an argument after the end of the options"


def test_an_option_that_may_be_repeated_is_offered_again() -> None:
    assert "--set" in found("train", "digits", "--set", "optimizer.lr=1", "--")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_with_a_value_offers_its_choices_or_no_flags(name: str) -> None:
    parameters: list[Any] = COMMANDS[name].params
    for parameter in parameters:
        if not is_argument(parameter) and value_name(parameter):
            for flag in flags(parameter):
                offered = found(name, flag, "")
                assert set(offered) >= set(choices(parameter)), flag
                assert not any(word.startswith("-") for word in offered)
            assert found(name, f"{flags(parameter)[-1]}=") == [f"{flags(parameter)[-1]}={word}" for word in offered]


@pytest.mark.parametrize(
    "words", [("train", "digits", "--recipe", ""), ("train", "digits", "--recipe=x", "--recipe", "")]
)
def test_recipes(words: tuple[str, ...]) -> None:
    assert found(*words) == recipe_names()
    assert complete(list(words)).files == "files .toml"


def test_data_words_with_their_splits_and_classes(tmp_path: Path) -> None:
    for name in ("train/cat", "train/dog", "test/cat"):
        (tmp_path / name).mkdir(parents=True)
    for command in ("train", "encode", "detect", "classify", "compress-report", "search"):
        assert set(found(command, "")) == set(registry().named)
        assert complete([command, ""]).files == "files"
    assert found("calibrate", "--normal", "digi") == ["digits"]
    assert found("encode", "digits:") == [f"digits:{split}" for split in ("train", "val", "test", "all")]
    assert found("encode", "digits:te") == ["digits:test"]
    folder = str(tmp_path)
    assert found("encode", f"{folder}:train@") == [f"{folder}:train@cat", f"{folder}:train@dog"]
    assert found("encode", f"{folder}:train@-c") == [f"{folder}:train@-cat"]
    assert found("encode", f"{folder}:train@cat,") == [f"{folder}:train@cat,dog"]
    assert found("encode", f"{folder}-none@") == []


def test_scores_methods_bits_and_devices() -> None:
    assert found("calibrate", "--score", "") == list(score_summaries())
    assert found("knn-probe", "a", "b", "--methods", "") == list(METHODS)
    assert found("knn-probe", "a", "b", "--methods", "linear,knn-c") == ["linear,knn-cosine"]
    assert found("encode", "x", "--bits", "") == ["32", "16", "8", "6", "4", "3", "2"]
    assert found("encode", "x", "--bits", "1") == ["16"]
    assert found("detect", "x", "--sort", "") == ["score"]
    assert "native" in found("train", "x", "--image-size", "")
    assert "cuda" in found("encode", "x", "--device", "")


@pytest.mark.parametrize("key", recipe_keys())
def test_set_offers_each_key_and_valid_values_of_it(key: str) -> None:
    if key != "model.arguments":
        assert f"{key}=" in found("train", "digits", "--set", key)
        for recipe in ("conv", "mlp-classifier"):
            offered = found("train", "digits", "--recipe", recipe, "--set", f"{key}=")
            assert offered, "at least the recipe's value"
            for setting in offered:
                ((name, value),) = parse_settings([setting]).items()
                section, _, last = name.partition(".")
                assert name == key
                if value == load_recipe(recipe).to_dict()[section][last]:
                    break
            else:
                pytest.fail(f"{key} of {recipe} is not among {offered}")


@pytest.mark.parametrize("key", [key for key, entry in recipe_keys().items() if "Literal" in str(entry.type)])
def test_set_offers_all_words_of_a_key(key: str) -> None:
    members = [recipe_keys()[key].type, *get_args(recipe_keys()[key].type)]
    words = {str(word) for member in members if "Literal" in str(get_origin(member)) for word in get_args(member)}
    assert {f"{key}={word}" for word in words} <= set(found("train", "digits", "--set", f"{key}="))


@pytest.mark.parametrize("name", architecture_names())
def test_set_offers_the_arguments_of_the_architecture(name: str) -> None:
    assert f"model.architecture={name}" in found("train", "digits", "--set", "model.architecture=")
    assert read_arguments(name) == resolve_arguments(name, {}), "without importing torch"


def test_set_offers_arguments_of_the_named_recipe() -> None:
    words = ("train", "digits", "--recipe", "mlp", "--set")
    assert found(*words, "model.arguments.") == [f"model.arguments.{key}=" for key in ("hidden", "code", "activation")]
    assert found(*words, "model.arguments.hidden=") == [
        f"model.arguments.hidden={load_recipe('mlp').model.arguments['hidden']}".replace(" ", "")
    ]


@pytest.mark.parametrize(
    ("words", "files"),
    [
        (("encode", "digits", "--model", ""), "files .safetensors .onnx"),
        (("decode", ""), "files .npz .aec"),
        (("knn-probe", ""), "files .npz"),
        (("compare", ""), "folders"),
        (("train", "digits", "-o", ""), "folders"),
        (("calibrate", "-o", ""), "files .safetensors"),
        (("detect", "x", "--report", ""), "files .html"),
        (("detect", "x", "--detector", ""), "files .safetensors"),
        (("info", ""), "files"),
        (("train", "digits", "--epochs", ""), "none"),
        (("datasets", ""), "none"),
    ],
)
def test_files_that_may_follow(words: tuple[str, ...], files: str) -> None:
    assert complete(list(words)).files == files


@pytest.mark.parametrize("word", ["'mnist5", '"mnist5', r"mni\st5"])
def test_quotes_of_the_shell_are_removed(word: str) -> None:
    assert found("train", word) == ["mnist5k"]
