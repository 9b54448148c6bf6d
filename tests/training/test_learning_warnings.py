"""Warnings about a training that cannot learn or did not."""

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import MagicMock

import numpy as np
import pytest

from aecli.checkpoint.run_folder import EpochMetrics
from aecli.recipes.schema import Recipe
from aecli.training.callbacks import History
from aecli.training.learning_checks import diverged_after, more_steps, warning_after, warnings_before
from aecli.training.learning_warnings import LearningWarnings
from aecli.training.request import TrainingRequest

REFERENCES = {"untrained_network": 1.004, "mean_image": 0.944}
SGD_AT_BATCH_32 = [1.0] * 18 + [0.97, 0.7, 0.48, 0.29, 0.26, 1.3, 1.7, 1.6, 1.1, 1.08, 1.13, 1.0, 1.08, 1.05]
"""The losses of `conv` on 83 photographs, every few epochs: it learns, then diverges and stays as it is."""


class Listener:
    """Collects warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def on_warning(self, text: str) -> None:
        self.warnings.append(text)

    def on_note(self, text: str) -> None: ...
    def on_start(self, *_: Any) -> None: ...
    def on_progress(self, *_: Any) -> None: ...
    def on_epoch(self, *_: Any, **__: Any) -> None: ...


def history(train: Sequence[float], validation: Sequence[float] | None = None) -> list[EpochMetrics]:
    pairs = zip(train, validation or train, strict=True)
    return [EpochMetrics(epoch, epoch, *losses, 0.1) for epoch, losses in enumerate(pairs, 1)]


def recipe(**settings: Any) -> Recipe:
    changes = {key.replace("__", "."): value for key, value in settings.items()}
    return Recipe().with_settings({"training.batch_size": 1024} | changes)


@pytest.mark.parametrize("references", [REFERENCES, {}], ids=["references", "none"])
def test_losses_that_stay_high_are_a_divergence(references: dict[str, float]) -> None:
    rows = history(SGD_AT_BATCH_32)
    assert diverged_after(rows, references, 5) == 23
    assert diverged_after(rows[:27], references, 5) is None  # not yet for sure
    assert diverged_after(rows[:23], references, 5) is None


def test_a_small_loss_that_rises_fourfold_has_diverged() -> None:
    assert diverged_after(history([0.5, 0.1, 0.01, *[0.05] * 6]), REFERENCES, 5) == 3


@pytest.mark.parametrize(
    ("train", "validation"),
    [
        (list(np.geomspace(1, 1e-3, 60)), [*np.geomspace(1, 0.1, 20), *np.geomspace(0.1, 0.9, 40)]),
        ([1.0, 0.5, 0.2, *[0.9] * 4, 0.3, 0.25], None),
        ([1.0, 0.5, 0.2, *[0.25, 0.3] * 10], None),
        ([1.004, 0.99, *[1.0] * 30], None),
        ([0.9, 0.8, 0.7], None),
        ([], None),
    ],
    ids=["overfitting", "a peak", "noise", "never learned", "short", "empty"],
)
def test_other_courses_are_not_a_divergence(train: list[float], validation: list[float] | None) -> None:
    rows = history(train, validation)
    assert all(diverged_after(rows[:end], REFERENCES, 5) is None for end in range(len(rows) + 1))


def test_few_steps_images_and_validation_images_are_named_before_training() -> None:
    small = recipe(training__epochs=30, training__batch_size=1024)
    steps, threshold = warnings_before(small, images=81, validation=9, steps_per_epoch=1)
    assert "30 optimizer steps" in steps
    assert "--batch-size 8" in steps
    assert "9 validation images" in threshold
    assert any("10 training images" in text for text in warnings_before(small, 10, 100, 1))
    classifier = recipe(objective__loss="cross-entropy", training__batch_size=16)
    (accuracy,) = warnings_before(classifier, 1000, 4, 63)
    assert "accuracy" in accuracy
    assert warnings_before(recipe(training__batch_size=16), 1000, 100, 63) == []


def test_suggested_options_give_enough_steps() -> None:
    assert more_steps(recipe(optimizer__name="adam"), 2000) == "--batch-size 128"
    assert more_steps(recipe(training__batch_size=8, training__epochs=3), 80) == "--epochs 30"
    assert "adamw" in more_steps(recipe(), 80)  # a smaller batch makes the default optimizer diverge
    assert "--batch-size 4 " in more_steps(recipe(), 1)


def test_a_model_no_better_than_a_constant_is_named_at_the_end() -> None:
    chosen = recipe(training__batch_size=8)
    found = warning_after(chosen, history([1.001] * 9 + [0.999]), REFERENCES, 800) or ""
    assert "no better than the mean image" in found
    assert "0.9990" in found
    assert "0.9440" in found
    assert "--lr 0.001" in found
    assert "hardly" in (warning_after(chosen, history([0.9] * 3), REFERENCES, 800) or "")
    assert "--epochs 450" in (warning_after(chosen, history([1, 0.99, 0.97, 0.95, 0.9]), REFERENCES, 800) or "")
    memorized = warning_after(chosen, history([0.1] * 9, [0.95] * 9), REFERENCES, 800) or ""
    assert "add images" in memorized
    assert warning_after(chosen, history([0.5] * 9), REFERENCES, 800) is None
    assert warning_after(chosen, history([0.5] * 9), {}, 800) is None  # a run of version 0.1
    assert warning_after(chosen, history([0.0] * 9), {"mean_image": 0.0}, 800) is None  # all images are the same
    classifier = recipe(objective__loss="cross-entropy", training__batch_size=8)
    assert "guessing" in (warning_after(classifier, history([2.3] * 9), {"class_frequencies": 2.303}, 800) or "")


def test_a_run_that_stopped_early_needs_more_patience() -> None:
    def found(losses: Sequence[float], epochs: int, patience: int = 3, images: int = 80) -> str:
        chosen = recipe(training__batch_size=8, training__epochs=epochs, training__patience=patience)
        return warning_after(chosen, history(losses, [1.0] * len(losses)), REFERENCES, images) or ""

    assert found([1.0] * 4, epochs=150).endswith(": --patience 6")
    assert found([1.0] * 4, epochs=10).endswith(": --epochs 30 --patience 6")
    assert found([1.0] * 10, epochs=10, patience=0).endswith(": --epochs 30")
    falling = list(np.linspace(1.2, 0.85, 8))
    assert "falling; try --patience 6" in found(falling, epochs=150, images=8000)
    assert "falling; try --epochs 24" in found(falling, epochs=8, images=8000)


def test_a_model_no_better_than_its_start_is_named_at_the_end() -> None:
    references = {"initial_network": 0.1, "mean_image": 0.9}
    assert "started from" in (warning_after(recipe(), history([0.2, 0.15]), references, 8000) or "")
    assert warning_after(recipe(), history([0.2, 0.05]), references, 8000) is None


def test_a_listener_receives_the_warnings_of_a_run(fit: Callable[..., Any], tmp_path: Path) -> None:
    listener = Listener()
    fit(tmp_path, {"optimizer.lr": 1e-9}, listener=listener)
    assert [("optimizer steps" in text, "mean image" in text) for text in listener.warnings] == [
        (True, False),
        (False, True),
    ]


def test_a_divergence_is_named_once_while_the_run_goes_on() -> None:
    chosen = recipe(training__epochs=50)
    past = History(chosen, {})
    past.references = REFERENCES
    listener = Listener()
    warnings = LearningWarnings(cast(TrainingRequest, SimpleNamespace(recipe=chosen)), past, listener.on_warning)
    counts = []
    for row in history(SGD_AT_BATCH_32):
        past.epochs.append(row)
        warnings.on_train_epoch_end(MagicMock(), MagicMock())
        counts.append(len(listener.warnings))
    assert counts == [0] * 29 + [1] * 3  # it looks every five epochs
    assert "after epoch 23" in listener.warnings[0]
    assert "--lr 0.001" in listener.warnings[0]
