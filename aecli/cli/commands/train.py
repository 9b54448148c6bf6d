"""`aecli train`."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aecli.cli.command import examples
from aecli.cli.console import Console
from aecli.cli.options import DataArg
from aecli.cli.training_options import HardwareOptions, RecipeOptions, RunOptions
from aecli.data.options import DataOptions
from aecli.data.shapes import shape_text
from aecli.errors import UsageError
from aecli.runtime.counting import counted

if TYPE_CHECKING:
    from aecli.checkpoint.run_folder import RunFolder
    from aecli.recipes.schema import Recipe
    from aecli.training.fit import Trained

EXAMPLES = examples(
    "aecli train mnist5k -o run",
    "aecli train photos/ -o run --recipe mlp --image-size 64 --epochs 50",
)
FolderOpt = Annotated[
    Path, typer.Option("--output", "-o", metavar="DIR", help="Run folder to write.", show_default=False)
]


def train(
    data: DataArg,
    output: FolderOpt,
    recipe_options: RecipeOptions,
    data_options: DataOptions,
    run_options: RunOptions,
    hardware: HardwareOptions,
    console: Console,
) -> None:
    """Train an autoencoder or a classifier on images; write a run folder with the model, its recipe, losses, plots."""
    from aecli.checkpoint import Checkpoint, resolve_checkpoint
    from aecli.checkpoint.run_folder import RunFolder
    from aecli.data import resolve

    processes, resume = hardware.processes, run_options.resume
    is_rank_zero = processes.current().is_rank_zero
    console = console if is_rank_zero else replace(console, quiet=True, json=False)
    folder = RunFolder(output)
    start_ref = resolve_checkpoint(run_options.init_from) if run_options.init_from else None
    data_ref, val_ref = resolve(data), resolve(run_options.val) if run_options.val else None
    inputs = [
        start_ref.file if start_ref else None,
        recipe_options.file,
        *data_ref.paths,
        *(val_ref.paths if val_ref else ()),
    ]
    recipe = recipe_options.load(default=str(folder.recipe) if resume and folder.recipe.exists() else "conv")
    if recipe.training.freeze_encoder and not (start_ref or resume):
        raise UsageError("--freeze-encoder needs pretrained weights", hint="start from a model: --init-from CKPT")

    from aecli.training.pretrained import load_start
    from aecli.training.resolution import resolve_recipe
    from aecli.training.subsets import load_subsets

    with folder.claimed() if is_rank_zero else nullcontext():
        if is_rank_zero:
            folder.require_startable(
                resume=resume, overwrite=run_options.overwrite, inputs=[path for path in inputs if path]
            )
        start = load_start(start_ref.file) if start_ref else None
        with console.progress() as progress:
            images, validation = load_subsets(
                data_ref, val_ref, recipe, data_options, run_options.skip_damaged, progress
            )
        if is_rank_zero:
            console.report_notes(
                images.images.notes + validation.images.notes, images.images.failures + validation.images.failures
            )
            for warning in dict.fromkeys(images.images.warnings + validation.images.warnings):
                console.warn(warning)
        resolved = resolve_recipe(recipe, images, start if isinstance(start, Checkpoint) else None)

        from aecli.cli.training_progress import TrainingProgress
        from aecli.runtime.optional_packages import require_lightning

        require_lightning()
        from aecli.training.fit import train as fit
        from aecli.training.loggers import close_loggers, make_loggers
        from aecli.training.request import Hardware, TrainingRequest

        loggers = make_loggers(run_options.logger.split(","), folder) if is_rank_zero else []
        with TrainingProgress(console, images, validation) as listener:
            trained = fit(
                TrainingRequest(resolved, images, validation, folder, resume, start),
                Hardware(hardware.accelerator, processes, hardware.strategy),
                loggers=loggers,
                listener=listener if is_rank_zero else None,
            )
        if trained is None:
            return
        close_loggers(loggers)
        _draw_plots(trained, folder)
        _report_end(trained, resolved, console)

    header = trained.checkpoint.header
    summary = header.training
    console.saved(
        folder.model,
        f"{header.parameters:,} parameters, code {shape_text(header.code_shape)}, "
        f"best epoch {summary.best_epoch} of {summary.epochs}, validation loss {summary.val_loss:.4f}"
        + ("" if summary.val_accuracy is None else f", accuracy {summary.val_accuracy:.4f}"),
        {"run": str(folder.path), "fingerprint": trained.checkpoint.fingerprint}
        | header.summary()
        | {"stopped_early": trained.stopped_after is not None}
        | {"seconds": listener.seconds, "images_per_second": listener.images_per_second},
    )


def _report_end(trained: "Trained", recipe: "Recipe", console: Console) -> None:
    """Say why the run ended before its last epoch, or why it was not continued."""
    if trained.stopped_after:
        reason = f"stopped after {counted(trained.stopped_after, 'epoch')} without improvement"
        console.note(
            f"{reason}: epoch {len(trained.history):,} of {recipe.training.epochs:,}"
            if trained.has_new_epoch
            else f"nothing to train: the run has {reason}; --resume with a larger --patience continues it"
        )
    elif not trained.has_new_epoch:
        continued = "; --resume with more --epochs continues it" if recipe.optimizer.schedule == "constant" else ""
        console.note(f"nothing to train: the run has finished all {counted(len(trained.history), 'epoch')}{continued}")


def _draw_plots(trained: "Trained", folder: "RunFolder") -> None:
    from aecli.plots import confusion, loss, reconstructions

    loss.draw(trained.history, folder.loss_plot)
    if trained.preview:
        reconstructions.draw(trained.preview, folder.reconstructions)
    if trained.confusion is not None:
        confusion.draw(trained.confusion, trained.checkpoint.header.class_names, folder.confusion)
