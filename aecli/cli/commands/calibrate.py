"""`aecli calibrate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aecli.cli.command import examples
from aecli.cli.options import DeviceOpt, ModelOpt
from aecli.cli.plot_options import DpiOpt, plot_option
from aecli.cli.table_console import TableConsole
from aecli.cli.tables import Column
from aecli.data.options import DataOptions
from aecli.detection.options import CalibrationOptions
from aecli.detection.tile_options import TileOptions
from aecli.errors import ExitStatus, InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aecli.data import DataRef
    from aecli.detection.calibration import Calibration

COLUMNS = [
    Column("score"),
    Column("baseline", words=("yes", "")),
    Column("threshold"),
    *(
        Column(name, heading, key=key, format=".4f", has_interval=True)
        for name, heading, key in (
            ("specificity", "", ""),
            ("recall", "", ""),
            ("auroc", "AUROC", "separation.auroc"),
            ("average_precision", "", "separation.average_precision"),
            ("fpr_at_95_tpr", "FPR at 95% TPR", "separation.fpr_at_95_tpr"),
            ("f1_max", "F1-max", "separation.f1_max"),
            ("pixel_auroc", "pixel AUROC", "pixels.auroc"),
            ("aupro", "AUPRO", "pixels.aupro"),
            ("pixel_f1_max", "pixel F1-max", "pixels.f1_max"),
        )
    ),
]
"""Only scores of maps have metrics of pixels."""
EXAMPLES = examples(
    "aecli calibrate --model run --normal mnist5k:test",
    "aecli calibrate --model run --normal mnist5k:test --anomalous letters -o detector.safetensors --plot roc.png",
    "aecli calibrate --model run --data bottle/",
)
DataOpt = Annotated[
    str | None,
    typer.Option(
        "--data",
        metavar="DATA",
        help="A set with normal training images, whose test images are normal and anomalous, such as one of MVTec AD: "
        "the same as --normal DATA --anomalous DATA.",
    ),
]
NormalOpt = Annotated[
    str | None,
    typer.Option(
        "--normal",
        metavar="DATA",
        help="Normal images, preferably images that the model was not trained on. Of a set as for --data: its test "
        "images of the classes that it has training images of.",
    ),
]
AnomalousOpt = Annotated[
    str | None,
    typer.Option(
        "--anomalous",
        metavar="DATA",
        help="Anomalous images, if you have any. Of a set as for --data: its other test images.",
    ),
]
MasksOpt = Annotated[
    Path | None,
    typer.Option(
        "--masks",
        metavar="DIR",
        help="Folder of masks of the anomalous images, to measure the scores' maps by: at the same paths, with "
        "any suffix; a name may end in _mask, _gt or _label. All pixels that are not zero are defects, or of a JPEG "
        "file those brighter than half. Default: the masks of a set as for --data.",
    ),
]
DetectorOpt = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="DETECTOR.safetensors",
        help="Detector file to write. Default: detector.safetensors in the run folder, which aecli detect uses.",
    ),
]
PlotOpt = Annotated[
    Path | None,
    plot_option("Draw the scores as box plot and histograms with the threshold, and the ROC curve.", "--plot"),
]


def calibrate(
    model: ModelOpt,
    options: CalibrationOptions,
    tiles: TileOptions,
    data_options: DataOptions,
    console: TableConsole,
    data: DataOpt = None,
    normal: NormalOpt = None,
    anomalous: AnomalousOpt = None,
    masks: MasksOpt = None,
    output: DetectorOpt = None,
    plot: PlotOpt = None,
    dpi: DpiOpt = None,
    device: DeviceOpt = "auto",
) -> None:
    """Choose an anomaly score and its threshold, and evaluate both."""
    from aecli import inference
    from aecli.checkpoint import resolve_model
    from aecli.data.formats.aec_images import decoder_files
    from aecli.plots.formats import require_plot
    from aecli.storage.paths import is_stream, require_output
    from aecli.storage.run_files import DETECTOR_FILE

    options.check()
    tiles.check()
    model_ref = resolve_model(model)
    refs = _resolve(data, normal, anomalous, data_options, console)
    if output is None and model_ref.run_folder is None:
        raise UsageError("no output file, and the model is not a run folder", hint="add -o DETECTOR.safetensors")
    run_detector = model / DETECTOR_FILE
    inputs = [model_ref.file, *(path for ref in refs if ref for path in ref.paths), *([masks] if masks else [])]
    inputs += decoder_files()  # that of --codec
    target = require_output(output or run_detector, inputs=inputs, suffixes=[".safetensors"])
    output = target if output else run_detector  # a link is followed only if the user named it
    plot = require_plot(plot, dpi, option="--plot", inputs=inputs)
    streams = [path for path in (output, plot) if path and is_stream(path)]
    if len(streams) > 1:
        raise UsageError("detector and plot cannot both go to standard output", hint="name a file for one of them")

    from aecli.workflows.calibration import run_calibration

    loaded = inference.load(model_ref, device=device)
    with console.progress() as progress:
        result = run_calibration(loaded, *refs, options, data_options, progress, masks=masks, tiles=tiles)
    result.save(output)

    noted: set[tuple[str, str]] = set()
    for ref, images in zip(refs, result.sets, strict=False):
        assert ref
        notes = [note for note in images.notes if (ref.name, note) not in noted]  # both may be of the same folder
        noted.update((ref.name, note) for note in notes)
        console.report_notes([f"{images.word}: {note}" for note in notes], images.failures)
    for warning in result.warnings:
        console.warn(warning)
    if plot:
        result.plot(plot, dpi=dpi)
        console.note(f"drew {plot}")
    calibration = result.calibration
    console.note(
        f"{output}: {result.score}, anomalies score above {result.threshold:.6g}; fitted on "
        f"{_counts(calibration.fitted)} images, evaluated on {_counts(calibration.measured)} images"
        f"{_method(calibration)}"
    )
    rows = [report.to_dict() | {"baseline": False} for report in result.reports]
    rows += [report.to_dict() | {"baseline": True} for report in calibration.baselines]
    console.table(COLUMNS, rows, _document(calibration, output), next(iter(streams), None))
    if result.failures:
        raise typer.Exit(ExitStatus.PARTIAL)


def _resolve(
    data: str | None, normal: str | None, anomalous: str | None, options: DataOptions, console: TableConsole
) -> "tuple[DataRef, DataRef | None]":
    """Return the normal and the anomalous images.

    Raises:
        UsageError: the options exclude each other, or name no normal images.
        InputError: there is no such data, or nothing tells normal from anomalous images.
    """
    if data and (normal or anomalous):
        raise UsageError("--data cannot be combined with --normal and --anomalous", hint="leave out --data")
    if not (data or normal):
        raise UsageError("no normal images", hint="name them with --normal DATA, or a set with --data DATA")

    from aecli.workflows.calibration import resolve_kind

    normal_ref, has_chosen = resolve_kind(data or normal or "", "normal", options)
    if data and not has_chosen:
        raise InputError(
            f"nothing tells which test images of {data} are normal",
            hint=f"name them: --normal {normal_ref.name}@CLASS --anomalous {normal_ref.name}@-CLASS",
        )
    if has_chosen:
        _report_choice("normal", normal_ref, console)
    if not (data or anomalous):
        return normal_ref, None
    anomalous_ref, has_chosen = resolve_kind(data or anomalous or "", "anomalous", options)
    if has_chosen:
        _report_choice("anomalous", anomalous_ref, console)
    return normal_ref, anomalous_ref


def _report_choice(kind: str, ref: "DataRef", console: TableConsole) -> None:
    console.note(f"note: {kind} images: {ref.name}:{ref.split}@{ref.classes}")


def _counts(counts: "Mapping[str, int]") -> str:
    return " and ".join(f"{count:,} {kind}" for kind, count in counts.items() if count)


def _method(calibration: "Calibration") -> str:
    """Return how the same normal images can be both fitted and evaluated on; nothing if they are not."""
    basis = calibration.detector.header.basis
    is_one_out = basis is not None and basis.method == "leave-one-out"
    return ", each normal image with the statistics of the others" if is_one_out else ""


def _document(calibration: "Calibration", output: Path) -> dict[str, object]:
    from dataclasses import asdict

    return {
        "output": str(output),
        "detector": asdict(calibration.detector.header),
        "fitted": dict(calibration.fitted),
        "measured": dict(calibration.measured),
        "scores": [report.to_dict() for report in calibration.reports],
        "baselines": [report.to_dict() for report in calibration.baselines],
        "trained_images": dict(calibration.trained_images),
        "warnings": list(calibration.warnings),
    }
