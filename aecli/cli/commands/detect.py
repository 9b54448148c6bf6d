"""`aecli detect`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from aecli.cli.command import examples
from aecli.cli.options import DeviceOpt, ModelOpt
from aecli.cli.table_console import TableConsole
from aecli.data.options import PAGES_HELP, PAGES_VALUES, DataOptions, Pages
from aecli.detection.selection import ResultOptions
from aecli.detection.tile_options import TileOptions
from aecli.errors import ExitStatus, InputError, Interrupted, UsageError
from aecli.runtime.counting import counted, rate_text
from aecli.workflows.detection_options import FileOptions

if TYPE_CHECKING:
    from aecli.cli.detection_results import ResultPrinter
    from aecli.detection.inspection import AnomalyInspector

EXAMPLES = examples(
    "aecli detect image.png --model run",
    "aecli detect photos/ --model run --heatmaps heatmaps/ --report report.html",
    "aecli detect photos/ --model run --only anomalies --sort score",
    "aecli detect --watch camera/ --model run",
    "find photos -name '*.jpg' -print0 | aecli detect --files-from - -0 --model run",
)
ImagesArg = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="IMAGE...",
        help="Image files, folders of images or DATA words; - reads one image from standard input.",
        show_default=False,
    ),
]
FilesFromOpt = Annotated[
    Path | None,
    typer.Option(
        "--files-from",
        metavar="FILE",
        help="Read paths from FILE, one per line; - reads standard input as it arrives.",
    ),
]
NullOpt = Annotated[
    bool,
    typer.Option(
        "--null", "-0", help="Null characters instead of newlines separate the paths, as find -print0 writes them."
    ),
]
WatchOpt = Annotated[
    Path | None,
    typer.Option(
        "--watch",
        metavar="DIR",
        help="Score the image files in DIR and the folders below it, and then those that arrive there, until Ctrl-C or "
        "SIGTERM; the exit status is then 130 or 143. A file is read when its size and modification time have not "
        "changed for a moment, and again if its content changes later.",
    ),
]
DetectorOpt = Annotated[
    Path | None,
    typer.Option(
        "--detector",
        metavar="FILE",
        help="Detector file of aecli calibrate. Default: detector.safetensors in the run folder, or without it "
        "the default score of the model (`residual`, or `position` for a model of features) with a threshold from the "
        "validation images: their conformal 99% quantile, which is their largest score if they are fewer than 99.",
    ),
]
ThresholdOpt = Annotated[
    float | None, typer.Option("--threshold", metavar="SCORE", help="Threshold to use instead of the detector's.")
]
PagesOpt = Annotated[Pages, typer.Option("--pages", metavar=PAGES_VALUES, help=PAGES_HELP)]
FailOpt = Annotated[
    bool, typer.Option("--fail-on-anomaly", help="Exit with status 10 if at least one image is an anomaly.")
]


def detect(
    model: ModelOpt,
    results: ResultOptions,
    tiles: TileOptions,
    written: FileOptions,
    console: TableConsole,
    images: ImagesArg = None,
    files_from: FilesFromOpt = None,
    null: NullOpt = False,
    watch: WatchOpt = None,
    detector: DetectorOpt = None,
    threshold: ThresholdOpt = None,
    pages: PagesOpt = "refuse",
    fail_on_anomaly: FailOpt = False,
    device: DeviceOpt = "auto",
) -> None:
    """Detect anomalies among images, one line each: path, score, threshold, verdict and, if known, probability."""
    from aecli import inference
    from aecli.checkpoint import resolve_model
    from aecli.cli.detection_results import ResultPrinter
    from aecli.detection.detector import require_threshold
    from aecli.workflows.detection import open_inspector

    results.check()
    tiles.check()
    written.check()
    _check_inputs(images, files_from, watch, null=null)
    if watch is not None:
        _check_watch(watch, results, written.paths, fail_on_anomaly=fail_on_anomaly)
    require_threshold(threshold)

    loaded = inference.load(resolve_model(model), device=device)
    inspector, warnings = open_inspector(loaded, detector, threshold, tiles)
    files = None
    if written.paths:
        from aecli.workflows.detection_files import open_files

        files = open_files(written, loaded, inspector.detector)
    for warning in warnings:
        console.warn(warning)
    console.report_notes(loaded.notes)

    printer = ResultPrinter(console, results, inspector.detector.header, files)
    options = DataOptions(pages=pages)
    if watch is not None:
        _follow(watch, inspector, printer, options, console)
    with console.progress() as progress:
        for chunk in inspector.inspect(
            images or [], files_from, null_separated=null, options=options, progress=progress
        ):
            printer.add(chunk)
    printer.finish()
    printer.finish_files()
    _summarize(inspector, console)
    inspector.require_scored()
    printer.finish_table()
    if fail_on_anomaly and inspector.anomalies:
        raise typer.Exit(ExitStatus.ANOMALY)
    if inspector.failed:
        raise typer.Exit(ExitStatus.PARTIAL)


def _follow(
    folder: Path, inspector: "AnomalyInspector", printer: "ResultPrinter", options: DataOptions, console: TableConsole
) -> NoReturn:
    """Print the results of the images in a folder, and of those that arrive, until a signal ends the command.

    Raises:
        Interrupted: a signal arrived; the summary is printed.
        InputError: the folder cannot be read.
    """
    console.note(f"watching {folder} for images; Ctrl-C ends")
    try:
        for results in inspector.watch(folder, options):
            printer.add(results)
    except (Interrupted, InputError):  # the folder cannot be read anymore
        printer.finish_files()
        _summarize(inspector, console)
        raise
    raise AssertionError("a watch ends by an exception only")


def _summarize(inspector: "AnomalyInspector", console: TableConsole) -> None:
    report = inspector.report()
    console.report_notes(report.notes)
    for warning in report.warnings:
        console.warn(warning)
    header, rate = inspector.detector.header, inspector.images_per_second
    console.summary(
        f"{counted(inspector.scored, 'image')}, {counted(inspector.anomalies, 'anomaly', 'anomalies')} "
        f"({header.score} above {header.threshold:.6g}), {rate_text(rate)} images/s",
        {"images": inspector.scored, "anomalies": inspector.anomalies, "failed": inspector.failed}
        | {"score": header.score, "threshold": header.threshold, "images_per_second": round(rate, 3)},
    )


def _check_inputs(images: list[str] | None, files_from: Path | None, watch: Path | None, *, null: bool) -> None:
    if watch is not None and (images or files_from is not None):
        raise UsageError("--watch cannot be combined with other images", hint="leave out the images or --watch")
    if not images and files_from is None and watch is None:
        raise UsageError(
            "no images", hint="name files or folders, a list of files with --files-from, or a folder with --watch"
        )
    if null and files_from is None:
        raise UsageError("--null applies to the list of --files-from only", hint="add --files-from -")
    if images and "-" in images and files_from == Path("-"):
        raise UsageError("standard input cannot be both an image and a list", hint="name a file for one of them")


def _check_watch(folder: Path, results: ResultOptions, outputs: Sequence[Path], *, fail_on_anomaly: bool) -> None:
    """Check that a folder can be watched.

    Raises:
        UsageError: an option needs the last image, or files would be written to the watched folder.
        InputError: there is no such folder.
    """
    if results.holds_back:
        raise UsageError(
            f"--{'sort' if results.sort else 'top'} cannot be combined with --watch, which never ends",
            hint="leave it out; --only anomalies shows anomalies only",
        )
    if fail_on_anomaly:
        raise UsageError(
            "--watch ends by a signal, whose exit status --fail-on-anomaly would hide", hint="leave out one of them"
        )
    if not folder.is_dir():
        raise InputError(f"no such folder: {folder}", hint="create the folder first")
    for output in outputs:
        if output.resolve().is_relative_to(folder.resolve()):
            raise UsageError(
                f"files would be written to the watched folder: {output}", hint="name a folder outside of it"
            )
