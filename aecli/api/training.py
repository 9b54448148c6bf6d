"""`aecli.train`."""

import os
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

import numpy as np

from aecli.api.errors import CallerWarnings, python_errors
from aecli.api.images import DataLike, data_ref
from aecli.api.run_directory import RunDirectory
from aecli.api.training_view import DisplayView
from aecli.checkpoint import CheckpointHeader, ModelRef, resolve_checkpoint
from aecli.checkpoint.run_folder import EpochMetrics, RunFolder
from aecli.data import DataOptions, DataRef, Failure
from aecli.data.options import LabelsFrom
from aecli.errors import Interrupted, UsageError
from aecli.recipes.schema import Recipe
from aecli.runtime.processes import check_training_device
from aecli.runtime.torch_threads import using_threads
from aecli.workflows.recipe_choice import RecipeRequest
from aecli.workflows.training import TrainingPlan, run_training

if TYPE_CHECKING:
    from aecli.inference.model import Model
    from aecli.inference.torch_classifier import TorchClassifier
    from aecli.training.callbacks import TrainingListener


@dataclass(frozen=True, repr=False)
class TrainingResult:
    """A trained model, and how its training went; a notebook shows its plots."""

    folder: Path
    """The run folder. Without `output` it is a temporary one, which is removed with this result."""
    header: CheckpointHeader
    """The metadata of the model: its architecture, image shape, code shape, training images and so on."""
    recipe: Recipe
    """The recipe with all values filled in: `aecli.train(images, recipe=result.recipe)` trains the same model."""
    history: Sequence[EpochMetrics]
    """The losses of all epochs; `pandas.DataFrame(result.history)` is a table of them."""
    stopped_early: bool
    """Whether the training ended for lack of improvement, as `training.patience` asks for."""
    seconds: float
    """Time from the start of training to the end of the last epoch."""
    images_per_second: float
    warnings: tuple[str, ...] = ()
    """Reasons to doubt the model."""
    notes: tuple[str, ...] = ()
    """How the images were converted, and the recipe that was chosen."""
    failures: tuple[Failure, ...] = ()
    """Images that were left out because they could not be read."""
    _holder: Any = field(default=None, compare=False)
    """What keeps a temporary run folder in existence."""

    @cached_property
    def model(self) -> "Model | TorchClassifier":
        """The best epoch's model, as `aecli.load` or, for a classifier, `aecli.load_classifier` returns it."""
        from aecli import inference

        load = inference.load_classifier if self.header.task == "classifier" else inference.load
        return load(self.folder)  # type: ignore[operator, no-any-return]

    @property
    def best_epoch(self) -> int:
        """The epoch of the model, counted from 1: the one with the smallest validation loss."""
        return self.header.training.best_epoch

    @property
    def val_loss(self) -> float:
        """The validation loss of the model."""
        return self.header.training.val_loss

    @property
    def val_accuracy(self) -> float | None:
        """The validation accuracy of a classifier, in 0..1; None for an autoencoder."""
        return self.header.training.val_accuracy

    def __repr__(self) -> str:
        accuracy = "" if self.val_accuracy is None else f", accuracy {self.val_accuracy:.4f}"
        return (
            f"<TrainingResult: {self.header.architecture}, best epoch {self.best_epoch:,} of {len(self.history):,}, "
            f"validation loss {self.val_loss:.4f}{accuracy}, {self.folder}>"
        )

    def _repr_html_(self) -> str:
        run = RunFolder(self.folder)
        plots = [path for path in (run.loss_plot, run.reconstructions, run.confusion) if path.exists()]
        images = [f'<img src="data:image/png;base64,{b64encode(path.read_bytes()).decode()}">' for path in plots]
        return "<br>".join([escape(repr(self)), *images])


