"""A signal leaves the plots of the finished epochs of its own training."""

from pathlib import Path
from typing import Any

import pytest

from aecli.checkpoint.run_folder import RunFolder
from aecli.data import DataOptions
from aecli.recipes.loading import load_recipe
from aecli.training.request import TrainingRequest
from aecli.training.subsets import load_subsets
from aecli.workflows import training_plots
from aecli.workflows.training_plots import plots_if_interrupted


@pytest.mark.parametrize(
    ("data", "settings", "is_drawn"),
    [("digits", {}, True), ("digits:test", {}, False), ("digits", {"optimizer.lr": 0.5}, False)],
    ids=["this run", "other images", "another recipe"],
)
def test_the_plots_of_a_run_to_replace_are_not_drawn_with_new_images(
    data: str, settings: dict[str, Any], is_drawn: bool, conv_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Path] = []
    monkeypatch.setattr(training_plots, "draw_plots", lambda trained, folder: drawn.append(folder.path))
    recipe = load_recipe(str(conv_run / "recipe.toml")).with_settings(settings)
    request = TrainingRequest(recipe, *load_subsets(data, None, recipe, DataOptions()), RunFolder(conv_run))
    with pytest.raises(KeyboardInterrupt), plots_if_interrupted(request):
        raise KeyboardInterrupt
    assert drawn == [conv_run] * is_drawn
