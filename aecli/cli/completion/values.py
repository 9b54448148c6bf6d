"""The values that an option or argument may have, by its name or by what its help calls the value."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

from aecli.cli.completion.candidates import (
    ALL_FILES,
    FOLDERS,
    MODEL_FILES,
    Candidates,
    described,
)
from aecli.cli.parameters import choices, value_name

SPLITS = {"train": "training images", "val": "validation images", "test": "test images", "all": "all images"}


def values_of(parameter: Any, command: str, options: Mapping[str, str], current: str) -> Candidates:
    """Return the values of a parameter, also such as do not begin with what is typed.

    Args:
        parameter: The option or argument.
        command: The name of the command.
        options: The options on the command line so far, by the parameters' names.
        current: What is typed of the value.
    """
    if parameter.name in BY_PARAMETER:
        return BY_PARAMETER[parameter.name](options, current)
    name = value_name(parameter).removesuffix("...")
    if name in BY_VALUE:
        return BY_VALUE[name](options, current)
    if suffixes := re.findall(r"\.[a-z]\w*", name):
        return described(choices(parameter), " ".join([ALL_FILES, *suffixes]))
    return described(choices(parameter))


def _recipes(options: Mapping[str, str], current: str) -> Candidates:
    from aecli.recipes.loading import recipe_names, recipe_purpose

    return described({name: recipe_purpose(name) for name in recipe_names()}, f"{ALL_FILES} .toml")


def _settings(options: Mapping[str, str], current: str) -> Candidates:
    """Return the keys of a recipe, or after an equals sign the values of a key."""
    from aecli.recipes.schema import recipe_keys

    key, equals, _ = current.partition("=")
    recipe = _recipe(options)
    if equals:
        return described(_setting_values(key, recipe)).after(f"{key}=")
    keys = {f"{name}=": entry.metadata["help"] for name, entry in recipe_keys().items() if name != "model.arguments"}
    arguments = {
        f"model.arguments.{name}=": f"of architecture {recipe.model.architecture}" for name in _arguments(recipe)
    }
    return described(keys | arguments)


def _setting_values(key: str, recipe: Any) -> dict[str, str]:
    """Return the values of a recipe key: all of them if they are few, and the one in the recipe."""
    from aecli.models.architectures import architecture_names
    from aecli.recipes.schema import recipe_keys

    if key.startswith("model.arguments."):
        name = key.removeprefix("model.arguments.")
        return {value: "the recipe's value" for argument, value in _arguments(recipe).items() if argument == name}
    if key == "model.architecture":
        return dict.fromkeys(architecture_names(), "")
    if (entry := recipe_keys().get(key)) is None:
        return {}
    section, _, name = key.partition(".")
    own = _setting(recipe.to_dict()[section][name])
    values = dict.fromkeys(_literals(entry.type), "")
    if entry.type is bool:
        values = {"true": "", "false": ""}
    if "range" in entry.metadata:
        return values | {own: f"the recipe's value; {entry.metadata['range']}"}
    return values | {own: "the recipe's value"}


def _literals(value_type: Any) -> list[str]:
    """Return the words of a type such as `Literal["mean", "sum"]`, also in a union."""
    if isinstance(value_type, str):
        return [value_type]
    if get_origin(value_type) is None or get_origin(value_type) is list:
        return [str(value_type)] if isinstance(value_type, int) else []
    return [word for member in get_args(value_type) for word in _literals(member)]


def _arguments(recipe: Any) -> dict[str, str]:
    """Return the arguments of the recipe's architecture and their values, without importing it."""
    from aecli.models.architectures import read_arguments

    values = read_arguments(recipe.model.architecture) | recipe.model.arguments
    return {name: _setting(value) for name, value in values.items()}


def _setting(value: Any) -> str:
    """Return a value as --set takes it, without spaces and, if it is a word, without quotes."""
    from aecli.recipes.template import toml_text

    return value if isinstance(value, str) else toml_text(value).replace(" ", "")


def _recipe(options: Mapping[str, str]) -> Any:
    """Return the recipe that the command line names, or the default one."""
    from aecli.errors import AecliError
    from aecli.recipes.loading import SMALL, load_recipe

    try:
        return load_recipe(options.get("recipe", SMALL))
    except AecliError:
        return load_recipe(SMALL)


