"""Batches of one image: every architecture trains, or the error says what to change."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from aecli.data import ImageSet
from aecli.errors import ExitStatus, RecipeError
from aecli.models import architectures
from aecli.models.autoencoder import Autoencoder
from aecli.models.classifier import Classifier
from aecli.recipes.schema import Recipe
from aecli.runtime.processes import SINGLE_PROCESS, Process
from aecli.training.smallest_batch import make_train_batches, trains_on_one_image
from aecli.training.subsets import Subset, whole
from tests.command_line import Run
from tests.models.image_architectures import IMAGE_ARCHITECTURES

NAME = "batch_normalized"
SOURCE = f'''
"""Batch normalization of one pixel, or of all pixels."""

from torch import nn


def {NAME}(image_shape: tuple[int, int, int], *, pixels: int = 1) -> tuple[nn.Module, nn.Module]:
    channels, height, width = image_shape
    pool = nn.AdaptiveAvgPool2d(pixels)
    return nn.Sequential(pool, nn.BatchNorm2d(channels), nn.Dropout(0.5)), nn.Upsample((height, width))
'''


@pytest.fixture(autouse=True)
def _more_architectures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "architectures"
    folder.mkdir()
    (folder / f"{NAME}.py").write_text(SOURCE)
    monkeypatch.setattr(architectures, "__path__", [*architectures.__path__, str(folder)])
    monkeypatch.delitem(sys.modules, f"{architectures.__name__}.{NAME}", raising=False)


def autoencoder(pixels: int = 1) -> Autoencoder:
    return Autoencoder(NAME, (3, 8, 8), {"pixels": pixels}, [0.5] * 3, [0.5] * 3)


def classifier(pixels: int = 1) -> Classifier:
    return Classifier(NAME, (3, 8, 8), {"pixels": pixels}, [0.5] * 3, [0.5] * 3, 2)


def images(count: int) -> Subset:
    return whole(ImageSet(np.zeros((count, 3, 8, 8), np.uint8), np.arange(count).astype(str), "zeros"))


def sizes(
    count: int,
    batch_size: int,
    model: Autoencoder | Classifier,
    process: Process = SINGLE_PROCESS,
    *,
    frozen: bool = False,
) -> list[int]:
    """Return the number of images in each batch of the process."""
    settings: dict[str, Any] = {"training.batch_size": batch_size, "training.freeze_encoder": frozen}
    if isinstance(model, Classifier):
        settings["objective.loss"] = "cross-entropy"
    batches = make_train_batches(images(count), model, Recipe().with_settings(settings), process)
    return [len(indices) for call in batches for indices in call]


@pytest.mark.parametrize("model", [autoencoder, classifier])
def test_a_last_batch_of_one_joins_the_one_before(model: Callable[[], Autoencoder | Classifier]) -> None:
    assert sizes(46, 45, model()) == [46]
    assert sizes(9, 2, model()) == [2, 2, 2, 3]
    assert sizes(3, 2, model()) == [3]


@pytest.mark.parametrize(("count", "batch_size"), [(2, 45), (45, 45), (47, 45), (8, 2), (2, 2)])
def test_other_batches_stay_as_they_are(count: int, batch_size: int) -> None:
    assert sizes(count, batch_size, autoencoder(1)) == sizes(count, batch_size, autoencoder(2))


def test_batches_of_one_stay_where_the_model_trains_on_them() -> None:
    assert sizes(46, 45, autoencoder(pixels=2)) == [45, 1]
    assert sizes(3, 1, autoencoder(pixels=2)) == [1, 1, 1]
    assert sizes(3, 1, classifier(), frozen=True) == [1, 1, 1]


@pytest.mark.parametrize("world_size", [2, 3])
@pytest.mark.parametrize("rest", [1, 2, 3, 4])
def test_each_process_has_at_least_two_images(world_size: int, rest: int) -> None:
    shares = [sizes(24 + rest, 12, autoencoder(), Process(rank, world_size)) for rank in range(world_size)]
    assert all(share == shares[0] for share in shares)
    assert min(shares[0]) >= 2
    assert len(shares[0]) == (2 if rest <= world_size else 3)


@pytest.mark.parametrize(
    ("count", "batch_size", "world_size", "hint"),
    [
        (20, 1, 1, "--batch-size 2"),
        (2, 1, 1, "--batch-size 2"),
        (20, 2, 2, "--batch-size 4"),
        (2, 20, 2, "--devices 1"),
        (2, 1, 2, "--devices 1 --batch-size 2"),
        (1, 20, 1, "architecture"),
    ],
)
def test_batches_that_cannot_be_larger_are_refused(count: int, batch_size: int, world_size: int, hint: str) -> None:
    with pytest.raises(RecipeError, match=NAME) as caught:
        sizes(count, batch_size, autoencoder(), Process(0, world_size))
    assert hint in (caught.value.hint or "")


def test_the_trial_leaves_the_model_and_the_random_state() -> None:
    model = autoencoder(pixels=2).eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    torch.manual_seed(0)
    state = torch.get_rng_state()
    assert trains_on_one_image(model)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(part.training for part in model.modules() if isinstance(part, nn.BatchNorm2d))


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["mse", "cross-entropy"])
@pytest.mark.parametrize("name", IMAGE_ARCHITECTURES)
@pytest.mark.long
def test_every_architecture_trains_on_a_last_batch_of_one(name: str, loss: str, aecli: Run, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    for index in range(6):
        file = photos / "ab"[index % 2] / f"{index}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(index).integers(0, 256, (32, 32), np.uint8)
        Image.fromarray(noise).save(file)
    settings = ("--set", f"model.architecture={name}", "--set", f"objective.loss={loss}", "--lr", "1e-4")
    words = ("train", photos, "--val", photos, *settings, "--epochs", 1, "--device", "cpu", "-q")
    assert aecli(*words, "-o", tmp_path / "five", "--batch-size", 5).status == ExitStatus.DONE
    alone = aecli(*words, "-o", tmp_path / "one", "--batch-size", 1)
    if alone.status != ExitStatus.DONE:
        assert alone.status == ExitStatus.INPUT
        assert name in alone.err
        assert not (tmp_path / "one").exists()
