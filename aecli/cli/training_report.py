"""What `train` prints at its end: the model, the time, the files to look at and the command to type next."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from aecli.cli.console import Console
from aecli.cli.training_progress import ConsoleListener
from aecli.data.shapes import shape_text
from aecli.runtime.counting import counted
from aecli.runtime.durations import duration_text

if TYPE_CHECKING:
    from aecli.checkpoint.run_folder import RunFolder
    from aecli.data import DataRef
    from aecli.recipes.schema import Recipe
    from aecli.training.trained import Trained


def report_training(
    trained: "Trained",
    recipe: "Recipe",
    data: "DataRef",
    folder: "RunFolder",
    listener: ConsoleListener,
    console: Console,
) -> None:
    """Print how the training of `data` with `recipe` ended, or with --quiet only the run folder."""
    from aecli.training.learning_checks import constant_reference, reference_label, warning_after

    _report_end(trained, recipe, folder, console)
    header, clock = trained.checkpoint.header, listener.clock
    summary = header.training
    document = (
        {"run": str(folder.path), "fingerprint": trained.checkpoint.fingerprint}
        | header.summary()
        | {"stopped_early": trained.stopped_after is not None, "warnings": listener.warnings}
        | {"seconds": round(clock.seconds, 3), "images_per_second": round(clock.images_per_second, 1)}
    )
    if console.quiet and not console.json:
        console.result(str(folder.path), document)
        return
    constant = constant_reference(summary.references)
    compared = f" ({reference_label(constant[0])} {constant[1]:.4f})" if constant else ""
    accuracy = "" if summary.val_accuracy is None else f", accuracy {summary.val_accuracy:.4f}"
    quality = (
        f"best epoch {summary.best_epoch} of {summary.epochs}, validation loss {summary.val_loss:.4f}"
        f"{compared}{accuracy}"
    )
    if header.task == "features":
        quality = f"explains {1 - summary.val_loss:.1%} of the variance of the features of validation images"
    console.saved(
        folder.model,
        f"{header.parameters:,} parameters, code {shape_text(header.code_shape)}, {quality}"
        + (f", trained in {duration_text(clock.seconds)}" if trained.has_new_epoch else ""),
        document,
    )
    drawn = [path for path in (folder.reconstructions, folder.confusion, folder.loss_plot) if path.exists()]
    if drawn:
        console.note(f"look at {' and '.join(map(str, drawn))}")
    if not warning_after(recipe, trained.history, summary.references, header.data.images):
        console.note(f"next: {next_command(data, folder.path, header.task, is_codec=header.is_codec)}")


def next_command(data: "DataRef", run: Path, task: str, *, is_codec: bool = False) -> str:
    """Return a command that uses the model of a run, quoted for a shell.

    It takes the test split of the images where it was left out of the training, and the placeholder IMAGE otherwise.
    An autoencoder of the user's own images detects anomalies, one of a named data set encodes it. A codec of the user's
    own images writes an archive.
    """
    model = _quoted(str(run))
    has_test = data.split == "train" or (data.split is None and (not data.paths or "test" in data.source.splits()))
    images = _quoted(f"{data.name}:test") if has_test else "IMAGE"
    if task == "classifier":
        return f"aecli classify {images} --model {model}"
    if is_codec and data.paths:
        return f"aecli encode {images if has_test else 'FOLDER'} --model {model} -o archive/"
    if data.paths:
        return f"aecli detect {images} --model {model}"
    return f"aecli encode {images if has_test else data.name} --model {model} -o codes.npz"


def _quoted(path: str) -> str:
    """Return a path for a shell, which does not look like an option."""
    return shlex.quote(f"./{path}" if path.startswith("-") else path)


def _report_end(trained: "Trained", recipe: "Recipe", folder: "RunFolder", console: Console) -> None:
    """Say why the run ended before its last epoch, or why it was not continued."""
    if trained.has_new_prior and not trained.has_new_epoch:
        return  # only the prior was missing
    if trained.stopped_after:
        reason = f"stopped after {counted(trained.stopped_after, 'epoch')} without improvement"
        if trained.has_new_epoch:
            console.note(f"{reason}: epoch {len(trained.history):,} of {recipe.training.epochs:,}")
        else:
            _report_no_training(f"has {reason}", "a larger --patience", folder, console)
    elif not trained.has_new_epoch:
        is_constant = recipe.optimizer.schedule == "constant"
        finished = f"has finished all {counted(len(trained.history), 'epoch')}"
        _report_no_training(finished, "more --epochs" if is_constant else "", folder, console)


def _report_no_training(reason: str, change: str, folder: "RunFolder", console: Console) -> None:
    """Say that the run is finished, and with which change of its options it continues, if any."""
    continued = f"; --resume with {change} continues it" if change and folder.state.exists() else ""
    console.note(f"nothing to train: the run {reason}{continued}")
