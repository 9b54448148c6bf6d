"""A run is resumed with the images that it was started with, divided into training and validation images as before."""

from pathlib import Path
from typing import Any

import pytest

from aecli.checkpoint.run_folder import RunFolder
from aecli.data import DataOptions
from aecli.errors import InputError
from aecli.recipes.schema import Recipe
from aecli.training.callbacks import History
from aecli.training.request import TrainingRequest
from aecli.training.same_images import image_fingerprints, split_of_0_1
from aecli.training.subsets import load_subsets

CLASSIFIER = {"objective.loss": "cross-entropy"}


def request_of(images: str | Path, settings: dict[str, Any] | None = None, validation: Path | None = None) -> Any:
    recipe = Recipe().with_settings({"training.validation_fraction": 0.5} | (settings or {}))
    subsets = load_subsets(str(images), str(validation) if validation else None, recipe, DataOptions())
    return TrainingRequest(recipe, *subsets, RunFolder(Path("run")))


def history(request: TrainingRequest) -> History:
    return History(request.recipe, image_fingerprints(request), split_of_0_1(request))


def state_of_0_1(request: TrainingRequest) -> dict[str, Any]:
    """Return a training state that does not say how the images were divided."""
    state = history(request).state_dict()
    del state["fingerprints"]["split"]
    return state


@pytest.mark.parametrize("settings", [{}, CLASSIFIER], ids=["autoencoder", "classifier"])
def test_renamed_images_are_not_divided_in_another_way(settings: dict[str, Any], image_folder: Path) -> None:
    before = request_of(image_folder, settings)
    for name in "ab":
        (image_folder / name).rename(image_folder / f"{name}{name}")
    after = request_of(image_folder, settings)
    assert before.images.source.fingerprint == after.images.source.fingerprint
    assert before.validation.indices.tolist() != after.validation.indices.tolist()
    history(before).load_state_dict(history(before).state_dict())
    with pytest.raises(InputError, match="divided") as caught:
        history(after).load_state_dict(history(before).state_dict())
    assert "--overwrite" in (caught.value.hint or "")


@pytest.mark.parametrize("settings", [{}, CLASSIFIER], ids=["autoencoder", "classifier"])
def test_a_state_of_0_1_is_resumed_if_its_images_are_divided_as_today(
    settings: dict[str, Any], image_folder: Path
) -> None:
    for request in (request_of("digits", settings), request_of(image_folder, settings, validation=image_folder)):
        history(request).load_state_dict(state_of_0_1(request))
    with pytest.raises(InputError, match="divided"):  # 0.1 divided folders as named data sets
        history(request_of(image_folder, settings)).load_state_dict(state_of_0_1(request_of(image_folder, settings)))
