"""Training of classifiers: metrics, resuming and reproducibility."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from aecli.errors import Interrupted
from aecli.models.classifier import Classifier
from aecli.models.corruption import corrupt
from aecli.recipes.schema import Recipe
from aecli.training.seeds import Stream, generator
from aecli.training.subsets import Subset
from tests.command_line import Run
from tests.training.listeners import Interrupting

CPU = ("--device", "cpu")
CLASSIFIER = {"objective.loss": "cross-entropy"}
QUICK = CLASSIFIER | {"optimizer.name": "adam", "optimizer.lr": 0.01}
STILL = CLASSIFIER | {"optimizer.name": "sgd", "optimizer.lr": 1e-12, "training.epochs": 1}
"""The weights keep their initial values."""


def by_hand(model: Classifier, subset: Subset) -> tuple[float, float]:
    """Return cross-entropy and accuracy over all images, computed with NumPy."""
    x = model.normalize(torch.from_numpy(subset.images.images[subset.indices]))
    with torch.no_grad():
        scores = model(x)[1].double().log_softmax(dim=1).numpy()
    labels = subset.labels
    return float(-scores[np.arange(len(labels)), labels].mean()), float((scores.argmax(axis=1) == labels).mean())


class TestLearning:
    def test_a_classifier_learns_the_digits(self, fit: Callable[..., Any], tmp_path: Path) -> None:
        trained = fit(tmp_path / "run", QUICK | {"training.epochs": 20, "training.batch_size": 64})
        first, last = trained.history[0], trained.history[-1]
        assert first.val_accuracy < last.val_accuracy
        assert min(last.val_accuracy, last.train_accuracy) > 0.9
        assert last.train_loss < 0.4 * first.train_loss
        training = trained.checkpoint.header.training
        best = trained.history[training.best_epoch - 1]
        assert best.val_loss == min(row.val_loss for row in trained.history)
        assert (training.val_loss, training.val_accuracy) == (best.val_loss, best.val_accuracy)
        assert trained.confusion.sum() == 144
        assert np.trace(trained.confusion) / 144 == best.val_accuracy

    def test_metrics_are_means_over_images_not_over_batches(
        self, fit: Callable[..., Any], subsets: Callable[..., Any], tmp_path: Path
    ) -> None:
        trained = fit(tmp_path / "run", STILL | {"training.batch_size": 1290})  # of 1,294
        for subset, name in zip(subsets(Recipe()), ("train", "val"), strict=True):
            loss, accuracy = by_hand(trained.checkpoint.model, subset)
            assert getattr(trained.history[0], f"{name}_loss") == pytest.approx(loss, rel=1e-5)
            assert getattr(trained.history[0], f"{name}_accuracy") == accuracy

    def test_only_training_images_are_corrupted(
        self, fit: Callable[..., Any], subsets: Callable[..., Any], tmp_path: Path
    ) -> None:
        trained = fit(tmp_path / "run", STILL | {"corruption.gaussian": 2.0, "training.batch_size": 2000})
        model, row = trained.checkpoint.model, trained.history[0]
        images, validation = subsets(Recipe())
        assert row.val_loss == pytest.approx(by_hand(model, validation)[0], rel=1e-5)
        order = torch.randperm(len(images), generator=generator(0, Stream.ORDER, 0))
        x = model.normalize(torch.from_numpy(images.images.images[images.indices])[order])
        x = corrupt(
            x,
            Recipe().with_settings({"corruption.gaussian": 2.0}).corruption,
            model.black,
            generator(0, Stream.CORRUPTION, 0),
        )
        with torch.no_grad():
            labels = torch.from_numpy(images.labels)[order]
            expected = torch.nn.functional.cross_entropy(model(x)[1], labels)
        assert row.train_loss == pytest.approx(float(expected), rel=1e-5)
        assert row.train_loss != pytest.approx(by_hand(model, images)[0], rel=1e-3)

    def test_the_penalty_is_added_to_the_loss(
        self, fit: Callable[..., Any], subsets: Callable[..., Any], tmp_path: Path
    ) -> None:
        trained = fit(tmp_path / "run", STILL | {"penalty.sparsity_weight": 2.0})
        model, (_, validation) = trained.checkpoint.model, subsets(Recipe())
        with torch.no_grad():
            codes = model.encode(model.normalize(torch.from_numpy(validation.images.images[validation.indices])))
        penalty = 2.0 * float((codes - 0.05).abs().mean())
        assert trained.history[0].val_loss == pytest.approx(by_hand(model, validation)[0] + penalty, rel=1e-5)

    def test_metrics_include_accuracy(self, train: Callable[..., Path], tmp_path: Path) -> None:
        from tensorboard.backend.event_processing.event_accumulator import (  # type: ignore[import-untyped]
            EventAccumulator,
        )

        words = ("--recipe", "conv-classifier", "--epochs", 2, "--logger", "tensorboard")
        run = train(tmp_path / "run", *words)
        with (run / "metrics.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert list(rows[0]) == ["epoch", "step", "train_loss", "val_loss", "lr", "train_accuracy", "val_accuracy"]
        (events,) = (run / "tensorboard").rglob("events.out.tfevents.*")
        accumulator = EventAccumulator(str(events))
        accumulator.Reload()
        for name in ("train_accuracy", "val_accuracy"):
            values = [event.value for event in accumulator.Scalars(name)]
            assert values == pytest.approx([float(row[name]) for row in rows], rel=1e-6)

    @pytest.mark.slow
    def test_progress_and_summary_include_accuracy(self, aecli: Run, tmp_path: Path) -> None:
        words = ("train", "digits", "--recipe", "conv-classifier", "--epochs", 2, "-o", tmp_path / "run", *CPU)
        result = aecli(*words)
        epochs = [line for line in result.err.splitlines() if line.startswith("epoch")]
        assert len(epochs) == 2
        assert all("accuracy 0." in line for line in epochs)
        assert "accuracy 0." in result.out
        document = json.loads(aecli(*words, "--overwrite", "--json").out)
        assert document["task"] == "classifier"
        assert 0 < document["training"]["val_accuracy"] < 1


class TestReproducing:
    NOISY = QUICK | {"training.epochs": 4, "corruption.gaussian": 0.5, "training.limit_per_class": 30}
    RESULTS = ("model.safetensors", "metrics.csv", "recipe.toml", "confusion.png")

    def test_a_resumed_run_writes_the_same_bytes(
        self, fit: Callable[..., Any], autoencoder: Any, tmp_path: Path
    ) -> None:
        files = self.RESULTS[:3]
        for freeze in (False, True):
            settings = self.NOISY | {"training.freeze_encoder": freeze}
            whole, resumed = tmp_path / f"whole-{freeze}", tmp_path / f"resumed-{freeze}"
            fit(whole, settings, init_from=autoencoder)
            with pytest.raises(Interrupted):
                fit(resumed, settings, init_from=autoencoder, listener=Interrupting(2))
            normalization = {"model.mean": [0.4], "model.std": [0.3]}
            fit(resumed, settings | normalization, resume=True)  # without init_from
            assert [(resumed / name).read_bytes() for name in files] == [(whole / name).read_bytes() for name in files]

    @pytest.mark.slow
    def test_the_command_line_resumes_without_the_initial_model(
        self, train: Callable[..., Path], aecli: Run, conv_run: Path, tmp_path: Path
    ) -> None:
        initial = tmp_path / "initial"
        initial.mkdir()
        (initial / "model.safetensors").write_bytes((conv_run / "model.safetensors").read_bytes())
        words = ("--recipe", "conv-classifier", "--epochs", 2, "--init-from", initial, "--freeze-encoder")
        run = train(tmp_path / "run", *words)
        before = [(run / name).read_bytes() for name in self.RESULTS]
        (initial / "model.safetensors").unlink()
        train(run, "--resume")
        assert [(run / name).read_bytes() for name in self.RESULTS] == before

    @pytest.mark.slow
    def test_bytes_depend_on_the_seed_only(self, train: Callable[..., Path], tmp_path: Path) -> None:
        words = ("--recipe", "conv-classifier", "--epochs", 2, "--limit-per-class", 20)
        runs = [train(tmp_path / name, *words) for name in ("one", "same")]
        runs.append(train(tmp_path / "other", *words, "--seed", 1))
        one, same, other = ([(run / name).read_bytes() for name in self.RESULTS[:3]] for run in runs)
        assert one == same
        assert all(content != changed for content, changed in zip(one, other, strict=True))
