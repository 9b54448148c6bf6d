"""Classifiers learn from labels: from scratch, from few, and from an autoencoder's encoder."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from aecli.checkpoint import load_checkpoint, read_header
from aecli.data import DataOptions, ImageSet, load
from aecli.errors import AecliError, ExitStatus, InputError, Interrupted, UsageError
from aecli.models.classifier import Classifier
from aecli.models.corruption import corrupt
from aecli.recipe import Recipe
from aecli.training.callbacks import Saver
from aecli.training.images import Portion, load_portions
from aecli.training.seeds import Stream, generator

CPU = ("--accelerator", "cpu")
CLASSIFIER = {"objective.loss": "cross-entropy"}
QUICK = CLASSIFIER | {"optimizer.name": "adam", "optimizer.lr": 0.01}
STILL = CLASSIFIER | {"optimizer.name": "sgd", "optimizer.lr": 1e-12, "training.epochs": 1}
"""The weights stay as they were drawn."""


@pytest.fixture(scope="module")
def autoencoder(fit: Callable, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A checkpoint of the small model, with a normalisation of its own."""
    settings = {"training.epochs": 10, "optimizer.name": "adam", "optimizer.lr": 0.01}
    settings |= {"model.mean": [0.4], "model.std": [0.3]}
    return fit(tmp_path_factory.mktemp("autoencoder") / "run", settings).checkpoint


