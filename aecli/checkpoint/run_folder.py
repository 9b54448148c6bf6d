"""The folder that a training run writes."""

import csv
import io
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from aecli.errors import InputError, OutputExistsError, UsageError
from aecli.recipes.loading import load_recipe, save_recipe
from aecli.recipes.resuming import require_not_exceeded, require_resumable
from aecli.recipes.schema import Recipe
from aecli.storage.atomic import write_text
from aecli.storage.locks import exclusive
from aecli.storage.paths import require_folder, require_no_input
from aecli.storage.run_files import DETECTOR_FILE, MODEL_FILE, ONNX_FILE, RECIPE_FILE
from aecli.storage.schema import build
from aecli.storage.text import open_text


@dataclass(frozen=True)
class EpochMetrics:
    """Metrics over all images of one epoch."""

    epoch: int
    """Counted from 1."""
    step: int
    """Optimizer steps since the start of the run."""
    train_loss: float
    val_loss: float
    lr: float
    """Learning rate after the last step of the epoch."""
    train_accuracy: float | None = None
    """Of a classifier: accuracy on the corrupted training images during the epoch, in 0..1."""
    val_accuracy: float | None = None
    """Of a classifier: accuracy on the validation images after the epoch, in 0..1."""


def epochs_since_best(history: Sequence[EpochMetrics]) -> int:
    """Return the number of epochs after the first one with the smallest validation loss."""
    return len(history) - min(history, key=lambda row: row.val_loss).epoch if history else 0


def is_finished(recipe: Recipe, history: Sequence[EpochMetrics]) -> bool:
    """Return whether a run with these epochs has done all epochs of its recipe, or has exhausted its patience."""
    training = recipe.training
    return len(history) >= training.epochs or 0 < training.patience <= epochs_since_best(history)


