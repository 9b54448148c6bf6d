"""`aecli detect`."""

import time
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aecli.cli.command import examples
from aecli.cli.console import Console, counted
from aecli.cli.options import DeviceOpt, ModelOpt
from aecli.errors import ExitStatus, InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aecli.detection.inputs import Item
    from aecli.detection.inspection import AnomalyInspector, Detection
    from aecli.inference.model import Model
    from aecli.runtime.progress import Progress

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
        help="Picture files, folders of them, DATA words; - is a picture on standard input.",
        show_default=False,
    ),
]
FilesFromOpt = Annotated[
    Path | None,
    typer.Option("--files-from", metavar="FILE", help="List of more, one a line; - is standard input, as it comes."),
]
NullOpt = Annotated[
    bool, typer.Option("--null", "-0", help="Names in the list end in a null character, as find -print0 writes them.")
]
DetectorOpt = Annotated[
    Path | None,
    typer.Option(
        "--detector",
        metavar="FILE",
        help="Made by aecli calibrate; else the one beside the model in its run folder, else the residual that 1 % of "
        "validation images exceed.",
    ),
]
ThresholdOpt = Annotated[
    float | None, typer.Option("--threshold", metavar="SCORE", help="Take this threshold, not the detector's.")
]
HeatmapsOpt = Annotated[
    Path | None,
    typer.Option("--heatmaps", metavar="DIR", help="Write input, reconstruction and error of each as a PNG into DIR."),
]
FailOpt = Annotated[bool, typer.Option("--fail-on-anomaly", help="End with status 10 where an anomaly was found.")]


def detect(
    model: ModelOpt,
    console: Console,
    images: ImagesArg = None,
    files_from: FilesFromOpt = None,
    null: NullOpt = False,
    detector: DetectorOpt = None,
    threshold: ThresholdOpt = None,
    heatmaps: HeatmapsOpt = None,
    fail_on_anomaly: FailOpt = False,
    device: DeviceOpt = "auto",
) -> None:
    """Score pictures and say which are anomalies, one line each: path, score, threshold, verdict, probability."""
    from aecli import inference
    from aecli.checkpoint import resolve_model
    from aecli.detection.detector import detector_for, require_threshold
    from aecli.detection.inspection import AnomalyInspector
    from aecli.storage.paths import require_folder

    if not images and files_from is None:
        raise UsageError("no images", hint="name files or folders, or --files-from a list")
    if null and files_from is None:
        raise UsageError("--null says how the list of --files-from is separated", hint="add --files-from -")
    if images and "-" in images and files_from == Path("-"):
        raise UsageError("standard input cannot be both a picture and a list", hint="name a file for one of them")
    require_threshold(threshold)

    ref = resolve_model(model)
    loaded = inference.load(ref, device=device)
    chosen = detector_for(loaded, ref.path, detector)
    if threshold is not None:
        chosen = chosen.with_threshold(threshold)
    inspection = AnomalyInspector(loaded, chosen)
    if heatmaps:
        require_folder(heatmaps)
    console.report_notes(loaded.notes)

    started = time.monotonic()
    with console.progress() as progress:
        chunks = _chunks(images or [], files_from, null, loaded, inspection.chunk_size, progress)
        _tell(inspection, chunks, console, heatmaps)
    seconds = time.monotonic() - started

    console.report_notes(inspection.notes())
    if not inspection.judged:
        failed = inspection.failed
        raise InputError(f"no picture could be judged of {failed:,}" if failed else "the list is empty")
    header, rate = chosen.header, inspection.judged / max(seconds, 1e-9)
    console.summary(
        f"{counted(inspection.judged, 'picture')}, {counted(inspection.anomalies, 'anomaly', 'anomalies')} "
        f"({header.score} above {header.threshold:.6g}), {rate:,.0f} pictures/s",
        {"images": inspection.judged, "anomalies": inspection.anomalies, "failed": inspection.failed}
        | {"score": header.score, "threshold": header.threshold, "images_per_second": round(rate, 1)},
    )
    if fail_on_anomaly and inspection.anomalies:
        raise typer.Exit(ExitStatus.ANOMALY)
    if inspection.failed:
        raise typer.Exit(ExitStatus.PARTIAL)


def _chunks(
    names: list[str], files_from: Path | None, null: bool, model: "Model", most: int, progress: "Progress"
) -> "Iterator[list[Item]]":
    """Yield the pictures in lists; tell the progress where it is known how many there are."""
    from aecli.detection.inputs import as_they_come, chunked, items_of, names_from
    from aecli.storage.paths import is_stream

    separator = b"\0" if null else b"\n"
    listed = names_from(files_from, separator=separator) if files_from else iter(())
    items = items_of(chain(names, listed), model.image_shape)
    if files_from and (is_stream(files_from) or files_from.is_fifo()):
        yield from as_they_come(items, most)
        return
    known = list(items)
    for start, chunk in enumerate(chunked(known, most)):
        yield chunk
        progress("judging", min((start + 1) * most, len(known)), len(known))


def _tell(
    inspection: "AnomalyInspector", chunks: "Iterator[list[Item]]", console: Console, heatmaps: Path | None
) -> None:
    from aecli.data.image_set import Failure

    lines = console.lines(COLUMNS)
    drawn = None
    if heatmaps:
        from aecli.plots.heatmap import Heatmaps

        drawn = Heatmaps(heatmaps)
    for found in inspection.judge(chunks):
        rows: list[tuple[list[str] | None, dict[str, Any]]] = []
        if drawn:
            drawn.require_apart(each for each in found if not isinstance(each, Failure))
        for each in found:
            if isinstance(each, Failure):
                console.report_notes((), [each])
                rows.append((None, {"path": each.name, "error": each.reason}))
                continue
            document = each.to_dict()
            if drawn:
                document["heatmap"] = str(drawn.draw(each))
            rows.append((_cells(each), document))
        lines.show(rows)


def _cells(finding: "Detection") -> list[str]:
    probability = "" if finding.probability is None else f"{finding.probability:.4f}"
    return [finding.path, f"{finding.score:.6g}", f"{finding.threshold:.6g}", finding.verdict, probability]
