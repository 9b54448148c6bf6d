"""The labels that a classifier is trained on: their number, their classes and their images."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from aecli.checkpoint import read_header
from aecli.data import DataOptions, ImageSet, load
from aecli.errors import ExitStatus, UsageError
from aecli.recipes.schema import Recipe
from aecli.training.subsets import Subset, load_subsets
from tests.command_line import Run

CPU = ("--device", "cpu")


def subsets_of(**settings: Any) -> tuple[Subset, Subset]:
    recipe = Recipe().with_settings({key.replace("__", "."): value for key, value in settings.items()})
    return load_subsets("digits", None, recipe, DataOptions())


@pytest.mark.parametrize("loss", ["mse", "cross-entropy"])
def test_the_limit_per_class_draws_images_by_the_seed(loss: str) -> None:
    settings = {"objective__loss": loss, "training__limit_per_class": 7}
    all_images, held_out = subsets_of(objective__loss=loss)
    images, validation = subsets_of(**settings)
    assert np.bincount(images.labels).tolist() == [7] * 10
    assert set(images.indices) <= set(all_images.indices)
    assert validation.indices.tolist() == held_out.indices.tolist()
    assert subsets_of(**settings)[0].indices.tolist() == images.indices.tolist()
    other = subsets_of(**settings, training__seed=1)[0]
    assert other.indices.tolist() != images.indices.tolist()


def test_an_autoencoder_and_a_classifier_have_the_same_validation_images() -> None:
    autoencoder, classifier = (subsets_of(objective__loss=loss) for loss in ("mse", "cross-entropy"))
    for one, other in zip(autoencoder, classifier, strict=True):
        assert one.indices.tolist() == other.indices.tolist()
        assert one.images.fingerprint == other.images.fingerprint


def test_a_limit_above_the_images_of_a_class_is_refused(aecli: Run, tmp_path: Path) -> None:
    result = aecli("train", "digits", "-o", tmp_path / "run", "--limit-per-class", 126, *CPU)
    assert result.status == ExitStatus.INPUT
    assert "class 8" in result.err
    assert "--limit-per-class 125" in result.err


def test_the_checkpoint_records_the_limit(train: Callable[..., Path], tmp_path: Path) -> None:
    run = train(tmp_path / "run", "--epochs", 1, "--limit-per-class", 5)
    header = read_header(run / "model.safetensors")
    assert (header.data.images, header.validation.images) == (50, 144)
    assert header.recipe["training"]["limit_per_class"] == 5


def test_classes_come_from_the_training_images(train: Callable[..., Path], tmp_path: Path) -> None:
    words = ("--recipe", "conv-classifier", "--epochs", 1)
    run = tmp_path / "run"
    train(run, *words, "--val", "digits:test@5,3")
    assert len(read_header(run / "model.safetensors").class_names) == 10


@pytest.mark.slow
def test_validation_labels_are_matched_by_class_name(aecli: Run, tmp_path: Path) -> None:
    """The folders have different classes, so that equal class names have different indices."""
    digits = load("digits:train")
    assert digits.labels is not None
    for folder, classes in (("train", (3, 5, 7)), ("val", (5, 7)), ("other", (5, 8))):
        for index in np.flatnonzero(np.isin(digits.labels, classes))[:120]:
            path = tmp_path / folder / f"d{digits.labels[index]}" / f"{index}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(digits.images[index, 0]).save(path)
    words = ("train", tmp_path / "train", "--recipe", "conv-classifier", "--epochs", 25, "--batch-size", 32, *CPU)
    result = aecli(*words, "-o", tmp_path / "run", "--val", tmp_path / "val")
    assert result.status == 0, result.err
    header = read_header(tmp_path / "run" / "model.safetensors")
    assert header.class_names == ["d3", "d5", "d7"]
    assert (header.training.val_accuracy or 0) > 0.9
    result = aecli(*words, "-o", tmp_path / "none", "--val", tmp_path / "other")
    assert result.status == ExitStatus.INPUT
    assert "d8" in result.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("digits", "--labels-from", "none"), "no labels"),
        (("digits:train@3",), "class 3"),
        (("digits", "--val", "UNLABELED"), "has a label"),
        (("UNLABELED",), "no labels"),
        (("digits", "--freeze-encoder"), "--freeze-encoder"),
    ],
    ids=str,
)
def test_a_classifier_needs_labels_of_two_classes(
    words: tuple[str, ...], message: str, aecli: Run, tmp_path: Path
) -> None:
    np.save(tmp_path / "images.npy", load("digits:test").images)
    words = tuple(str(tmp_path / "images.npy") if word == "UNLABELED" else word for word in words)
    result = aecli("train", *words, "--recipe", "conv-classifier", "-o", tmp_path / "run", *CPU)
    usage = "--freeze-encoder" in words
    assert result.status == (ExitStatus.USAGE if usage else ExitStatus.INPUT)
    assert message in result.err
    assert "hint: " in result.err
    assert usage or "class 3" in message or "--labels-from" in result.err
    assert not (tmp_path / "run").exists()


def test_a_limit_needs_labels(aecli: Run, tmp_path: Path) -> None:
    words = ("--labels-from", "none", "--limit-per-class", 5)
    result = aecli("train", "digits", "-o", tmp_path / "run", *words, *CPU)
    assert result.status == ExitStatus.INPUT
    assert "no labels" in result.err


def test_images_without_a_label_are_left_out_and_reported(aecli: Run, tmp_path: Path) -> None:
    digits = load("digits:train")
    assert digits.labels is not None
    labels = np.where(np.arange(len(digits)) < 100, -1, digits.labels)
    np.savez(tmp_path / "some.npz", images=digits.images, labels=labels)
    words = ("--recipe", "conv-classifier", "--epochs", 1, *CPU)
    result = aecli("train", tmp_path / "some.npz", "-o", tmp_path / "run", *words)
    assert result.status == 0, result.err
    assert result.err.count("100 of 1,438 images") == 1
    header = read_header(tmp_path / "run" / "model.safetensors")
    assert header.data.images + header.validation.images == 1338


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"training.freeze_encoder": True}, "training.freeze_encoder"),
        ({"training.freeze_encoder": 1}, "training.freeze_encoder"),
        ({"training.limit_per_class": -1}, "training.limit_per_class"),
        ({"training.limit_per_class": 1.5}, "training.limit_per_class"),
        (
            {"objective.loss": "cross-entropy"} | {"corruption.target": "corrupted"},
            "corruption.target",
        ),
        ({"objective.loss": "crossentropy"}, "'cross-entropy'"),
    ],
    ids=str,
)
def test_invalid_settings_of_a_classifier_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        Recipe().with_settings(settings)
    assert message in caught.value.message


def test_labels_stay_with_their_images_in_every_order() -> None:
    from aecli.training.batches import Batches

    pixels = np.arange(23, dtype=np.uint8)[:, None, None, None] * np.ones((1, 1, 2, 2), np.uint8)
    names = np.array([str(index) for index in range(23)])
    numbers = ImageSet(pixels, names, "numbers", np.arange(23) % 5, tuple("abcde"))
    selected = np.array([1, 3, 4, 9, 11, 17, 22])
    batches = Batches(Subset(numbers, selected), 3, seed=0, labeled=True)
    for epoch in range(3):
        batches.epoch = epoch
        taken = [batches.take(indices) for call in batches for indices in call]
        seen = [pair for images, labels in taken for pair in zip(images[:, 0, 0, 0], labels, strict=True)]
        assert sorted(int(image) for image, _ in seen) == selected.tolist()
        assert all(int(image) % 5 == int(label) for image, label in seen)