@pytest.fixture(scope="module")
def classifier(aecli: Callable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a classifier that was hardly trained; not to be written to."""
    run = tmp_path_factory.mktemp("classifier") / "run"
    assert aecli("train", "digits", "--recipe", "conv-classifier", "--epochs", 1, "-o", run, *CPU).status == 0
    return run


def encoder_weights(model: Any) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in model.encoder.state_dict().items()}


def equal(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def by_hand(model: Classifier, portion: Portion) -> tuple[float, float]:
    """Cross-entropy and accuracy over all images."""
    x = model.normalise(torch.from_numpy(portion.images.images[portion.rows]))
    with torch.no_grad():
        scores = model(x)[1].double().log_softmax(dim=1).numpy()
    truth = portion.images.labels[portion.rows]
    return float(-scores[np.arange(len(truth)), truth].mean()), float((scores.argmax(axis=1) == truth).mean())


class TestLearning:
    def test_it_learns_the_digits(self, fit: Callable, tmp_path: Path) -> None:
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

    def test_figures_are_over_all_images_not_over_batches(
        self, fit: Callable, portions: Callable, tmp_path: Path
    ) -> None:
        trained = fit(tmp_path / "run", STILL | {"training.batch_size": 1290})  # of 1,294
        for portion, name in zip(portions(Recipe()), ("train", "val"), strict=True):
            loss, accuracy = by_hand(trained.checkpoint.model, portion)
            assert getattr(trained.history[0], f"{name}_loss") == pytest.approx(loss, rel=1e-5)
            assert getattr(trained.history[0], f"{name}_accuracy") == accuracy

    def test_corruption_is_for_training_only(self, fit: Callable, portions: Callable, tmp_path: Path) -> None:
        trained = fit(tmp_path / "run", STILL | {"corruption.gaussian": 2.0, "training.batch_size": 2000})
        model, row = trained.checkpoint.model, trained.history[0]
        images, validation = portions(Recipe())
        assert row.val_loss == pytest.approx(by_hand(model, validation)[0], rel=1e-5)
        order = torch.randperm(len(images), generator=generator(0, Stream.ORDER, 0))
        x = model.normalise(torch.from_numpy(images.images.images[images.rows])[order])
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

    def test_the_penalty_goes_with_it(self, fit: Callable, portions: Callable, tmp_path: Path) -> None:
        trained = fit(tmp_path / "run", STILL | {"penalty.sparsity_weight": 2.0})
        model, (_, validation) = trained.checkpoint.model, portions(Recipe())
        with torch.no_grad():
            codes = model.encode(model.normalise(torch.from_numpy(validation.images.images[validation.rows])))
        penalty = 2.0 * float((codes - 0.05).abs().mean())
        assert trained.history[0].val_loss == pytest.approx(by_hand(model, validation)[0] + penalty, rel=1e-5)

    def test_metrics_have_columns_for_accuracy(self, train: Callable, tmp_path: Path) -> None:
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

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

    def test_accuracy_is_on_the_screen(self, aecli: Callable, tmp_path: Path) -> None:
        words = ("train", "digits", "--recipe", "conv-classifier", "--epochs", 2, "-o", tmp_path / "run", *CPU)
        result = aecli(*words)
        epochs = [line for line in result.err.splitlines() if line.startswith("epoch")]
        assert len(epochs) == 2
        assert all("  accuracy 0." in line for line in epochs)
        assert ", accuracy 0." in result.out
        said = json.loads(aecli(*words, "--overwrite", "--json").out)
        assert said["task"] == "classifier"
        assert 0 < said["training"]["val_accuracy"] < 1


class TestReproducing:
    NOISY = QUICK | {"training.epochs": 4, "corruption.gaussian": 0.5, "training.limit_per_class": 30}
    RESULTS = ("model.safetensors", "metrics.csv", "recipe.toml", "confusion.png")

    def test_a_resumed_run_ends_with_the_same_bytes(
        self, fit: Callable, autoencoder: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Stopping:
            def on_start(self, *_: Any) -> None: ...

            def on_progress(self, *_: Any) -> None: ...

            def on_epoch(self, metrics: Any, is_best: bool) -> None:
                if metrics.epoch == 2:
                    raise Interrupted

        monkeypatch.setattr(Saver, "on_train_epoch_end", lambda saver, trainer, module: saver.save(trainer))
        files = self.RESULTS[:3]
        for freeze in (False, True):
            settings = self.NOISY | {"training.freeze_encoder": freeze}
            whole, parts = tmp_path / f"whole-{freeze}", tmp_path / f"parts-{freeze}"
            fit(whole, settings, init_from=autoencoder)
            with pytest.raises(Interrupted):
                fit(parts, settings, init_from=autoencoder, listener=Stopping())
            normalisation = {"model.mean": [0.4], "model.std": [0.3]}
            fit(parts, settings | normalisation, resume=True)  # the start is not needed again
            assert [(parts / name).read_bytes() for name in files] == [(whole / name).read_bytes() for name in files]

    def test_the_command_line_resumes_without_the_start(
        self, train: Callable, aecli: Callable, conv_run: Path, tmp_path: Path
    ) -> None:
        start = tmp_path / "start"
        start.mkdir()
        (start / "model.safetensors").write_bytes((conv_run / "model.safetensors").read_bytes())
        words = ("--recipe", "conv-classifier", "--epochs", 2, "--init-from", start, "--freeze-encoder")
        run = train(tmp_path / "run", *words)
        before = [(run / name).read_bytes() for name in self.RESULTS]
        (start / "model.safetensors").unlink()
        train(run, "--resume")
        assert [(run / name).read_bytes() for name in self.RESULTS] == before

    def test_a_seed_gives_the_same_bytes_and_another_gives_others(self, train: Callable, tmp_path: Path) -> None:
        words = ("--recipe", "conv-classifier", "--epochs", 2, "--limit-per-class", 20)
        runs = [train(tmp_path / name, *words) for name in ("one", "same")]
        runs.append(train(tmp_path / "other", *words, "--seed", 1))
        one, same, other = ([(run / name).read_bytes() for name in self.RESULTS[:3]] for run in runs)
        assert one == same
        assert all(mine != theirs for mine, theirs in zip(one, other, strict=True))


class TestStartingFrom:
    def test_an_autoencoders_encoder_and_normalisation(self, fit: Callable, autoencoder: Any, tmp_path: Path) -> None:
        still = fit(tmp_path / "still", STILL, init_from=autoencoder).checkpoint
        for name, value in encoder_weights(still.model).items():
            np.testing.assert_allclose(value, encoder_weights(autoencoder.model)[name], atol=1e-9)
        assert (still.header.mean, still.header.std) == ([0.4], [0.3])
        scratch = fit(tmp_path / "scratch", STILL).checkpoint
        assert scratch.header.mean != [0.4]
        assert not equal(encoder_weights(scratch.model), encoder_weights(still.model))

    def test_frozen_only_the_head_learns_fine_tuned_all_of_it(
        self, fit: Callable, autoencoder: Any, tmp_path: Path
    ) -> None:
        start = encoder_weights(autoencoder.model)
        heads = [fit(tmp_path / "still", STILL, init_from=autoencoder).checkpoint.model.head.weight]
        for freeze in (True, False):
            settings = QUICK | {"training.freeze_encoder": freeze}
            trained = fit(tmp_path / str(freeze), settings, init_from=autoencoder)
            assert equal(encoder_weights(trained.checkpoint.model), start) == freeze
            heads.append(trained.checkpoint.model.head.weight)
        assert not heads[0].allclose(heads[1])
        assert not heads[1].allclose(heads[2])

    def test_running_statistics_are_frozen_too(self, portions: Callable) -> None:
        from aecli.training.batches import Batches
        from aecli.training.classification import ClassifierModule

        recipe = Recipe().with_settings(QUICK | {"training.freeze_encoder": True})
        model = Classifier("mlp", (1, 8, 8), {"hidden": [], "code": 4}, [0.5], [0.5], 10)
        model.encoder.append(torch.nn.BatchNorm1d(4))
        batches = [Batches(portion, 64, labelled=True) for portion in portions(recipe)]
        module = ClassifierModule(model, recipe, *batches).train()
        module.trainer = type("Trainer", (), {"current_epoch": 0, "optimizers": []})()
        module.on_fit_start()
        module.on_train_epoch_start()
        module.validation_step(next(iter(batches[0])), 0)
        assert model.encoder[-1].running_mean.eq(0).all()
        assert model.head.training

    def test_a_classifier_of_the_same_classes(self, fit: Callable, portions: Callable, tmp_path: Path) -> None:
        first = fit(tmp_path / "first", QUICK)
        warm = fit(tmp_path / "warm", STILL, init_from=first.checkpoint)
        assert warm.history[0].val_accuracy == first.checkpoint.header.training.val_accuracy
        assert warm.history[0].val_loss == pytest.approx(first.checkpoint.header.training.val_loss, rel=1e-6)

    def test_a_classifier_of_other_classes_is_refused(self, train: Callable, aecli: Callable, tmp_path: Path) -> None:
        run = train(tmp_path / "run", "--recipe", "conv-classifier", "--epochs", 1)
        words = ("train", "digits:train@3,5", "--recipe", "conv-classifier", "--init-from", run)
        result = aecli(*words, "-o", tmp_path / "other", *CPU)
        assert result.status == ExitStatus.INPUT
        assert "tells other classes: 0, 1, 2" in result.err
        assert not (tmp_path / "other").exists()

    def test_an_autoencoder_from_a_classifier_is_refused(
        self, train: Callable, aecli: Callable, tmp_path: Path
    ) -> None:
        run = train(tmp_path / "run", "--recipe", "conv-classifier", "--epochs", 1)
        result = aecli("train", "digits", "--init-from", run, "-o", tmp_path / "other", *CPU)
        assert result.status == ExitStatus.INPUT
        assert "cannot start from a classifier" in result.err

    @pytest.mark.parametrize(
        "recipe",
        [
            ("mlp-classifier", "--set", "model.mean=measured", "--set", "model.std=measured"),
            ("conv-classifier", "--set", "model.arguments.channels=[8,4,2]"),
        ],
    )
    def test_an_encoder_that_does_not_fit_is_refused(
        self, recipe: tuple[str, ...], aecli: Callable, conv_run: Path, tmp_path: Path
    ) -> None:
        words = ("train", "digits", "--init-from", conv_run, "-o", tmp_path / "run", *CPU, "--recipe", *recipe)
        result = aecli(*words)
        assert result.status == ExitStatus.INPUT
        assert "do not fit architecture" in result.err
        assert not (tmp_path / "run").exists()

    @pytest.mark.parametrize("recipe", ["conv", "conv-classifier"])
    def test_another_normalisation_is_refused(
        self, recipe: str, aecli: Callable, conv_run: Path, tmp_path: Path
    ) -> None:
        words = ("train", "digits", "--recipe", recipe, "--init-from", conv_run, "-o", tmp_path / "run", *CPU)
        result = aecli(*words, "--set", "model.mean=[0.5]")
        assert result.status == ExitStatus.INPUT
        assert "model.mean is [0.5], but" in result.err
        assert "hint: take its own: --set model.mean=measured" in result.err
        known = read_header(conv_run / "model.safetensors")
        agreeing = (f"model.mean={known.mean}", f"model.std={known.std}")
        result = aecli(*words, "--epochs", 1, "--set", agreeing[0], "--set", agreeing[1])
        assert result.status == 0, result.err


class TestLabels:
    def portions_of(self, **settings: Any) -> tuple[Portion, Portion]:
        recipe = Recipe().with_settings({key.replace("__", "."): value for key, value in settings.items()})
        return load_portions("digits", None, recipe, DataOptions())

    @pytest.mark.parametrize("loss", ["mse", "cross-entropy"])
    def test_so_many_of_each_class_are_drawn_by_the_seed(self, loss: str) -> None:
        settings = {"objective__loss": loss, "training__limit_per_class": 7}
        all_images, held = self.portions_of(objective__loss=loss)
        images, validation = self.portions_of(**settings)
        assert np.bincount(images.labels).tolist() == [7] * 10
        assert set(images.rows) <= set(all_images.rows)
        assert validation.rows.tolist() == held.rows.tolist()
        assert self.portions_of(**settings)[0].rows.tolist() == images.rows.tolist()
        other = self.portions_of(**settings, training__seed=1)[0]
        assert other.rows.tolist() != images.rows.tolist()

    def test_an_autoencoder_validates_on_the_same_images(self) -> None:
        ours, theirs = (self.portions_of(objective__loss=loss) for loss in ("mse", "cross-entropy"))
        for one, other in zip(ours, theirs, strict=True):
            assert one.rows.tolist() == other.rows.tolist()
            assert one.images.fingerprint == other.images.fingerprint

    def test_a_class_has_too_few_images(self, aecli: Callable, tmp_path: Path) -> None:
        result = aecli("train", "digits", "-o", tmp_path / "run", "--limit-per-class", 126, *CPU)
        assert result.status == ExitStatus.INPUT
        assert "has 125 images of class 8 to train on, fewer than 126" in result.err
        assert "hint: --limit-per-class 125" in result.err

    def test_the_limit_is_said_and_kept(self, train: Callable, tmp_path: Path) -> None:
        run = train(tmp_path / "run", "--epochs", 1, "--limit-per-class", 5)
        header = read_header(run / "model.safetensors")
        assert (header.data.images, header.validation.images) == (50, 144)
        assert header.recipe["training"]["limit_per_class"] == 5

    def test_only_classes_that_occur_are_learnt(self, train: Callable, tmp_path: Path) -> None:
        words = ("--recipe", "conv-classifier", "--epochs", 1)
        run = tmp_path / "run"
        train(run, *words, "--val", "digits:test@5,3")
        assert len(read_header(run / "model.safetensors").class_names) == 10

    def test_validation_images_are_matched_by_the_names_of_their_classes(self, aecli: Callable, tmp_path: Path) -> None:
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
            (("digits", "--val", "UNLABELLED"), "to train or validate on has a label"),
            (("UNLABELLED",), "no labels to learn from"),
            (("digits", "--freeze-encoder"), "stays as random as it starts"),
        ],
        ids=str,
    )
    def test_labels_are_needed(self, words: tuple[str, ...], said: str, aecli: Callable, tmp_path: Path) -> None:
        np.save(tmp_path / "images.npy", load("digits:test").images)
        words = tuple(str(tmp_path / "images.npy") if word == "UNLABELLED" else word for word in words)
        result = aecli("train", *words, "--recipe", "conv-classifier", "-o", tmp_path / "run", *CPU)
        usage = "--freeze-encoder" in words
        assert result.status == (ExitStatus.USAGE if usage else ExitStatus.INPUT)
        assert said in result.err
        assert "hint: " in result.err or "nothing to tell apart" in result.err
        assert usage or "one class" in said or "--labels-from prefix" in result.err
        assert not (tmp_path / "run").exists()

    def test_a_limit_needs_labels(self, aecli: Callable, tmp_path: Path) -> None:
        words = ("--labels-from", "none", "--limit-per-class", 5)
        result = aecli("train", "digits", "-o", tmp_path / "run", *words, *CPU)
        assert result.status == ExitStatus.INPUT
        assert "no labels to draw 5 images of each class by" in result.err

    def test_images_without_a_label_are_left_out_and_said(self, aecli: Callable, tmp_path: Path) -> None:
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
            (CLASSIFIER | {"corruption.target": "corrupted"}, "corruption.target must be 'clean' for a classifier"),
            ({"objective.loss": "crossentropy"}, "'cross-entropy'"),
        ],
        ids=str,
    )
    def test_recipes_that_make_no_sense(self, settings: dict[str, Any], said: str) -> None:
        with pytest.raises(UsageError) as caught:
            Recipe().with_settings(settings)
        assert said in caught.value.message


class TestCommands:
    @pytest.mark.parametrize(
        "words",
        [
            ("encode", "digits:test", "-o", "OUT.npz", "--model"),
            ("decode", "CODES", "-o", "OUT.png", "--model"),
            ("compress-report", "digits:test", "--model"),
            ("calibrate", "--normal", "digits:test", "-o", "OUT.safetensors", "--model"),
            ("detect", "digits:test", "--model"),
            ("export",),
        ],
        ids=lambda words: words[0],
    )
    def test_what_needs_a_decoder_refuses_a_classifier(
        self, words: tuple[str, ...], aecli: Callable, classifier: Path, codes_file: Path, tmp_path: Path
    ) -> None:
        words = tuple(word.replace("OUT", str(tmp_path / "out")).replace("CODES", str(codes_file)) for word in words)
        before = sorted(path.name for path in classifier.iterdir())
        result = aecli(*words, classifier)
        assert result.status == ExitStatus.INPUT
        error, hint = result.err.splitlines()
        assert error.startswith("error: a classifier, which has no decoder: ")
        assert hint.startswith("hint: aecli classify DATA --model ")
        assert list(tmp_path.iterdir()) == []
        assert sorted(path.name for path in classifier.iterdir()) == before

    def test_info_says_what_it_is(self, aecli: Callable, classifier: Path) -> None:
        text = aecli("info", classifier).out
        for piece in ("conv classifier, 1,782 parameters", "10: 0, 1, 2", "on validation images"):
            assert piece in text
        said = json.loads(aecli("info", classifier, "--json").out)
        assert said["task"] == "classifier"
        assert said["residual_quantiles"] == {"probabilities": [], "values": []}
        assert said["quantisers"] == []
        assert said["training"]["val_mse"] is None

    def test_the_python_door(self, classifier: Path, conv_run: Path, digits: np.ndarray) -> None:
        import aecli

        model = aecli.load_classifier(classifier, device="cpu")
        probabilities = model.classify(digits)
        assert probabilities.shape == (359, 10)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
        assert model.class_names == tuple("0123456789")
        assert model.classify(digits[:0]).shape == (0, 10)
        with pytest.raises(InputError, match="but the model takes uint8"):
            model.classify(digits[:, :, :4])
        with pytest.raises(InputError, match="an autoencoder"):
            aecli.load_classifier(conv_run)
        with pytest.raises(InputError, match="a classifier"):
            aecli.load(classifier)

    def test_it_survives_its_file(self, classifier: Path, tmp_path: Path) -> None:
        from aecli.checkpoint import save_checkpoint

        loaded = load_checkpoint(classifier)
        assert loaded.classifier is loaded.model
        save_checkpoint(loaded.model, loaded.header, tmp_path / "again.safetensors")
        assert (tmp_path / "again.safetensors").read_bytes() == (classifier / "model.safetensors").read_bytes()
        with pytest.raises(InputError):
            _ = loaded.autoencoder

    def test_an_older_file_is_an_autoencoder(self, conv_run: Path, tmp_path: Path) -> None:
        from aecli.checkpoint import CheckpointHeader

        document = json.loads(read_header(conv_run / "model.safetensors").to_json())
        del document["task"], document["training"]["val_accuracy"]
        assert CheckpointHeader.from_json(json.dumps(document), conv_run).task == "autoencoder"

    @pytest.mark.parametrize(
        "change",
        [
            {"task": "autoencoder"},
            {"task": "oracle"},
            {"class_names": []},
            {"class_names": ["0"]},
            {"class_names": ["0"] * 10},
            {"class_names": list("012345678")},
            {"class_names": [str(number) for number in range(10**6)]},
            {"residual_quantiles": {"probabilities": [0.5], "values": [1.0]}},
            {"code_shape": [4, 2, 3]},
        ],
        ids=lambda change: str(change)[:40],
    )
    def test_a_header_that_does_not_fit_is_refused(
        self, change: dict[str, Any], classifier: Path, tmp_path: Path
    ) -> None:
        from safetensors.numpy import load_file, save_file

        document = json.loads(read_header(classifier / "model.safetensors").to_json()) | change
        path = tmp_path / "forged.safetensors"
        save_file(load_file(classifier / "model.safetensors"), path, metadata={"aecli": json.dumps(document)})
        with pytest.raises(AecliError, match="damaged checkpoint"):
            load_checkpoint(path)


def test_labels_go_with_their_images_in_every_order() -> None:
    from aecli.training.batches import Batches

    pixels = np.arange(23, dtype=np.uint8)[:, None, None, None] * np.ones((1, 1, 2, 2), np.uint8)
    names = np.array([str(index) for index in range(23)])
    numbers = ImageSet(pixels, names, "numbers", np.arange(23) % 5, tuple("abcde"))
    rows = np.array([1, 3, 4, 9, 11, 17, 22])
    batches = Batches(Portion(numbers, rows), 3, seed=0, labelled=True)
    for epoch in range(3):
        batches.epoch = epoch
        taken = [batches.take(places) for call in batches for places in call]
        seen = [pair for images, labels in taken for pair in zip(images[:, 0, 0, 0], labels, strict=True)]
        assert sorted(int(image) for image, _ in seen) == rows.tolist()
        assert all(int(image) % 5 == int(label) for image, label in seen)
