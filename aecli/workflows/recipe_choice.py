"""The recipe of a training: the one that the user names, or one that fits the images."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from aecli.checkpoint import ModelRef
from aecli.checkpoint.file import read_header
from aecli.checkpoint.run_folder import RunFolder
from aecli.data import DataOptions, DataRef
from aecli.data.glimpse import Glimpse, glimpse
from aecli.errors import InputError
from aecli.recipes.loading import PHOTOS, SMALL, load_recipe
from aecli.recipes.schema import Recipe
from aecli.runtime.counting import counted

PRETRAINED = "resnet"
SMALL_SIDE = 32
"""Pixels: gray images of up to this size are small, such as those of MNIST and FashionMNIST."""
FLAGS = ("--recipe", "--image-size", "--batch-size", "--epochs")


@dataclass(frozen=True)
class RecipeRequest:
    """The recipe that the user asks for."""

    named: str | Recipe | None = None
    """A recipe's name or file, or the recipe itself; None to choose one that fits the images."""
    changes: Sequence[tuple[Mapping[str, Any], str]] = ()
    """`{"section.key": value}`, in this order, with the origin that error messages name."""

    def changed(self, recipe: Recipe) -> Recipe:
        """Return the recipe with all changes made; if images are to be cut into tiles, these keep their size.

        Raises:
            UsageError: a key is unknown or a value is invalid.
        """
        for settings, origin in self.changes:
            recipe = recipe.with_settings(settings, origin)
        changed = {key for settings, _ in self.changes for key in settings}
        if recipe.model.tile and "model.tile" in changed and "model.image_size" not in changed:
            recipe = recipe.with_model(image_size="native")
        return recipe


@dataclass(frozen=True)
class RecipeChoice:
    """A recipe, before it is completed from the images, and where it comes from."""

    recipe: Recipe
    name: str
    """The name of a shipped recipe, a file, or what the recipe was taken from."""
    is_automatic: bool = False
    """Whether the user named no recipe."""

    def describe(self, resolved: Recipe) -> str:
        """Return one line on the completed recipe: `recipe photos, 64x64, batch 16, 40 epochs`."""
        height, width = resolved.model.image_shape[1:]
        training = resolved.training
        if resolved.task == "features":
            return f"recipe {self.name}, {width}x{height}, {resolved.model.arguments['backbone']}"
        line = (
            f"recipe {self.name}, {width}x{height}, batch {training.images_per_step:,}, "
            f"{counted(training.epochs, 'epoch')}"
        )
        return f"{line} (change: {', '.join(FLAGS)}, ...)" if self.is_automatic else line


def choose_recipe(
    request: RecipeRequest,
    data: DataRef,
    options: DataOptions,
    folder: RunFolder,
    start: ModelRef | None = None,
    *,
    resume: bool = False,
) -> RecipeChoice:
    """Return the recipe that the user names; or that of the run to resume, or of the model to start from; or one that
    fits the images.

    Raises:
        RecipeError: the recipe does not exist or is invalid.
        UsageError: a change is invalid.
        InputError: the data is damaged, or has no such split or class.
        UnavailableError: the data set or a package is not installed.
    """
    if isinstance(request.named, Recipe):
        return RecipeChoice(request.changed(request.named), "given")
    if request.named:
        return RecipeChoice(request.changed(load_recipe(request.named)), request.named)
    if resume and folder.recipe.exists():
        return RecipeChoice(request.changed(load_recipe(str(folder.recipe))), str(folder.recipe))
    if start:
        with suppress(InputError):  # weights of torchvision, which have no recipe
            header = read_header(start.file)
            return RecipeChoice(request.changed(Recipe.from_dict(header.recipe)), f"of {start.path}")
        return RecipeChoice(request.changed(load_recipe(PRETRAINED)), PRETRAINED, is_automatic=True)
    changed = request.changed(Recipe())  # the changes are checked before the data is read
    name, size = _fitting(changed, glimpse(data, options))
    recipe = load_recipe(name)
    return RecipeChoice(request.changed(recipe.with_model(image_size=size or recipe.model.image_size)), name, True)


def _fitting(changed: Recipe, images: Glimpse) -> tuple[str, str | None]:
    """Return the name of a recipe for the images as the user wants them converted, and their size if it is kept."""
    channels, height, width = changed.model.image_shape
    side = max(height, width) if height and width else images.side  # that of a tile, if images are cut
    if (channels or (3 if images.has_color else 1)) == 1 and side <= SMALL_SIDE:
        return SMALL, None
    photos = load_recipe(PHOTOS).model.image_size
    keeps_size = images.is_uniform and isinstance(photos, int) and images.side <= photos
    return PHOTOS, "native" if keeps_size else None