def train(
    images: "DataLike",
    output: str | Path | None = None,
    *,
    recipe: str | Path | Recipe | None = None,
    labels: Any = None,
    validation: "DataLike | None" = None,
    validation_labels: Any = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    lr: float | None = None,
    image_size: int | Sequence[int] | Literal["native", "any"] | None = None,
    patience: int | None = None,
    seed: int | None = None,
    settings: Mapping[str, Any] | None = None,
    init_from: "Model | str | Path | None" = None,
    resume: bool = False,
    keep_state: bool = False,
    overwrite: bool = False,
    export: bool = True,
    skip_damaged: bool = False,
    options: DataOptions | None = None,
    device: str = "auto",
    threads: int | None = None,
    progress: "bool | TrainingListener | None" = None,
) -> TrainingResult:
    """Train an autoencoder, or a classifier, on images, with the same result as `aecli train`.

        result = aecli.train("photos/", "run", epochs=50)               # as: aecli train photos/ -o run --epochs 50
        result = aecli.train(images, image_size=64)                     # an array, tensor or list; a temporary folder
        codes = result.model.encode(images)
        result                                                          # a notebook shows losses and reconstructions

    Ctrl-C, or the stop button of a notebook, raises KeyboardInterrupt. The epochs that are done are in the run folder
    then, and with `output` the call with `resume=True` continues there. No handler of signals is installed.

    Args:
        images: The images to train on: a DATA word or path as of `aecli train`, the result of `aecli.load_images`, or
            images in memory: an array or torch tensor, (N, H, W), (N, H, W, C) or (N, C, H, W) with C 1 or 3, which is
            uint8 in 0..255, floating point in 0..1 or of another type whose range is measured; or a list of Pillow
            images, paths of image files or arrays, which may differ in size and color if `image_size` is given or the
            recipe has a size.
        output: Run folder to write, with the model, its recipe, losses and plots. Default: a temporary folder, which is
            removed with the result or at the end of the process.
        recipe: Name of a recipe such as `mlp`, a `.toml` file or a `Recipe`. Default: that which `aecli train` chooses.
        labels: Classes, for images in memory: (N,) whole numbers or text, -1 or "" for none. For a DATA word, where its
            labels come from: `folder`, `prefix` or `none`.
        validation: Validation images, of the same kinds as `images`, on which the best epoch is chosen. Default: the
            val split of a DATA word, or else a fraction of the images that is held out.
        validation_labels: The classes of validation images in memory.
        epochs: Number of epochs. Like the following arguments, None keeps the recipe's value.
        batch_size: Images in one optimizer step.
        lr: Learning rate; the peak of a one-cycle schedule.
        image_size: Size in pixels to which images are resized: one number for a square, or (height, width); `native`
            for the size that all images have; or `any`, of a codec.
        patience: Stop after this many epochs without a smaller validation loss; 0 trains for all epochs.
        seed: Random seed for the weights, the order of images, corruption and the held-out images.
        settings: Changes to other recipe keys: `{"optimizer.name": "adamw"}`. Their documentation is in
            `examples/REFERENCE.md`.
        init_from: A model, run folder or file with the weights to start from.
        resume: Continue the run in `output` after its last finished epoch.
        keep_state: Keep the state of a finished run, so that `resume` can continue it with more epochs.
        overwrite: Replace the run in `output`.
        export: Whether to write `model.onnx` too, with which commands start without torch.
        skip_damaged: Train without the image files that cannot be read.
        options: How DATA words are read.
        device: `auto`, `cpu`, `cuda`, `cuda:1`, `mps`, as in `aecli.load`. The training runs in this process.
        threads: CPU threads of torch during the training. None follows what other programs leave free, unless the
            environment variable OMP_NUM_THREADS or AECLI_THREADS fixes a number. With a fixed number, a repetition
            gives the same bytes.
        progress: None shows a bar in a notebook and on a terminal, True lines on standard error elsewhere, too, and
            False nothing; or an object with the methods of `aecli.training.callbacks.TrainingListener`.

    Returns:
        A result with the `model`, the `history` of losses, the run `folder`, the completed `recipe` and the `warnings`,
        which are issued as `AecliWarning`, too.

    Raises:
        aecli.errors.UsageError: an argument or a setting is invalid, or they contradict each other.
        aecli.errors.InputError: images, labels or weights are missing, damaged or do not fit, or the loss is not
            finite.
        aecli.errors.RecipeError: the recipe does not exist, or does not fit the images or the run to resume.
        aecli.errors.OutputExistsError: the folder holds a run, and neither `resume` nor `overwrite` is set.
        aecli.errors.UnavailableError: a data set, a package, the device, memory or disk space is not available.
        KeyboardInterrupt: Ctrl-C; its note says where the finished epochs are.
    """
    shorthands = {
        "training.epochs": epochs,
        "training.batch_size": batch_size,
        "optimizer.lr": lr,
        "model.image_size": image_size,
        "training.patience": patience,
        "training.seed": seed,
    }
    changes = {**(settings or {}), **{key: value for key, value in shorthands.items() if value is not None}}
    warnings = CallerWarnings()
    view = DisplayView(warnings, progress)
    with python_errors():
        check_training_device(device)
        if threads is not None and threads < 1:
            raise UsageError(f"threads must be at least 1, not {threads}")
        data, data_options = _resolve(images, labels, options or DataOptions())
        validation_data = None if validation is None else _resolve(validation, validation_labels, data_options)[0]
        directory = RunDirectory(output, resume=resume)
        folder = RunFolder(directory.path)
        plan = TrainingPlan(
            data,
            _recipe(recipe, changes),
            folder,
            validation_data,
            data_options,
            skip_damaged=skip_damaged,
            init_from=_start(init_from),
            resume=resume,
            keep_state=keep_state,
            overwrite=overwrite,
            export=export,
            other_inputs=[Path(recipe)] if isinstance(recipe, str | Path) and Path(recipe).suffix == ".toml" else [],
            device=device,
        )
        try:
            with using_threads(threads):
                run = run_training(plan, view)
        except (Interrupted, KeyboardInterrupt) as stop:
            raise directory.interrupted() from stop
        finally:
            view.close()
    assert run
    return TrainingResult(
        directory.path,
        run.trained.checkpoint.header,
        run.recipe,
        run.trained.history,
        run.trained.stopped_after is not None,
        view.seconds,
        view.images_per_second,
        tuple(warnings.issued),
        tuple(view.notes),
        tuple(view.failures),
        directory,
    )


