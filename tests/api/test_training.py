"""`aecli.train`: the same model as the command line, from DATA words and from images in memory."""

import gc
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import aecli
from aecli.api.training import TrainingResult
from aecli.checkpoint.run_folder import EpochMetrics
from aecli.errors import AecliError, AecliWarning, InputError, OutputExistsError, RecipeError, UsageError
from aecli.recipes.loading import load_recipe
from tests.command_line import TRAINING_PLOTS, succeed, write_empty_plot

SMALL = {"model.arguments.hidden": [16], "model.arguments.code": 8, "optimizer.momentum": 0.9}

pytestmark = pytest.mark.filterwarnings("ignore::aecli.errors.AecliWarning")


def train(images: Any, *words: Any, **changes: Any) -> TrainingResult:
    """Train a small model for two epochs, without an exported model."""
    arguments: dict[str, Any] = {
        "recipe": "mlp",
        "epochs": 2,
        "batch_size": 256,
        "device": "cpu",
        "settings": SMALL,
        "export": False,
    }
    return aecli.train(images, *words, **arguments | changes)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TrainingResult:
    """Return the result of a training on digits; tests must not change its folder."""
    return train("digits", tmp_path_factory.mktemp("api") / "run", export=True)


@pytest.fixture(autouse=True)
def _empty_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the plots, apart from those of `trained`."""
    for plot in TRAINING_PLOTS:
        monkeypatch.setattr(f"aecli.plots.{plot}.draw", write_empty_plot)


# The same as the command line


def test_a_data_word_gives_the_bytes_of_the_command_line(
    trained: TrainingResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # the plots are compared, too
    words = [f"--set={key}={value}" for key, value in SMALL.items()]
    words += ["--recipe", "mlp", "--epochs", "2", "--batch-size", "256", "--device", "cpu"]
    succeed("train", "digits", "-o", tmp_path / "run", *words, export=True, plots=True)
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert {path.name for path in trained.folder.iterdir()} == names
    for name in names:
        assert (trained.folder / name).read_bytes() == (tmp_path / "run" / name).read_bytes(), name


def test_an_array_gives_the_weights_of_its_file(tmp_path: Path) -> None:
    images = aecli.load_images("digits").images
    np.save(tmp_path / "digits.npy", images)
    expected = weights(train(tmp_path / "digits.npy"))
    assert weights(train(images)) == expected
    assert weights(train(list(images[:, 0]))) == expected
    assert weights(train((images / 255).astype(np.float32))) == expected
    assert weights(train(images, seed=1)) != expected


def weights(result: TrainingResult) -> bytes:
    from safetensors.numpy import load_file, save

    return save(load_file(result.folder / "model.safetensors"))


# Results


def test_the_result_describes_the_run(trained: TrainingResult) -> None:
    assert [metrics.epoch for metrics in trained.history] == [1, 2]
    assert all(isinstance(metrics, EpochMetrics) for metrics in trained.history)
    assert trained.val_loss == min(metrics.val_loss for metrics in trained.history)
    assert trained.recipe == load_recipe(str(trained.folder / "recipe.toml"))
    assert trained.images_per_second > 0
    assert str(trained.folder) in repr(trained)
    assert trained._repr_html_().count("data:image/png;base64,") == 2


def test_the_model_of_the_result_is_that_of_the_folder(trained: TrainingResult, digits: NDArray[np.uint8]) -> None:
    expected = aecli.load(trained.folder).encode(digits)
    assert np.array_equal(trained.model.encode(digits), expected)  # type: ignore[union-attr]
    assert aecli.detect(digits, trained.model).threshold > 0  # type: ignore[arg-type]


def test_the_exported_model_and_the_state_are_optional(digits: NDArray[np.uint8]) -> None:
    default, changed = train(digits, epochs=1, export=True), train(digits, epochs=1, keep_state=True)
    names = [{path.name for path in result.folder.iterdir()} for result in (default, changed)]
    assert names[0] ^ names[1] == {"model.onnx", "last.ckpt"}


def test_a_temporary_folder_is_removed_with_the_result(digits: NDArray[np.uint8]) -> None:
    result = train(digits, epochs=1)
    model, folder = result.model, result.folder
    assert (folder / "model.safetensors").exists()
    del result
    gc.collect()
    assert not folder.exists()
    assert len(model.encode(digits)) == len(digits)  # type: ignore[union-attr]


def test_a_classifier_learns_labels_in_memory(digits: NDArray[np.uint8]) -> None:
    labels = aecli.load_images("digits:test").labels
    assert labels is not None
    names = np.array(list("abcdefghij"))[labels]
    for given in (names, labels, list(names)):
        result = train(digits, labels=given, recipe="mlp-classifier", settings={})
        assert result.model.classify(digits).shape == (359, 10)  # type: ignore[union-attr]
        assert result.val_accuracy is not None
    assert result.header.class_names == list("abcdefghij")
    with pytest.raises(InputError, match="labels"):
        train(digits, labels=labels[:-1])
    with pytest.raises(InputError, match="labels"):
        train(digits, recipe="mlp-classifier", settings={})


def test_lists_of_pillow_images_and_paths_are_resized(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (12, 20, 24, 3), dtype=np.uint8)
    paths = [tmp_path / f"{index}.png" for index in range(12)]
    for index, path in enumerate(paths):
        Image.fromarray(noise[index, : 8 + index]).save(path)
    with ExitStack() as opened:
        images = [opened.enter_context(Image.open(path)) for path in paths]
        results = [train(given, image_size=(6, 8)) for given in (paths, images)]
    assert results[0].header.image_shape == (3, 6, 8)
    assert weights(results[0]) == weights(results[1])
    with pytest.raises(InputError, match="size") as error:
        train(paths)
    assert error.value.__notes__ == ["hint: resize all to one size with image_size=64"]


def test_validation_images_can_be_given(digits: NDArray[np.uint8]) -> None:
    result = train(digits[:200], validation=digits[200:], epochs=1)
    assert (result.header.data.images, result.header.validation.images) == (200, 159)


# Arguments


@pytest.mark.parametrize(
    ("argument", "key", "value"),
    [
        ("epochs", "training.epochs", 1),
        ("batch_size", "training.batch_size", 64),
        ("lr", "optimizer.lr", 0.5),
        ("image_size", "model.image_size", (6, 7)),
        ("patience", "training.patience", 1),
        ("seed", "training.seed", np.int64(3)),
        ("settings", "penalty.sparsity_weight", {"penalty.sparsity_weight": 0.5}),
    ],
)
def test_every_argument_changes_the_recipe(argument: str, key: str, value: Any, digits: NDArray[np.uint8]) -> None:
    arguments: dict[str, Any] = {"epochs": 1, argument: value}
    section, name = key.split(".")
    expected = value[key] if argument == "settings" else list(value) if isinstance(value, tuple) else value
    assert train(digits[:40], **arguments).recipe.to_dict()[section][name] == expected


def test_arguments_of_an_architecture_may_be_tuples_and_numbers_of_numpy(digits: NDArray[np.uint8]) -> None:
    given = {"model.arguments": {"hidden": (16,), "code": np.int64(8)}}
    arguments = train(digits[:40], epochs=1, settings=given).recipe.model.arguments
    assert (arguments["hidden"], arguments["code"]) == ([16], 8)


def test_a_run_is_resumed_or_replaced_only_if_asked(digits: NDArray[np.uint8], tmp_path: Path) -> None:
    train(digits, tmp_path / "run", epochs=1, settings=SMALL)
    with pytest.raises(OutputExistsError) as error:
        train(digits, tmp_path / "run")
    assert "overwrite=True" in str(error.value.__notes__)
    assert len(train(digits, tmp_path / "run", overwrite=True, epochs=1).history) == 1
    with pytest.raises(UsageError, match="resume"):
        train(digits, resume=True)


def test_a_model_or_its_path_are_starts(trained: TrainingResult) -> None:
    for start in (trained.folder, str(trained.folder), trained.model):
        result = train("digits", init_from=start, epochs=1)
        assert result.history[0].train_loss < trained.history[0].train_loss


def test_a_recipe_runs_again_as_it_is(trained: TrainingResult) -> None:
    again = aecli.train("digits", recipe=trained.recipe, device="cpu")
    assert weights(again) == weights(trained)
    assert weights(aecli.train("digits", recipe=trained.folder / "recipe.toml", device="cpu")) == weights(trained)


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"epochs": "many"}, UsageError, "training.epochs"),
        ({"settings": {"optimizer.speed": 1}}, UsageError, "optimizer.speed"),
        ({"recipe": "nonsense"}, RecipeError, "nonsense"),
        ({"device": "nonsense"}, UsageError, "device"),
        ({"threads": 0}, UsageError, "threads"),
        ({"init_from": "nonsense"}, InputError, "nonsense"),
        ({"validation": "nonsense"}, InputError, "nonsense"),
        ({"settings": {"training.freeze_encoder": True, "objective.loss": "cross-entropy"}}, UsageError, "freeze"),
    ],
)
def test_invalid_arguments(arguments: dict[str, Any], error: type[AecliError], match: str) -> None:
    with pytest.raises(error, match=match):
        train("digits", **arguments)


def test_labels_of_a_data_word_are_where_they_come_from(image_folder: Path) -> None:
    assert train(image_folder, labels="none").header.class_names == []
    assert train(image_folder, labels="folder").header.class_names == ["a", "b"]
    with pytest.raises(UsageError, match="labels"):
        train(image_folder, labels=[0, 1])


# Warnings, progress and interruptions


def test_warnings_are_issued_and_kept(digits: NDArray[np.uint8]) -> None:
    with pytest.warns(AecliWarning, match="batch_size") as caught:
        result = train(digits[:30], settings=SMALL)
    assert len(caught) == len(result.warnings)
    assert {warning.filename for warning in caught} == {__file__}


def test_nothing_is_printed(digits: NDArray[np.uint8], capfd: pytest.CaptureFixture[str]) -> None:
    train(digits, epochs=1)
    assert capfd.readouterr() == ("", "")
    train(digits, epochs=1, progress=True)
    out, err = capfd.readouterr()
    assert out == ""
    assert "epoch 1/1" in err


def test_threads_apply_to_the_training_only(digits: NDArray[np.uint8]) -> None:
    import torch

    before, used = torch.get_num_threads(), []

    class Counter(Listener):
        """Records the number of threads."""

        def on_epoch(self, metrics: EpochMetrics, is_best: bool) -> None:
            used.append(torch.get_num_threads())

    train(digits, epochs=1, threads=2, progress=Counter())
    assert used == [2]
    assert torch.get_num_threads() == before


class Listener:
    """Records its calls; presses Ctrl-C after an epoch."""

    def __init__(self, interrupt_after: int = 0):
        self.calls: list[str] = []
        self.interrupt_after = interrupt_after

    def on_warning(self, text: str) -> None:
        self.calls.append("warning")

    def on_note(self, text: str) -> None:
        self.calls.append("note")

    def on_start(self, epochs: int, done_epochs: int, images_per_epoch: int) -> None:
        self.calls.append("start")

    def on_progress(self, epoch: int, images_done: int, loss: float) -> None:
        self.calls.append("progress")

    def on_epoch(self, metrics: EpochMetrics, is_best: bool) -> None:
        self.calls.append("epoch")
        if metrics.epoch == self.interrupt_after:
            raise KeyboardInterrupt


def test_a_listener_follows_the_training(digits: NDArray[np.uint8]) -> None:
    listener = Listener()
    train(digits, progress=listener)
    assert listener.calls.count("epoch") == 2
    assert "start" in listener.calls


def test_ctrl_c_keeps_the_finished_epochs(digits: NDArray[np.uint8], tmp_path: Path) -> None:
    import signal

    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt) as interrupt:
        train(digits, tmp_path / "run", epochs=5, progress=Listener(interrupt_after=3))
    assert signal.getsignal(signal.SIGINT) is handler
    assert "resume=True" in str(interrupt.value.__notes__)
    assert aecli.load(tmp_path / "run").header.training.epochs >= 2
    resumed = train(digits, tmp_path / "run", epochs=5, resume=True)
    assert weights(resumed) == weights(train(digits, epochs=5))


def test_ctrl_c_keeps_a_temporary_folder(digits: NDArray[np.uint8]) -> None:
    with pytest.raises(KeyboardInterrupt) as interrupt:
        train(digits, epochs=5, progress=Listener(interrupt_after=2))
    gc.collect()
    (note,) = interrupt.value.__notes__
    assert aecli.load(note.split('"')[1]).encode(digits).shape == (359, 8)
