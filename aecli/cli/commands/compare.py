"""`aecli compare`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aecli.cli.command import examples
from aecli.cli.console import Console
from aecli.cli.plot_options import DpiOpt, plot_option
from aecli.data.options import DataOptions
from aecli.data.shapes import shape_text
from aecli.errors import UsageError

if TYPE_CHECKING:
    from aecli.reports.compare import Measured

EXAMPLES = examples(
    "aecli compare conv denoising sparse -o comparison.png",
    "aecli compare scratch finetuned --test mnist5k:test --json",
)
COLUMNS = [
    *("run", "architecture", "parameters", "code", "epochs", "train loss", "val loss", "to target", "residual", "mse"),
    *("k-NN", "± sd", "accuracy", "AUROC", "images/s"),
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
    console: Console,
    output: PlotOpt = None,
    dpi: DpiOpt = None,
    test: TestOpt = None,
    labels: LabelsOpt = 100,
    draws: DrawsOpt = 50,
    seed: SeedOpt = 0,
) -> None:
    """Compare training runs: size, losses, reconstruction error, k-NN accuracy, accuracy, AUROC and speed."""
    from aecli.analyses.knn_probe.options import KNNProbeOptions
    from aecli.checkpoint import resolve_checkpoint
    from aecli.data import resolve
    from aecli.plots.formats import require_plot

    models = [resolve_checkpoint(run) for run in runs]
    if len({run.resolve() for run in runs}) != len(runs):
        raise UsageError("the same run is named twice")
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
        measured = measure_runs(loaded, test_ref or word, probing, data_options, progress)
    for run in measured:
        for warning in run.overlap.warnings:
            console.warn(f"{run.run.name}: {warning}")
    if output:
        from aecli.plots import comparison as plot

        plot.draw(measured, output, dpi)
        console.note(f"wrote {output}")
    document = {"test": word, "labels": labels, "draws": draws, "seed": seed}
    console.table(COLUMNS, [_cells(run) for run in measured], document | {"runs": [run.to_dict() for run in measured]})


def _cells(measured: "Measured") -> list[str]:
    run, knn = measured.run, measured.knn
    header, training = run.header, run.header.training
    deviation = knn.standard_deviation if knn else None
    return [
        run.name,
        header.architecture,
        f"{header.parameters:,}",
        shape_text(header.code_shape),
        f"{training.epochs:,}",
        f"{training.train_loss:.4f}",
        f"{training.val_loss:.4f}",
        "" if run.reached_epoch is None else f"{run.reached_epoch:,}",
        _formatted(measured.residual, ".3f"),
        _formatted(measured.mse, ".1f"),
        "" if knn is None else f"{knn.mean:.4f}",
        _formatted(deviation, ".4f"),
        "" if measured.accuracy is None else f"{measured.accuracy.value:.4f}",
        _formatted(run.auroc, ".4f"),
        f"{measured.images_per_second:,.0f}",
    ]


def _formatted(value: float | None, spec: str) -> str:
    return "" if value is None else format(value, spec)
