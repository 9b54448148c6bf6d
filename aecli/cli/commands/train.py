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
from aecli.errors import UsageError

if TYPE_CHECKING:
    from aecli.checkpoint import Checkpoint
    from aecli.training.pretrained import Pretrained

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

    from aecli.cli.training_progress import TrainingProgress
    from aecli.cli.training_report import report_training
    from aecli.training.subsets import load_subsets
    from aecli.workflows.training_export import export_trained
    from aecli.workflows.training_plots import draw_plots, plots_if_interrupted

    with folder.claimed() if is_rank_zero else nullcontext():
        if is_rank_zero:
            folder.require_startable(
                resume=resume, overwrite=run_options.overwrite, inputs=[path for path in inputs if path]
            )
        start = _load_start(start_ref.file, console) if start_ref else None
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
        listener = TrainingProgress(console, images, validation)

        with console.status("loading torch"):
            from aecli.runtime.optional_packages import require_lightning

            require_lightning(freeze=True)
            from aecli.training.fit import train as fit
            from aecli.training.loggers import close_loggers, make_loggers
            from aecli.training.request import Hardware, TrainingRequest
            from aecli.training.resolution import resolve_recipe

        resolved = resolve_recipe(recipe, images, start if isinstance(start, Checkpoint) else None)
        loggers = make_loggers(run_options.logger.split(","), folder) if is_rank_zero else []
        request = TrainingRequest(resolved, images, validation, folder, resume, start, run_options.keep_state)
        with plots_if_interrupted(request) if is_rank_zero else nullcontext(), listener:
            trained = fit(
                request,
                Hardware(hardware.accelerator, processes, hardware.strategy),
                loggers=loggers,
                listener=listener if is_rank_zero else None,
            )
        if trained is None:
            return
        close_loggers(loggers)
        with plots_if_interrupted(request):
            draw_plots(trained, folder)
        with console.status("exporting the model"):
            failure = export_trained(trained, folder, wanted=not run_options.no_export)
        if failure:
            console.warn(failure)
    report_training(trained, resolved, data_ref, folder, listener, console)


def _load_start(file: Path, console: Console) -> "Checkpoint | Pretrained":
    with console.status("loading torch"):
        from aecli.training.pretrained import load_start

        return load_start(file)
