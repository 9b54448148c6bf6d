"""`aecli detect`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aecli.cli.command import examples
from aecli.cli.console import Console
from aecli.cli.options import DeviceOpt, ModelOpt
from aecli.data.options import PAGES_HELP, DataOptions, Pages
from aecli.errors import ExitStatus, UsageError
from aecli.runtime.counting import counted

if TYPE_CHECKING:
    from aecli.data.image_set import Failure
    from aecli.detection.inspection import Detection
    from aecli.plots.heatmap import Heatmaps

EXAMPLES = examples(
    "aecli detect image.png --model run",
    "aecli detect photos/ --model run --json --heatmaps heatmaps/",
    "find photos -name '*.jpg' -print0 | aecli detect --files-from - -0 --model run",
)
COLUMNS = ["path", "score", "threshold", "verdict", "probability"]
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
DetectorOpt = Annotated[
    Path | None,
    typer.Option(
        "--detector",
        metavar="FILE",
        help="Detector file of aecli calibrate. Default: detector.safetensors in the run folder, or without it "
        "the residual with the 99% quantile of the validation images as threshold.",
    ),
]
ThresholdOpt = Annotated[
    float | None, typer.Option("--threshold", metavar="SCORE", help="Threshold to use instead of the detector's.")
]
HeatmapsOpt = Annotated[
    Path | None,
    typer.Option(
        "--heatmaps", metavar="DIR", help="Write each image, its reconstruction and its error map as a PNG file to DIR."
    ),
]
PagesOpt = Annotated[Pages | None, typer.Option("--pages", metavar="first|all", help=PAGES_HELP)]
FailOpt = Annotated[
    bool, typer.Option("--fail-on-anomaly", help="Exit with status 10 if at least one image is an anomaly.")
]


def detect(
    model: ModelOpt,
    console: Console,
    images: ImagesArg = None,
    files_from: FilesFromOpt = None,
    null: NullOpt = False,
    detector: DetectorOpt = None,
    threshold: ThresholdOpt = None,
    heatmaps: HeatmapsOpt = None,
    pages: PagesOpt = None,
    fail_on_anomaly: FailOpt = False,
    device: DeviceOpt = "auto",
) -> None:
    """Detect anomalies among images, one line each: path, score, threshold, verdict and probability."""
    from aecli import inference
    from aecli.checkpoint import resolve_model
    from aecli.detection.detector import require_threshold
    from aecli.workflows.detection import open_inspector

    _check_inputs(images, files_from, null=null)
    require_threshold(threshold)

    loaded = inference.load(resolve_model(model), device=device)
    inspector, warnings = open_inspector(loaded, detector, threshold)
    for warning in warnings:
        console.warn(warning)
    drawn = _open_heatmaps(heatmaps)
    console.report_notes(loaded.notes)

    lines = console.lines(COLUMNS, alarming=["anomaly"])
    with console.progress() as progress:
        for results in inspector.inspect(
            images or [], files_from, null_separated=null, options=DataOptions(pages=pages), progress=progress
        ):
            lines.show(_rows(results, console, drawn))

    report = inspector.report()
    console.report_notes(report.notes)
    for warning in report.warnings:
        console.warn(warning)
    header, rate = inspector.detector.header, inspector.images_per_second
    console.summary(
        f"{counted(inspector.scored, 'image')}, {counted(inspector.anomalies, 'anomaly', 'anomalies')} "
        f"({header.score} above {header.threshold:.6g}), {rate:,.0f} images/s",
        {"images": inspector.scored, "anomalies": inspector.anomalies, "failed": inspector.failed}
        | {"score": header.score, "threshold": header.threshold, "images_per_second": round(rate, 1)},
    )
    inspector.require_scored()
    if fail_on_anomaly and inspector.anomalies:
        raise typer.Exit(ExitStatus.ANOMALY)
    if inspector.failed:
        raise typer.Exit(ExitStatus.PARTIAL)


def _check_inputs(images: list[str] | None, files_from: Path | None, *, null: bool) -> None:
    if not images and files_from is None:
        raise UsageError("no images", hint="name files or folders, or a list of files with --files-from")
    if null and files_from is None:
        raise UsageError("--null applies to the list of --files-from only", hint="add --files-from -")
    if images and "-" in images and files_from == Path("-"):
        raise UsageError("standard input cannot be both an image and a list", hint="name a file for one of them")


def _open_heatmaps(folder: Path | None) -> "Heatmaps | None":
    if folder is None:
        return None
    from aecli.plots.heatmap import Heatmaps
    from aecli.storage.paths import require_folder

    return Heatmaps(require_folder(folder))


def _rows(
    results: "Sequence[Detection | Failure]", console: Console, heatmaps: "Heatmaps | None"
) -> list[tuple[list[str] | None, dict[str, Any]]]:
    """Return the cells and the JSON document of each result; draw its heatmap, or warn that it could not be read."""
    from aecli.data.image_set import Failure

    if heatmaps:
        heatmaps.require_other_folder(result.path for result in results if not isinstance(result, Failure))
    rows: list[tuple[list[str] | None, dict[str, Any]]] = []
    for result in results:
        if isinstance(result, Failure):
            console.report_notes((), [result])
            rows.append((None, {"path": result.name, "error": result.reason}))
            continue
        document = result.to_dict()
        if heatmaps:
            document["heatmap"] = str(heatmaps.draw(result))
        rows.append((_cells(result), document))
    return rows


def _cells(detection: "Detection") -> list[str]:
    probability = "" if detection.probability is None else f"{detection.probability:.4f}"
    return [
        detection.path,
        f"{detection.score:.6g}",
        f"{detection.threshold:.6g}",
        detection.verdict,
        probability,
    ]
