"""What the files of a run folder say about the run, without its images."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aecli.checkpoint import CheckpointHeader, ModelRef, read_fingerprint, read_header, resolve_checkpoint
from aecli.checkpoint.run_folder import EpochMetrics, RunFolder, is_finished
from aecli.detection.detector import Detector, load_detector
from aecli.errors import AecliError, InputError
from aecli.recipes.schema import Recipe
from aecli.reports.run.commands import ClosestRecipe, closest_recipe, commands
from aecli.storage.run_files import MODEL_FILE


@dataclass(frozen=True)
class RunFiles:
    """The content of a run folder."""

    name: str
    """The name of the folder."""
    folder: RunFolder
    model: ModelRef
    header: CheckpointHeader
    fingerprint: str
    recipe: Recipe
    history: Sequence[EpochMetrics]
    """Empty if `metrics.csv` is missing."""
    detector: Detector | None
    notes: tuple[str, ...]
    """What is missing or unfinished."""
    written: datetime
    """When the model was written, by the clock of its file system."""

    @property
    def closest(self) -> ClosestRecipe:
        """The shipped recipe that is most like the recipe of the run."""
        return closest_recipe(self.recipe)

    @property
    def commands(self) -> list[str]:
        """The commands that make the run again."""
        return commands(self.folder, self.header, self.detector)

    def to_dict(self) -> dict[str, Any]:
        """Return the most important fields as plain values."""
        return {
            "run": self.name,
            "fingerprint": self.fingerprint,
            **self.header.summary(),
            "written": self.written.isoformat(timespec="seconds"),
            "recipe": {"closest": self.closest.name, "changes": self.closest.changes},
            "commands": self.commands,
        }


def resolve_run(path: str | Path) -> ModelRef:
    """Resolve a run folder, or the checkpoint in it, to the checkpoint.

    Raises:
        InputError: there is no such folder, or it holds no model.
    """
    path = Path(path)
    folder = path.parent if path.name == MODEL_FILE else path
    if not folder.is_dir():
        what = "not a run folder" if folder.exists() else "no such run folder"
        raise InputError(f"{what}: {folder}", hint="name a folder that aecli train wrote")
    return resolve_checkpoint(folder)


def read_run_files(ref: ModelRef) -> RunFiles:
    """Read the files of a run folder; `ref` is from `resolve_run`.

    Raises:
        InputError: the model is damaged.
    """
    folder, header = RunFolder(ref.path), read_header(ref.file)
    recipe = Recipe.from_dict(header.recipe, str(ref.file))
    notes: list[str] = []
    history: Sequence[EpochMetrics] = []
    detector = None
    try:
        history = folder.load_metrics()
    except InputError as error:
        notes.append(f"the run has no curves: {error.message}")
    if history and header.task != "features" and not is_finished(recipe, history):
        notes.append(
            f"the training was interrupted after {len(history):,} of {recipe.training.epochs:,} epochs: the same "
            "command with --resume continues it"
        )
    if folder.detector.exists():
        try:
            detector = load_detector(folder.detector)
        except AecliError as error:
            notes.append(f"the detector is left out: {error.message}")
    fingerprint = read_fingerprint(ref.file)
    if detector is not None and detector.header.model_fingerprint != fingerprint:
        notes.append("the detector is left out: it was made for another model; calibrate again")
        detector = None
    written = datetime.fromtimestamp(ref.file.stat().st_mtime, UTC)
    return RunFiles(
        folder.path.resolve().name or "run",
        folder,
        ref,
        header,
        fingerprint,
        recipe,
        history,
        detector,
        tuple(notes),
        written,
    )
