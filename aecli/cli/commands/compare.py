"""`aecli compare`."""

from pathlib import Path
from typing import Annotated

import typer

from aecli.cli.command import examples
from aecli.cli.options import DeviceOpt
from aecli.cli.plot_options import DpiOpt, plot_option
from aecli.cli.table_console import TableConsole
from aecli.cli.tables import Column
from aecli.data.options import DataOptions
from aecli.data.shapes import shape_text
from aecli.errors import ExitStatus, UsageError

EXAMPLES = examples(
    "aecli compare conv denoising sparse -o comparison.png",
    "aecli compare scratch finetuned --test mnist5k:test --json",
)
COLUMNS = [
    Column("run"),
    Column("architecture"),
    Column("parameters"),
    Column("code"),
    Column("epochs", key="training.epochs"),
    Column("train_loss", key="training.train_loss", format=".4f"),
    Column("val_loss", key="training.val_loss", format=".4f"),
    Column("reached_epoch", "to target"),
    Column("residual", format=".3f"),
    Column("mse", "MSE", format=".1f"),
    Column("knn_accuracy", "k-NN", key="knn.mean", format=".4f"),
    Column("knn_standard_deviation", "± sd", key="knn.standard_deviation", format=".4f"),
    Column("accuracy", format=".4f", has_interval=True),
    Column("auroc", "AUROC", format=".4f"),
    Column("images_per_second", "images/s", format=",.0f"),
]
RunsArg = Annotated[list[Path], typer.Argument(metavar="RUN...", help="Two or more run folders.", show_default=False)]
PlotOpt = Annotated[Path | None, plot_option("Write a plot of loss curves and of the other metrics.")]
TestOpt = Annotated[
    str | None,
    typer.Option("--test", metavar="DATA", help="Test images; default: the test split of the training images."),
]
LabelsOpt = Annotated[int, typer.Option("--labels", metavar="N", help="Labeled training images for k-NN on the codes.")]
DrawsOpt = Annotated[int, typer.Option("--draws", metavar="N", help="Random draws of these labels.")]
SeedOpt = Annotated[int, typer.Option("--seed", metavar="N", help="Random seed for the draws.")]


def compare(
    runs: RunsArg,
    data_options: DataOptions,
    console: TableConsole,
    output: PlotOpt = None,
    dpi: DpiOpt = None,
    test: TestOpt = None,
    labels: LabelsOpt = 100,
    draws: DrawsOpt = 50,
    seed: SeedOpt = 0,
    device: DeviceOpt = "auto",
) -> None:
    """Compare training runs: size, losses, reconstruction error, k-NN accuracy, accuracy, AUROC and speed."""
    from aecli.analyses.knn_probe.options import KNNProbeOptions
    from aecli.checkpoint import resolve_checkpoint
    from aecli.data import resolve
    from aecli.plots.formats import require_plot

    models = [resolve_checkpoint(run) for run in runs]
    if len({run.resolve() for run in runs}) != len(runs):
        raise UsageError("the same run is named twice", hint="name different run folders")
    probing = KNNProbeOptions(labels=str(labels), draws=draws, seed=seed, methods="knn-euclidean")
    test_ref = resolve(test) if test else None
    output = require_plot(output, dpi, inputs=[model.file for model in models])

    from aecli.reports.compare import common_test_word, measure_runs, read_runs

    loaded = read_runs(models)
    word = test or common_test_word(loaded)
    if word is None:
        console.note(
            "note: the runs' training images have no common test split: each run is measured on its validation "
            "images, without k-NN; choose images with --test"
        )
    with console.progress() as progress:
        measured = measure_runs(loaded, test_ref or word, probing, data_options, progress, device)
    console.report_notes(
        [note for run in measured for note in run.notes], [each for run in measured for each in run.failures]
    )
    for run in measured:
        for warning in run.warnings:
            console.warn(f"{run.run.name}: {warning}")
    if output:
        from aecli.plots import comparison as plot

        plot.draw(measured, output, dpi, images=word)
        console.note(f"wrote {output}")
    document = {"test": word, "labels": labels, "draws": draws, "seed": seed}
    documents = [run.to_dict() for run in measured]
    rows = [each | {"code": shape_text(each["code_shape"])} for each in documents]
    console.table(COLUMNS, rows, document | {"runs": documents}, output)
    if any(run.failures for run in measured):
        raise typer.Exit(ExitStatus.PARTIAL)