def _scores(options: Mapping[str, str], current: str) -> Candidates:
    from aecli.detection.scores import score_summaries

    return described(score_summaries())


def _methods(options: Mapping[str, str], current: str) -> Candidates:
    from aecli.analyses.knn_probe.options import METHODS

    return _list_of(METHODS, current)


def _loggers(options: Mapping[str, str], current: str) -> Candidates:
    return _list_of({"csv": "metrics.csv", "tensorboard": "", "wandb": ""}, current)


def _strategies(options: Mapping[str, str], current: str) -> Candidates:
    from aecli.runtime.processes import STRATEGIES

    return described(STRATEGIES)


def _devices(options: Mapping[str, str], current: str) -> Candidates:
    return described({"auto": "a GPU if there is one", "cpu": "", "cuda": "", "cuda:1": "the second GPU", "mps": ""})


def _image_sizes(options: Mapping[str, str], current: str) -> Candidates:
    return described({"native": "the images' own size", "32": "", "64": "", "128": "", "any": "for codecs"})


def _labels(options: Mapping[str, str], current: str) -> Candidates:
    return _list_of({"10": "", "100": "", "1000": "", "all": "all labels"}, current)


def _list_of(words: Mapping[str, str], current: str) -> Candidates:
    """Return the words that may come next in a list that commas separate."""
    before, comma, _ = current.rpartition(",")
    chosen = before.split(",")
    return described({word: text for word, text in words.items() if word not in chosen}).after(before + comma)


def _data(options: Mapping[str, str], current: str) -> Candidates:
    """Return DATA words: data sets, after a colon the splits, and after an `@` the classes of a folder."""
    before, at, classes = current.rpartition("@")
    if at and before:
        folder, _, split = before.partition(":")
        return _list_of(_folder_classes(Path(folder), split), classes.removeprefix("-")).after(
            f"{before}@{'-' if classes.startswith('-') else ''}"
        )
    name, colon, _ = current.rpartition(":")
    if colon and name:
        return described(SPLITS).after(f"{name}:")
    from aecli.data.registry import registry

    return described({word: source.summary for word, source in registry().named.items()}, ALL_FILES)


def _folder_classes(folder: Path, split: str) -> dict[str, str]:
    """Return the names of the folders of classes in a folder of images."""
    try:
        inside = folder / split if split and (folder / split).is_dir() else folder
        return {path.name: "" for path in sorted(inside.iterdir()) if path.is_dir() and not path.name.startswith(".")}
    except OSError:
        return {}


def _described_files(options: Mapping[str, str], current: str) -> Candidates:
    """Return what `aecli info` describes."""
    recipes, data = _recipes(options, current), _data(options, current)
    return Candidates(recipes.candidates + data.candidates, ALL_FILES)


def _files(kind: str) -> Callable[[Mapping[str, str], str], Candidates]:
    return lambda options, current: described((), kind)


BY_PARAMETER: Mapping[str, Callable[[Mapping[str, str], str], Candidates]] = {
    "file": _described_files,
    "detector": _files("files .safetensors"),
    "recipe": _recipes,
    "settings": _settings,
    "score": _scores,
    "methods": _methods,
    "labels": _labels,
    "logger": _loggers,
    "strategy": _strategies,
    "device": _devices,
    "image_size": _image_sizes,
}
"""The values of options, by the name of the parameter."""

BY_VALUE: Mapping[str, Callable[[Mapping[str, str], str], Candidates]] = {
    "DATA": _data,
    "IMAGE": _data,
    "QUERY": _data,
    "FILE": _files(ALL_FILES),
    "DIR": _files(FOLDERS),
    "RUN": _files(FOLDERS),
    "MODEL": _files(MODEL_FILES),
    "CKPT": _files("files .safetensors"),
    "CKPT|WEIGHTS": _files("files .safetensors .pth"),
    "CODES": _files("files .npz .aec"),
    "OUT": _files(ALL_FILES),
    "PLOT": _files("files .png .svg .pdf .html"),
}
"""The values of options and arguments, by what the help calls them."""
