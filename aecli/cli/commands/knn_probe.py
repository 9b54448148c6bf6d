"""`aecli knn-probe`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aecli.analyses.knn_probe.options import KNNProbeOptions
from aecli.cli.code_files import require_codes
from aecli.cli.command import examples
from aecli.cli.plot_options import DpiOpt, plot_option
from aecli.cli.table_console import TableConsole
from aecli.cli.tables import Column
from aecli.data.options import DataOptions
from aecli.errors import UsageError

if TYPE_CHECKING:
    from aecli.codes import Codes
    from aecli.data import ImageSet

EXAMPLES = examples(
    "aecli knn-probe train.npz test.npz -o probe.png",
    "aecli knn-probe train.npz test.npz --labels 10,100,1000,all --methods knn-euclidean,linear",
)
COLUMNS = [
    Column("labels"),
    Column("features"),
    Column("method"),
    Column("accuracy", format=".4f", has_interval=True),
    Column("standard_deviation", "± sd", format=".4f"),
    Column("best", words=("*", "")),
]
TrainArg = Annotated[
    Path,
    typer.Argument(
        metavar="TRAIN.npz", help="Code file whose labels are drawn; - reads standard input.", show_default=False
    ),
]
TestArg = Annotated[
    Path,
    typer.Argument(metavar="TEST.npz", help="Code file of other images, from the same model.", show_default=False),
]
PlotOpt = Annotated[Path | None, plot_option("Write a plot of accuracy against the number of labels.")]
BaselinesOpt = Annotated[
    bool,
    typer.Option(
        "--baselines/--no-baselines",
        help="Compare with the pixels of the same images, their PCA, and the codes of the untrained network.",
    ),
]


def knn_probe(
    train: TrainArg,
    test: TestArg,
    options: KNNProbeOptions,
    data_options: DataOptions,
    console: TableConsole,
    output: PlotOpt = None,
    dpi: DpiOpt = None,
    baselines: BaselinesOpt = True,
) -> None:
    """Measure how well codes separate classes when few labels are known, compared with pixels and PCA."""
    from aecli.plots.formats import require_plot
    from aecli.storage.paths import is_stream

    if is_stream(train) and is_stream(test):
        raise UsageError("only one of TRAIN and TEST can be standard input", hint="name a file for the other")
    for path, role in ((train, "file of training codes"), (test, "file of test codes")):
        require_codes(path, role)
    output = require_plot(output, dpi, inputs=[train, test])

    from aecli.codes import load_codes
    from aecli.inference.matching import images_of
    from aecli.reports.knn_probe import probe_codes, probe_warnings

    train_codes, test_codes = load_codes(train), load_codes(test)
    for warning in probe_warnings(train_codes, test_codes):
        console.warn(warning)
    with console.progress() as progress:

        def read_images() -> "list[ImageSet]":
            return [images_of(codes, data_options, progress) for codes in (train_codes, test_codes)]

        wanted = read_images if baselines else None
        probed = probe_codes(train_codes, test_codes, options, wanted, with_untrained=True, progress=progress)

    result = probed.result
    console.report_notes([*probed.notes, *result.notes])
    if output:
        from aecli.plots import knn_probe

        knn_probe.draw(result, train_codes.meta.data, test_codes.meta.data, output, dpi)
        console.note(f"wrote {output}")
    accuracies = [row.to_dict() | {"best": row is result.best(row.labels)} for row in result.accuracies]
    document = {
        "train": _source(train, train_codes),
        "test": _source(test, test_codes),
        "model": train_codes.meta.model_fingerprint,
        "dimensions": probed.dimensions,
        "labeled": result.available,
        "tested": result.tested,
        "chance": result.chance,
        "protocol": options.to_dict(),
        "notes": result.notes,
        "accuracies": accuracies,
    }
    console.table(COLUMNS, [_row(accuracy) for accuracy in accuracies], document, output)


def _source(path: Path, codes: "Codes") -> dict[str, Any]:
    return {
        "path": str(path),
        "codes": len(codes),
        "data": codes.meta.data,
        "fingerprint": codes.meta.data_fingerprint,
        "trained_images": codes.meta.trained_images,
    }


def _row(accuracy: dict[str, Any]) -> dict[str, Any]:
    low, high = accuracy["confidence_interval"] or (None, None)
    return accuracy | {"accuracy": {"value": accuracy["mean"], "low": low, "high": high}}
