"""The groups of options of `aecli train`."""

from collections.abc import Sequence
from dataclasses import dataclass, make_dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin

from aecli.cli.options import DEVICE_HELP, DEVICES_PANEL, ProcessOptions, one_of
from aecli.data.options import PANEL as IMAGES_PANEL
from aecli.errors import AecliError, UsageError
from aecli.models.architectures import architecture_names
from aecli.recipes.loading import AUTOMATIC, load_recipe, parse_settings, recipe_names
from aecli.recipes.schema import Recipe, recipe_keys
from aecli.runtime.options import option
from aecli.runtime.processes import ACCELERATORS, STRATEGIES, Processes, check_training_device, find_processes

if TYPE_CHECKING:
    from aecli.workflows.recipe_choice import RecipeRequest

T = TypeVar("T")

RECIPE_PANEL = "Recipe"
RUN_PANEL = "Run"
OTHER_ACCELERATORS = sorted({*ACCELERATORS} - {"auto", "cpu", "cuda", "mps"})

FLAGGED_KEYS = {key: entry for key, entry in recipe_keys().items() if "flag" in entry.metadata}
"""The fields of the recipe keys that have an option of their own, such as --epochs."""


def with_recipe_flags(group: type[T]) -> type[T]:
    """Return the dataclass `group` with an option for each of `FLAGGED_KEYS`, described by the recipe schema.

    The options' default None keeps the recipe's value.
    """
    options: list[tuple[str, Any, Any]] = []
    for key, entry in FLAGGED_KEYS.items():
        choices = get_args(entry.type) if get_origin(entry.type) is Literal else ()  # which the recipe checks
        parser = entry.metadata["parser"]
        described = option(
            None,
            f"{entry.metadata['help']} Recipe key: {key}.",
            entry.metadata["flag"],
            panel=RECIPE_PANEL,
            metavar=entry.metadata["metavar"] or "|".join(choices) or None,
            show_default=False,
            **({"parser": parser} if parser else {}),
        )
        value_type: Any = str if choices or parser else entry.type
        options.append((entry.name, value_type | None, described))
    return make_dataclass(group.__name__, options, bases=(group,), frozen=True)


def recipe_values(words: Sequence[str]) -> dict[str, str]:
    """Return what the recipe says for each of `FLAGGED_KEYS`, by the option's name, such as `conv: 150`.

    The recipe is that of `--recipe` among the words of the command line, or else those that train chooses from.
    """
    names = [word.removeprefix("--recipe=") for word in words if word.startswith("--recipe=")]
    names += [after for word, after in pairwise(words) if word == "--recipe"]
    try:
        recipes = {name: load_recipe(name) for name in names[-1:] or AUTOMATIC}
    except AecliError:  # which running the command explains
        return {}
    values = {}
    for key, entry in FLAGGED_KEYS.items():
        texts = {name: _value_text(key, recipe) for name, recipe in recipes.items()}
        if len(texts) > 1 and len(set(texts.values())) == 1:
            texts = {"recipe": next(iter(texts.values()))}
        values[entry.name] = ", ".join(f"{Path(name).name}: {text}" for name, text in texts.items())
    return values


def _value_text(key: str, recipe: Recipe) -> str:
    if key == "training.epochs" and recipe.training.steps:
        return "as many as --steps needs"
    section, _, name = key.partition(".")
    value = recipe.to_dict()[section][name]
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "x".join(map(str, reversed(value))) if isinstance(value, list) else f"{value}"


@with_recipe_flags
@dataclass(frozen=True)
class RecipeOptions:
    """The recipe, and changes to single keys of it."""

    recipe: str | None = option(
        None,
        f"Recipe to train: {one_of(recipe_names())}, or your own file; default: one that fits the images.",
        panel=RECIPE_PANEL,
        metavar="NAME|FILE.toml",
        show_default=False,
    )
    settings: list[str] | None = option(
        None,
        f"Change a recipe key; may be repeated. model.architecture is {one_of(architecture_names())}.",
        "--set",
        panel=RECIPE_PANEL,
        metavar="KEY=VALUE",
    )

    @property
    def file(self) -> Path | None:
        """The recipe file that is read, if it is not one of the recipes that come with aecli."""
        return Path(self.recipe) if self.recipe and self.recipe not in recipe_names() else None

    @property
    def request(self) -> "RecipeRequest":
        """The recipe that the options ask for: --recipe, changed by --set, changed by the options of single keys.

        Raises:
            UsageError: a --set has no key or no value.
        """
        from aecli.workflows.recipe_choice import RecipeRequest

        flags = {key: getattr(self, entry.name) for key, entry in FLAGGED_KEYS.items()}
        changes = {key: value for key, value in flags.items() if value is not None}
        return RecipeRequest(self.recipe, [(parse_settings(self.settings or []), "--set"), (changes, "command line")])


@dataclass(frozen=True)
class RunOptions:
    """Validation images, the weights to start from, and the treatment of an earlier run in the folder."""

    val: str | None = option(
        None,
        "Validation images; default: the val split of DATA, or a fraction held out (training.validation_fraction).",
        panel=IMAGES_PANEL,
        metavar="DATA",
    )
    skip_damaged: bool = option(
        False, "Train without the images that cannot be read.", "--skip-damaged", panel=IMAGES_PANEL
    )
    init_from: Path | None = option(
        None,
        "Start from the weights of this model. A classifier can start from an autoencoder's encoder, resnet from "
        "torchvision's weights, and features needs those of its backbone: a .safetensors or .pth file.",
        panel=RUN_PANEL,
        metavar="CKPT|WEIGHTS",
    )
    resume: bool = option(
        False,
        "Resume the run in DIR after its last finished epoch. A finished run, if it was trained with --keep-state, "
        "continues with more --epochs, for which the schedule must be constant, or with a larger --patience.",
        "--resume",
        panel=RUN_PANEL,
    )
    keep_state: bool = option(
        False, "Keep last.ckpt in the finished run, so that --resume can continue it.", "--keep-state", panel=RUN_PANEL
    )
    overwrite: bool = option(False, "Replace the run in DIR.", "--overwrite", panel=RUN_PANEL)
    no_export: bool = option(
        False,
        "Do not write model.onnx, which detect, encode and decode run on the CPU without loading torch.",
        "--no-export",
        panel=RUN_PANEL,
    )
    logger: str = option(
        "csv",
        "Loggers, separated by commas: csv (always written), tensorboard, wandb.",
        panel=RUN_PANEL,
        metavar="NAMES",
    )


@dataclass(frozen=True)
class HardwareOptions(ProcessOptions):
    """The devices to train on."""

    device: str = option(
        "auto",
        f"{DEVICE_HELP.removesuffix('.')}, or any other accelerator of Lightning: {one_of(OTHER_ACCELERATORS)}.",
        panel=DEVICES_PANEL,
        metavar="DEVICE",
    )
    strategy: str = option(
        "auto",
        f"Lightning's strategy for several devices: {one_of(STRATEGIES)}.",
        panel=DEVICES_PANEL,
        metavar="NAME",
    )

    @property
    def processes(self) -> Processes:
        """The processes that train together.

        Raises:
            UsageError: a value is invalid, or contradicts torchrun.
        """
        check_training_device(self.device)
        if ":" in self.device and self.devices > 1:
            raise UsageError(
                f"--device {self.device} is one device, not {self.devices}",
                hint=f"--device {self.device.partition(':')[0]} --devices {self.devices}",
            )
        return find_processes(self.devices, self.num_nodes, self.strategy)
