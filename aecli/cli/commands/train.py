"""`aecli train`."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from aecli.cli.command import examples
from aecli.cli.console import Console
from aecli.cli.options import DataArg, DevicesOpt, NodesOpt
from aecli.data.options import DataOptions
from aecli.errors import UsageError
from aecli.models.architectures import architecture_names
from aecli.recipes.schema import load_recipe, parse_settings, recipe_names

EXAMPLES = examples(
    "aecli train mnist5k -o run",
    "aecli train photos/ -o run --recipe mlp --set model.image_size=64 --epochs 50",
)
RunOpt = Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Run folder to write.", show_default=False)]
RecipeOpt = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FILE.toml",
        help=f"What to train: {', '.join(recipe_names())}, or your own file; else conv.",
        show_default=False,
    ),
]
SetOpt = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help=f"Change a recipe key; repeat for several. model.architecture is {' or '.join(architecture_names())}.",
    ),
]
ValOpt = Annotated[
    str | None,
    typer.Option("--val", metavar="DATA", help="Validation images; else a tenth of DATA, held out by seed."),
]
EpochsOpt = Annotated[int | None, typer.Option(metavar="N", help="training.epochs of the recipe.", show_default=False)]
BatchSizeOpt = Annotated[
    int | None, typer.Option(metavar="N", help="training.batch_size of the recipe.", show_default=False)
]
LrOpt = Annotated[float | None, typer.Option(metavar="RATE", help="optimizer.lr of the recipe.", show_default=False)]
SeedOpt = Annotated[int | None, typer.Option(metavar="N", help="training.seed of the recipe.", show_default=False)]
PrecisionOpt = Annotated[
    str | None,
    typer.Option(
        metavar="PRECISION", help="training.precision: 32-true, bf16-mixed, 16-mixed, 64-true.", show_default=False
    ),
]
LimitOpt = Annotated[
    int | None,
    typer.Option(
        metavar="N", help="training.limit_per_class: train on N labeled images of each class.", show_default=False
    ),
]
InitOpt = Annotated[
    Path | None,
    typer.Option(
        "--init-from",
        metavar="CKPT",
        help="Start from the weights of this model; a classifier takes an autoencoder's encoder, and resnet takes "
        "torchvision's, as a .safetensors file.",
    ),
]
FreezeOpt = Annotated[
    bool, typer.Option("--freeze-encoder", help="training.freeze_encoder: a classifier learns its last layer only.")
]
ResumeOpt = Annotated[bool, typer.Option("--resume", help="Go on with the interrupted run in DIR.")]
OverwriteOpt = Annotated[bool, typer.Option("--overwrite", help="Replace the run in DIR.")]
SkipOpt = Annotated[bool, typer.Option("--skip-damaged", help="Train without the pictures that cannot be read.")]
AcceleratorOpt = Annotated[str, typer.Option(metavar="NAME", help="Lightning's: auto, cpu, gpu, cuda, mps.")]
StrategyOpt = Annotated[
    str,
    typer.Option(metavar="NAME", help="Lightning's, for several devices: auto, ddp, ddp_find_unused_parameters_true."),
]
LoggerOpt = Annotated[
    str, typer.Option("--logger", metavar="NAMES", help="Comma-separated: csv (always kept), tensorboard, wandb.")
]


def train(
    data: DataArg,
    output: RunOpt,
    data_options: DataOptions,
    console: Console,
    recipe: RecipeOpt = None,
    settings: SetOpt = None,
    val: ValOpt = None,
    epochs: EpochsOpt = None,
    batch_size: BatchSizeOpt = None,
    lr: LrOpt = None,
    seed: SeedOpt = None,
    precision: PrecisionOpt = None,
    limit_per_class: LimitOpt = None,
    init_from: InitOpt = None,
    freeze_encoder: FreezeOpt = False,
    resume: ResumeOpt = False,
    overwrite: OverwriteOpt = False,
    skip_damaged: SkipOpt = False,
    accelerator: AcceleratorOpt = "auto",
    devices: DevicesOpt = 1,
    num_nodes: NodesOpt = 1,
    strategy: StrategyOpt = "auto",
    logger: LoggerOpt = "csv",
) -> None:
    """Train an autoencoder or a classifier on images; write a run folder with the model, its recipe, losses, plots."""
    from aecli.checkpoint import Checkpoint, resolve_checkpoint
    from aecli.checkpoint.run_folder import RunFolder
    from aecli.data import resolve
    from aecli.runtime.processes import find_processes

    processes = find_processes(devices, num_nodes, strategy)
    is_first = processes.this_one().is_first
    console = console if is_first else replace(console, quiet=True, json=False)
    folder = RunFolder(output)
    start_ref = resolve_checkpoint(init_from) if init_from else None
    data_ref, val_ref = resolve(data), resolve(val) if val else None
    inputs = [start_ref.file] if start_ref else []
    inputs += [Path(recipe)] if recipe and recipe not in recipe_names() else []
    inputs += [ref.path for ref in (data_ref, val_ref) if ref and ref.path]
    flags = {
        "training.epochs": epochs,
        "training.batch_size": batch_size,
        "optimizer.lr": lr,
        "training.seed": seed,
        "training.precision": precision,
        "training.limit_per_class": limit_per_class,
        "training.freeze_encoder": freeze_encoder or None,
    }
    given = {key: value for key, value in flags.items() if value is not None}
    wanted = load_recipe(recipe or (str(folder.recipe) if resume and folder.recipe.exists() else "conv"))
    wanted = wanted.with_settings(parse_settings(settings or [])).with_settings(given, "command line")

    if wanted.training.freeze_encoder and not (init_from or resume):
        raise UsageError("a frozen encoder stays as random as it starts", hint="start from a model: --init-from CKPT")

    from aecli.training.pretrained import load_start
    from aecli.training.resolution import resolve_recipe
    from aecli.training.subsets import load_subsets

    with folder.claimed() if is_first else nullcontext():
        if is_first:
            folder.require_startable(resume=resume, overwrite=overwrite, inputs=inputs)
        start = load_start(start_ref.file) if start_ref else None
        with console.progress() as progress:
            images, validation = load_subsets(data_ref, val_ref, wanted, data_options, skip_damaged, progress)
        if is_first:
            console.report_notes(
                images.images.notes + validation.images.notes, images.images.failures + validation.images.failures
            )
        resolved = resolve_recipe(wanted, images, start if isinstance(start, Checkpoint) else None)

        from aecli.cli.training_progress import TrainingProgress
        from aecli.runtime.optional_packages import require_lightning

        require_lightning()
        from aecli.training.fit import train as fit
        from aecli.training.loggers import close_loggers, make_loggers

        loggers = make_loggers(logger.split(","), folder) if is_first else []
        with TrainingProgress(console, images, validation) as listener:
            trained = fit(
                resolved,
                images,
                validation,
                folder,
                resume=resume,
                init_from=start,
                accelerator=accelerator,
                processes=processes,
                strategy=strategy,
                loggers=loggers,
                listener=listener if is_first else None,
            )
        if trained is None:
            return
        close_loggers(loggers)

        from aecli.plots import confusion, loss, reconstructions

        loss.draw(trained.history, folder.loss_plot)
        if trained.preview:
            reconstructions.draw(trained.preview, folder.reconstructions)
        if trained.confusion is not None:
            confusion.draw(trained.confusion, trained.checkpoint.header.class_names, folder.confusion)

    summary = trained.checkpoint.header.training
    console.saved(
        folder.model,
        f"{trained.checkpoint.header.parameters:,} parameters, "
        f"code {'x'.join(map(str, trained.checkpoint.header.code_shape))}, "
        f"best epoch {summary.best_epoch} of {summary.epochs}, validation loss {summary.val_loss:.4f}"
        + ("" if summary.val_accuracy is None else f", accuracy {summary.val_accuracy:.4f}"),
        {"run": str(folder.path), "fingerprint": trained.checkpoint.fingerprint}
        | trained.checkpoint.header.summary()
        | {"seconds": listener.seconds, "images_per_second": listener.images_per_second},
    )
