"""Lightning's Trainer gets the device that the user names."""

from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl

from aecli.checkpoint.run_folder import RunFolder
from aecli.data import DataOptions
from aecli.recipes.loading import load_recipe
from aecli.training import trainer
from aecli.training.request import Hardware, TrainingRequest
from aecli.training.resolution import resolve_recipe
from aecli.training.subsets import load_subsets


class StoppedError(Exception):
    """Raised instead of creating a Trainer."""


@pytest.mark.parametrize(
    ("device", "accelerator", "devices"), [("cpu", "cpu", 1), ("auto", "auto", 1), ("cuda:3", "cuda", [3])]
)
def test_the_number_of_a_gpu_chooses_it(
    device: str, accelerator: str, devices: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}

    def record(**arguments: Any) -> None:
        asked.update(arguments)
        raise StoppedError

    monkeypatch.setattr(pl, "Trainer", record)
    monkeypatch.setattr(trainer, "is_available", lambda name: True)
    recipe = load_recipe("mlp")
    images, validation = load_subsets("digits", None, recipe, DataOptions())
    request = TrainingRequest(resolve_recipe(recipe, images), images, validation, RunFolder(tmp_path))
    with pytest.raises(StoppedError):
        trainer.make_trainer(request, Hardware(device), [], [])
    assert (asked["accelerator"], asked["devices"]) == (accelerator, devices)
