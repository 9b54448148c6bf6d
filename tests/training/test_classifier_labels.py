"""Labels to learn from: how many, of which classes, which image has which."""

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

CPU = ("--accelerator", "cpu")


def subsets_of(**settings: Any) -> tuple[Subset, Subset]:
    recipe = Recipe().with_settings({key.replace("__", "."): value for key, value in settings.items()})
    return load_subsets("digits", None, recipe, DataOptions())


@pytest.mark.parametrize("loss", ["mse", "cross-entropy"])
def test_so_many_of_each_class_are_drawn_by_the_seed(loss: str) -> None:
    settings = {"objective__loss": loss, "training__limit_per_class": 7}
    all_images, held = subsets_of(objective__loss=loss)
    images, validation = subsets_of(**settings)
    assert np.bincount(images.labels).tolist() == [7] * 10
    assert set(images.indices) <= set(all_images.indices)
    assert validation.indices.tolist() == held.indices.tolist()
    assert subsets_of(**settings)[0].indices.tolist() == images.indices.tolist()
    other = subsets_of(**settings, training__seed=1)[0]
    assert other.indices.tolist() != images.indices.tolist()


def test_an_autoencoder_validates_on_the_same_images() -> None:
    ours, theirs = (subsets_of(objective__loss=loss) for loss in ("mse", "cross-entropy"))
    for one, other in zip(ours, theirs, strict=True):
        assert one.indices.tolist() == other.indices.tolist()
        assert one.images.fingerprint == other.images.fingerprint


def test_a_class_has_too_few_images(aecli: Run, tmp_path: Path) -> None:
    result = aecli("train", "digits", "-o", tmp_path / "run", "--limit-per-class", 126, *CPU)
    assert result.status == ExitStatus.INPUT
    assert "has 125 images of class 8 to train on, fewer than 126" in result.err
    assert "hint: --limit-per-class 125" in result.err


def test_the_limit_is_said_and_kept(train: Callable[..., Path], tmp_path: Path) -> None:
    run = train(tmp_path / "run", "--epochs", 1, "--limit-per-class", 5)
    header = read_header(run / "model.safetensors")
    assert (header.data.images, header.validation.images) == (50, 144)
    assert header.recipe["training"]["limit_per_class"] == 5


def test_only_classes_that_occur_are_learnt(train: Callable[..., Path], tmp_path: Path) -> None:
    words = ("--recipe", "conv-classifier", "--epochs", 1)
    run = tmp_path / "run"
    train(run, *words, "--val", "digits:test@5,3")
    assert len(read_header(run / "model.safetensors").class_names) == 10


def test_validation_images_are_matched_by_the_names_of_their_classes(aecli: Run, tmp_path: Path) -> None:
    """Which classes there are differs between the folders, and so do the labels' numbers."""
    digits = load("digits:train")
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
    assert header.training.val_accuracy > 0.9
    result = aecli(*words, "-o", tmp_path / "none", "--val", tmp_path / "other")
    assert result.status == ExitStatus.INPUT
    assert "classes that are not to be learnt: d8" in result.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("digits", "--labels-from", "none"), "no labels to learn from"),
        (("digits:train@3",), "of one class, 3"),
        (("digits", "--val", "UNLABELED"), "to train or validate on has a label"),
        (("UNLABELED",), "no labels to learn from"),
        (("digits", "--freeze-encoder"), "stays as random as it starts"),
    ],
    ids=str,
)
def test_labels_are_needed(words: tuple[str, ...], said: str, aecli: Run, tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", load("digits:test").images)
    words = tuple(str(tmp_path / "images.npy") if word == "UNLABELED" else word for word in words)
    result = aecli("train", *words, "--recipe", "conv-classifier", "-o", tmp_path / "run", *CPU)
    usage = "--freeze-encoder" in words
    assert result.status == (ExitStatus.USAGE if usage else ExitStatus.INPUT)
    assert said in result.err
    assert "hint: " in result.err or "nothing to tell apart" in result.err
    assert usage or "one class" in said or "--labels-from prefix" in result.err
    assert not (tmp_path / "run").exists()


def test_a_limit_needs_labels(aecli: Run, tmp_path: Path) -> None:
    words = ("--labels-from", "none", "--limit-per-class", 5)
    result = aecli("train", "digits", "-o", tmp_path / "run", *words, *CPU)
    assert result.status == ExitStatus.INPUT
    assert "no labels to draw 5 images of each class by" in result.err


def test_images_without_a_label_are_left_out_and_said(aecli: Run, tmp_path: Path) -> None:
    digits = load("digits:train")
    labels = np.where(np.arange(len(digits)) < 100, -1, digits.labels)
    np.savez(tmp_path / "some.npz", images=digits.images, labels=labels)
    words = ("--recipe", "conv-classifier", "--epochs", 1, *CPU)
    result = aecli("train", tmp_path / "some.npz", "-o", tmp_path / "run", *words)
    assert result.status == 0, result.err
    assert result.err.count("left out, without a label: 100 of 1,438 images") == 1
    header = read_header(tmp_path / "run" / "model.safetensors")
    assert header.data.images + header.validation.images == 1338


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"training.freeze_encoder": True}, "freeze_encoder must be false where objective.loss is not"),
        ({"training.freeze_encoder": 1}, "freeze_encoder must be true or false"),
        ({"training.limit_per_class": -1}, "limit_per_class must be 0 or more"),
        ({"training.limit_per_class": 1.5}, "limit_per_class must be a whole number"),
        (
            {"objective.loss": "cross-entropy"} | {"corruption.target": "corrupted"},
            "corruption.target must be 'clean' for a classifier",
        ),
        ({"objective.loss": "crossentropy"}, "'cross-entropy'"),
    ],
    ids=str,
)
def test_recipes_that_make_no_sense(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        Recipe().with_settings(settings)
    assert said in caught.value.message


def test_labels_go_with_their_images_in_every_order() -> None:
    from aecli.training.batches import Batches

    pixels = np.arange(23, dtype=np.uint8)[:, None, None, None] * np.ones((1, 1, 2, 2), np.uint8)
    names = np.array([str(index) for index in range(23)])
    numbers = ImageSet(pixels, names, "numbers", np.arange(23) % 5, tuple("abcde"))
    rows = np.array([1, 3, 4, 9, 11, 17, 22])
    batches = Batches(Subset(numbers, rows), 3, seed=0, labeled=True)
    for epoch in range(3):
        batches.epoch = epoch
        taken = [batches.take(indices) for call in batches for indices in call]
        seen = [pair for images, labels in taken for pair in zip(images[:, 0, 0, 0], labels, strict=True)]
        assert sorted(int(image) for image, _ in seen) == rows.tolist()
        assert all(int(image) % 5 == int(label) for image, label in seen)