@dataclass(frozen=True)
class RunFolder:
    """The paths of the files of a run."""

    path: Path

    @property
    def model(self) -> Path:
        return self.path / MODEL_FILE

    @property
    def recipe(self) -> Path:
        return self.path / RECIPE_FILE

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.csv"

    @property
    def loss_plot(self) -> Path:
        return self.path / "loss.png"

    @property
    def reconstructions(self) -> Path:
        return self.path / "reconstructions.png"

    @property
    def confusion(self) -> Path:
        """Of a classifier, instead of reconstructions."""
        return self.path / "confusion.png"

    @property
    def state(self) -> Path:
        """The state that `--resume` loads; a finished run has none, unless the user keeps it."""
        return self.path / "last.ckpt"

    @property
    def prior_state(self) -> Path:
        """The state of the last stage of the training of a codec, while it is not finished."""
        return self.path / "prior.safetensors"

    @property
    def tensorboard(self) -> Path:
        """Folder of the event files of `--logger tensorboard`."""
        return self.path / "tensorboard"

    @property
    def detector(self) -> Path:
        """Written by `aecli calibrate`."""
        return self.path / DETECTOR_FILE

    @property
    def exported(self) -> Path:
        """Written by `aecli export`."""
        return self.path / ONNX_FILE

    @property
    def report(self) -> Path:
        """Written by `aecli report`."""
        return self.path / "report.html"

    def files(self) -> list[Path]:
        """Return all files of a run, finished or not, and those that other commands write later.

        The folder `tensorboard` is not among them.
        """
        images = [self.loss_plot, self.reconstructions, self.confusion]
        return [
            self.model,
            self.recipe,
            self.metrics,
            *images,
            self.state,
            self.prior_state,
            self.exported,
            self.detector,
            self.report,
        ]

    def holds_run(self) -> bool:
        return any(file.exists() for file in self.files())

    def _has_results(self) -> bool:
        return self.model.exists() and self.metrics.exists()

    def require_startable(self, *, resume: bool, overwrite: bool, inputs: Sequence[Path] = ()) -> None:
        """Check that a run that reads `inputs` can start or resume in this folder; nothing is created.

        Raises:
            OutputExistsError: the folder holds a run, and neither `resume` nor `overwrite` is set.
            InputError: there is no run to resume.
            UsageError: both options are set, or an input would be replaced.
        """
        if resume and overwrite:
            raise UsageError("--resume and --overwrite are mutually exclusive", hint="leave out one of them")
        if resume and not (self.recipe.exists() and (self.state.exists() or self._has_results())):
            unsaved = "the run stopped before its first epoch was saved: --overwrite starts it again"
            raise InputError(
                f"no run to resume: {self.path}",
                hint=unsaved if self.holds_run() else "leave out --resume to start one",
            )
        if self.holds_run() and not (resume or overwrite):
            resumable = "--resume continues it, " if self.state.exists() else ""
            raise OutputExistsError(f"a run exists already: {self.path}", hint=f"{resumable}--overwrite replaces it")
        if overwrite:
            self.require_inputs_kept(inputs)
        for source in inputs:
            if source.is_dir() and self.path.resolve().is_relative_to(source.resolve()):
                raise UsageError(
                    f"the run folder is among the images: {self.path}", hint="name a folder outside the images with -o"
                )

    def require_inputs_kept(self, inputs: Sequence[Path]) -> None:
        """Check that a new run in this folder replaces none of `inputs`.

        Raises:
            UsageError: it would.
        """
        for file in self.files():
            require_no_input(file, inputs)

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Create the folder and lock it against other runs; remove it at the end of the `with` block if it is empty.

        Raises:
            OutputExistsError: another run is using the folder.
            UnavailableError: the folder cannot be created or written.
        """
        require_folder(self.path)
        with exclusive(self.path):
            try:
                yield
            finally:
                with suppress(OSError):  # the folder is not empty
                    self.path.rmdir()

    def begin(self, recipe: Recipe, *, resume: bool) -> None:
        """Start a new run with this resolved recipe, or check that the run to resume can continue with it.

        Raises:
            RecipeError: the run to resume was started with another recipe, and `recipe` does not continue it.
            InputError: the recipe has fewer epochs than before, and the metrics of the run to resume are missing or
                damaged; or it has no training state and is not finished.
        """
        if resume:
            earlier = load_recipe(str(self.recipe))
            require_resumable(earlier, recipe)
            if recipe.training.epochs < earlier.training.epochs:
                require_not_exceeded(recipe, len(self.load_metrics()))
            if not self.state.exists():
                self._require_finished(recipe)
            return
        for file in self.files():
            file.unlink(missing_ok=True)
        shutil.rmtree(self.tensorboard, ignore_errors=True)
        save_recipe(recipe, self.recipe)

    def _require_finished(self, recipe: Recipe) -> None:
        if not is_finished(recipe, self.load_metrics()):
            raise InputError(
                f"cannot continue a finished run without its training state: no {self.state}",
                hint=f"train another one with --init-from {self.path} -o DIR; --keep-state keeps the state of a run",
            )

    def update_recipe(self, recipe: Recipe) -> None:
        """Replace the recipe of a run that continues with another number of epochs or patience."""
        if load_recipe(str(self.recipe)) != recipe:
            save_recipe(recipe, self.recipe)

    def discard_if_empty(self) -> bool:
        """Remove the recipe of a run that stopped before its first epoch was saved; return whether it did."""
        if self.state.exists() or self.model.exists():
            return False
        self.recipe.unlink(missing_ok=True)
        return True

    def save_metrics(self, history: Sequence[EpochMetrics]) -> None:
        """Write `metrics.csv` with one row per epoch, and no columns for metrics that the model does not have."""
        text = io.StringIO()
        rows = [asdict(metrics) for metrics in history]
        columns = [column.name for column in fields(EpochMetrics) if any(row[column.name] is not None for row in rows)]
        table = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
        write_text(self.metrics, text.getvalue())

    def load_metrics(self) -> list[EpochMetrics]:
        """Read `metrics.csv`.

        Raises:
            InputError: the file is missing or damaged.
        """
        try:
            with open_text(self.metrics, "metrics", newline="") as file:
                rows = [
                    build(EpochMetrics, {key: _number(text) for key, text in row.items()})
                    for row in csv.DictReader(file)
                ]
        except (ValueError, TypeError, AttributeError, csv.Error) as error:
            raise InputError(f"damaged metrics: {self.metrics}: {str(error)[:200]}") from error
        if not rows:
            raise InputError(f"no epochs in {self.metrics}")
        return rows


def _number(text: str) -> int | float:
    return int(text) if text.lstrip("-").isdecimal() else float(text)
