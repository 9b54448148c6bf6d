"""`aecli train`."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from aecli.cli.command import examples
from aecli.cli.console import Console
from aecli.cli.options import DataArg
from aecli.cli.training_options import HardwareOptions, RecipeOptions, RunOptions
from aecli.data.options import DataOptions

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
    """Train an autoencoder or a classifier on images; write a run folder with its model, recipe, losses and plots."""
    from aecli.checkpoint import resolve_checkpoint
    from aecli.checkpoint.run_folder import RunFolder
    from aecli.cli.training_report import report_training
    from aecli.cli.training_view import ConsoleView
    from aecli.data import resolve
    from aecli.workflows.training import TrainingPlan, run_training

    is_rank_zero = hardware.processes.current().is_rank_zero
    console = console if is_rank_zero else replace(console, quiet=True, json=False)
    folder, resume = RunFolder(output), run_options.resume
    plan = TrainingPlan(
        init_from=resolve_checkpoint(run_options.init_from) if run_options.init_from else None,
        data=resolve(data),
        validation=resolve(run_options.val) if run_options.val else None,
        recipe=recipe_options.request,
        other_inputs=[recipe_options.file] if recipe_options.file else [],
        folder=folder,
        data_options=data_options,
        skip_damaged=run_options.skip_damaged,
        resume=resume,
        keep_state=run_options.keep_state,
        overwrite=run_options.overwrite,
        export=not run_options.no_export,
        loggers=run_options.logger.split(","),
        device=hardware.device,
        processes=hardware.processes,
        strategy=hardware.strategy,
        process_ends=True,
    )
    view = ConsoleView(console)
    if run := run_training(plan, view):
        report_training(run.trained, run.recipe, plan.data, folder, view.training, console)
