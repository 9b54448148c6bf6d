"""The commands that make a run and its files again, derived from the files: a run does not record what was typed."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from aecli.checkpoint import CheckpointHeader
from aecli.checkpoint.run_folder import RunFolder
from aecli.detection.detector import Detector, DetectorHeader
from aecli.detection.options import DEFAULT_QUANTILE
from aecli.detection.reductions import DEFAULT_REDUCTION
from aecli.inference.model import conversion_of
from aecli.recipes.loading import load_recipe, recipe_names
from aecli.recipes.schema import Recipe

RESOLVED_KEYS = frozenset(
    f"model.{key}"
    for key in ("image_size", "channels", "mean", "std", "black", "white", "arguments", "tile", "overlap")
)
"""Keys that a training resolves from the images, so that they differ from a recipe's without anyone's wish."""

STEPS = "training.steps"
"""The length of the training in steps; 0 if it is given in epochs."""


@dataclass(frozen=True)
class ClosestRecipe:
    """The recipe of a run as a change of one that comes with aecli."""

    name: str
    changes: dict[str, object]
    """The values of the run by key, where they differ; without those that are resolved from the images."""

    @property
    def text(self) -> str:
        """Return the name and the changes."""
        changes = ", ".join(f"{key} = {value}" for key, value in self.changes.items())
        return f"{self.name}, with {changes}" if changes else self.name


def closest_recipe(recipe: Recipe) -> ClosestRecipe:
    """Return the recipe that comes with aecli from which a run differs in the fewest keys."""
    sections = recipe.to_dict()
    choices = []
    for name in recipe_names():
        other = load_recipe(name)
        others = other.to_dict()
        different = [
            key
            for key in recipe.differences(other)
            if key not in RESOLVED_KEYS and _value(others, key) != "auto" and (key != STEPS or recipe.training.steps)
        ]
        if other.model.architecture == recipe.model.architecture and other.task == recipe.task:
            choices.append(ClosestRecipe(name, {key: _value(sections, key) for key in different}))
    if not choices:
        return ClosestRecipe(f"none: architecture {recipe.model.architecture}", {})
    return min(choices, key=lambda choice: len(choice.changes))


def commands(folder: RunFolder, header: CheckpointHeader, detector: Detector | None) -> list[str]:
    """Return the commands in the order in which they are typed."""
    run = str(folder.path)
    train = ["aecli", "train", header.data.word, "--recipe", str(folder.recipe), "-o", f"{run}-again"]
    if header.validation.word != header.data.word:
        train += ["--val", header.validation.word]
    lines = [train]
    if detector is not None:
        lines.append(_calibrate(run, header, detector.header))
    lines.append(["aecli", "report", run, "-o", str(Path(f"{folder.path.name or 'run'}.html"))])
    return [shlex.join(line) for line in lines]


def _calibrate(run: str, model: CheckpointHeader, detector: DetectorHeader) -> list[str]:
    words = ["aecli", "calibrate", "--model", run, "--normal", detector.normal.word]
    if detector.anomalous is not None:
        words += ["--anomalous", detector.anomalous.word]
    words += ["--score", detector.score]
    default = None if detector.anomalous is not None else DEFAULT_QUANTILE
    if detector.quantile is not None and detector.quantile != default:
        words += ["--quantile", f"{detector.quantile:g}"]
    if detector.map_reduction != DEFAULT_REDUCTION:
        words += ["--map-reduction", detector.map_reduction]
    if detector.tiles != conversion_of(model).tiles:
        tiles = detector.tiles
        words += ["--tile", f"{tiles.size}", "--overlap", f"{tiles.overlap}"] if tiles else ["--tile", "0"]
    return words


def _value(sections: dict[str, dict[str, object]], key: str) -> object:
    section, _, name = key.partition(".")
    return sections[section][name]