def _resolve(images: Any, labels: Any, options: DataOptions) -> tuple[DataRef, DataOptions]:
    """Return the images, and how they are read.

    Raises:
        InputError: there is no such data, or images or labels have the wrong shape, type or values.
        UsageError: labels are given for a DATA word.
    """
    if not isinstance(images, str | os.PathLike):
        return data_ref(images, labels), options
    if isinstance(labels, str) and labels in get_args(LabelsFrom):
        options = replace(options, labels_from=cast(LabelsFrom, labels))
    elif labels is not None:
        raise UsageError(
            f"labels of a DATA word must be one of {', '.join(get_args(LabelsFrom))}",
            hint="give an array of labels with images in memory, such as aecli.load_images(word)",
        )
    return data_ref(images), options


def _recipe(recipe: str | Path | Recipe | None, changes: Mapping[str, Any]) -> RecipeRequest:
    named = os.fspath(recipe) if isinstance(recipe, Path) else recipe
    return RecipeRequest(named, [({key: _plain(value) for key, value in changes.items()}, "aecli.train")])


def _plain(value: Any) -> Any:
    """Return a value as a recipe file has it: lists instead of tuples and arrays, Python's numbers, and text."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _start(init_from: Any) -> ModelRef | None:
    if init_from is None:
        return None
    path = init_from if isinstance(init_from, str | os.PathLike) else init_from.path
    if path is None:
        raise UsageError("the model to start from was not loaded from a file", hint="name its file or run folder")
    return resolve_checkpoint(Path(path))
