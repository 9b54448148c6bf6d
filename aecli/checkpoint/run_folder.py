"""The folder that a training run leaves behind."""

import csv
import io
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from aecli.checkpoint import DETECTOR_FILE, MODEL_FILE, ONNX_FILE
from aecli.errors import InputError, OutputExistsError, RecipeError, UsageError
from aecli.recipes.loading import load_recipe, save_recipe
from aecli.recipes.schema import Recipe
from aecli.storage.atomic import write_text
from aecli.storage.locks import exclusive
from aecli.storage.paths import require_file, require_folder, require_no_input
from aecli.storage.schema import build


@dataclass(frozen=True)
class EpochMetrics:
    """Figures over all images of one epoch."""

    epoch: int
    """From 1."""
    step: int
    """Optimizer steps done since the start of the run."""
    train_loss: float
    val_loss: float
    lr: float
    """After the epoch's last step."""
    train_accuracy: float | None = None
    """The part of the corrupted training images that a classifier was right about, while it learnt."""
    val_accuracy: float | None = None
    """The part of the validation images that it is right about after the epoch."""


@dataclass(frozen=True)
class RunFolder:
    """Where each file of a run is."""

    path: Path

    @property
    def model(self) -> Path:
        return self.path / MODEL_FILE

    @property
    def recipe(self) -> Path:
        return self.path / "recipe.toml"

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
        """In the place of reconstructions, of a classifier."""
        return self.path / "confusion.png"

    @property
    def state(self) -> Path:
        """All that `--resume` needs."""
        return self.path / "last.ckpt"

    @property
    def tensorboard(self) -> Path:
        """Where `--logger tensorboard` writes its event files."""
        return self.path / "tensorboard"

    @property
    def detector(self) -> Path:
        """Made by `aecli calibrate`."""
        return self.path / DETECTOR_FILE

    @property
    def exported(self) -> Path:
        """Where `aecli export` writes the model again as ONNX."""
        return self.path / ONNX_FILE

    def files(self) -> list[Path]:
        """Return the files of a finished run, those made from it later included."""
        pictures = [self.loss_plot, self.reconstructions, self.confusion]
        return [self.model, self.recipe, self.metrics, *pictures, self.state, self.exported, self.detector]

    def holds_run(self) -> bool:
        return any(file.exists() for file in self.files())

    def require_startable(self, *, resume: bool, overwrite: bool, inputs: Sequence[Path] = ()) -> None:
        """See that a run that reads `inputs` can begin, or go on, here; nothing is made yet.

        Raises:
            OutputExistsError: it holds a run, which is neither to be resumed nor to be overwritten.
            InputError: there is no run to resume.
            UsageError: the options exclude each other, or an input would be replaced.
        """
        if resume and overwrite:
            raise UsageError("--resume and --overwrite exclude each other")
        if resume and not (self.state.exists() and self.recipe.exists()):
            begun = "--overwrite starts again: the run was stopped before it kept anything"
            raise InputError(
                f"no run to resume: {self.path}", hint=begun if self.holds_run() else "leave out --resume to start one"
            )
        if self.holds_run() and not (resume or overwrite):
            go_on = "--resume goes on with it, " if self.state.exists() else ""
            raise OutputExistsError(f"there is a run already: {self.path}", hint=f"{go_on}--overwrite replaces it")
        if overwrite:
            for file in self.files():
                require_no_input(file, inputs)
        for source in inputs:
            if source.is_dir() and self.path.resolve().is_relative_to(source.resolve()):
                raise UsageError(
                    f"the run folder is among the images: {self.path}", hint="name a folder outside of them with -o"
                )

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Make the folder and keep other runs out of it; what is still empty at the end is removed again.

        Raises:
            OutputExistsError: another run is under way in it.
            UnavailableError: it cannot be made or written.
        """
        require_folder(self.path)
        with exclusive(self.path):
            try:
                yield
            finally:
                with suppress(OSError):  # a folder that holds something stays
                    self.path.rmdir()

    def begin(self, recipe: Recipe, *, resume: bool) -> None:
        """Make the folder that of a new run with this resolved recipe, or see that the run in it has the same one.

        Raises:
            RecipeError: the run in it was begun with another recipe.
        """
        if resume:
            changed = load_recipe(str(self.recipe)).differences(recipe)
            if changed:
                raise RecipeError(
                    f"the recipe changed since the run began, in {', '.join(changed)}",
                    hint="resume with the recipe as it was, or start another run with --init-from",
                )
            return
        for file in self.files():
            file.unlink(missing_ok=True)
        shutil.rmtree(self.tensorboard, ignore_errors=True)
        save_recipe(recipe, self.recipe)

    def discard_if_empty(self) -> bool:
        """Leave nothing of a run that stopped before its first epoch was kept; tell whether it did."""
        if self.state.exists() or self.model.exists():
            return False
        self.recipe.unlink(missing_ok=True)
        return True

    def save_metrics(self, history: Sequence[EpochMetrics]) -> None:
        """Write `metrics.csv`, one row an epoch; what a model does not have is no column."""
        text = io.StringIO()
        rows = [asdict(metrics) for metrics in history]
        columns = [column.name for column in fields(EpochMetrics) if any(row[column.name] is not None for row in rows)]
        table = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
        write_text(self.metrics, text.getvalue())

    def load_metrics(self) -> list[EpochMetrics]:
        """Read what `save_metrics` wrote.

        Raises:
            InputError: it is missing or damaged.
        """
        require_file(self.metrics, "metrics")
        try:
            with self.metrics.open(encoding="utf-8", newline="") as file:
                rows = [
                    build(EpochMetrics, {key: _number(text) for key, text in row.items()})
                    for row in csv.DictReader(file)
                ]
        except (ValueError, TypeError, AttributeError, csv.Error) as error:
            raise InputError(f"damaged metrics: {self.metrics}: {str(error)[:200]}") from error
        if not rows:
            raise InputError(f"no epoch in {self.metrics}")
        return rows


def _number(text: str) -> int | float:
    return int(text) if text.lstrip("-").isdecimal() else float(text)
