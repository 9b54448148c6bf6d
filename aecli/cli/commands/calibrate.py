"""`aecli calibrate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aecli.cli.command import examples
from aecli.cli.console import Console
from aecli.cli.options import DeviceOpt, ModelOpt
from aecli.data.options import DataOptions
from aecli.detection.options import CalibrationOptions
from aecli.errors import ExitStatus, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aecli.detection.calibration import Calibration
    from aecli.detection.score_report import ScoreReport

EXAMPLES = examples(
    "aecli calibrate --model run --normal mnist5k:test",
    "aecli calibrate --model run --normal mnist5k:test --anomalous letters -o detector.safetensors --plot roc.png",
)
NormalOpt = Annotated[
    str,
    typer.Option(
        "--normal",
        metavar="DATA",
        help="Normal images, preferably images that the model was not trained on.",
        show_default=False,
    ),
]
AnomalousOpt = Annotated[
    str | None,
    typer.Option("--anomalous", metavar="DATA", help="Anomalous images, if you have any."),
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
    typer.Option(
        "--plot",
        metavar="PLOT.png",
        help="Draw the scores as box plot and histograms with the threshold, and the ROC curve.",
    ),
]


def calibrate(
    model: ModelOpt,
    normal: NormalOpt,
    options: CalibrationOptions,
    data_options: DataOptions,
    console: Console,
    anomalous: AnomalousOpt = None,
    output: DetectorOpt = None,
    plot: PlotOpt = None,
    device: DeviceOpt = "auto",
) -> None:
    """Choose an anomaly score and its threshold, and evaluate both."""
    from aecli import inference
    from aecli.checkpoint import DETECTOR_FILE, resolve_model
    from aecli.data import load, resolve
    from aecli.detection.detector import save_detector
    from aecli.storage.paths import is_stream, require_output

    options.check()
    ref = resolve_model(model)
    refs = [resolve(word) for word in (normal, anomalous) if word]
    if output is None and ref.run_folder is None:
        raise UsageError("no output file, and the model is not a run folder", hint="add -o DETECTOR.safetensors")
    run_detector = model / DETECTOR_FILE
    inputs = [ref.file, *(data.path for data in refs if data.path)]
    target = require_output(output or run_detector, inputs=inputs, suffixes=[".safetensors"])
    output = target if output else run_detector  # a link is followed only if the user named it
    if plot:
        plot = require_output(plot, inputs=inputs, suffixes=[".png"])
    streams = [path for path in (output, plot) if path and is_stream(path)]
    if len(streams) > 1:
        raise UsageError("detector and plot cannot both go to standard output", hint="name a file for one of them")

    from aecli.detection.calibration import calibrate

    loaded = inference.load(ref, device=device)
    with console.progress() as progress:
        sets = [load(data, data_options, loaded.conversion, skip_damaged=True, progress=progress) for data in refs]
        calibration = calibrate(loaded, sets[0], sets[1] if anomalous else None, options, progress)
    save_detector(calibration.detector, output)

    for images in sets:
        console.report_notes([f"{images.word}: {note}" for note in images.notes], images.failures)
        for warning in images.warnings:
            console.warn(f"{images.word}: {warning}")
    for warning in calibration.warnings:
        console.warn(warning)
    if plot:
        from aecli.plots import calibration as calibration_plot

        calibration_plot.draw(calibration, plot)
        console.note(f"drew {plot}")
    header = calibration.detector.header
    console.note(
        f"{output}: {header.score}, anomalies score above {header.threshold:.6g}; fitted on "
        f"{_counts(calibration.fitted)} images, evaluated on {_counts(calibration.measured)} images"
    )
    if not streams:
        rows = [_row(report) for report in calibration.reports]
        console.table(list(rows[0]), [list(row.values()) for row in rows], _document(calibration, output))
    if any(images.failures for images in sets):
        raise typer.Exit(ExitStatus.PARTIAL)


def _counts(counts: "Mapping[str, int]") -> str:
    return " and ".join(f"{count:,} {kind}" for kind, count in counts.items() if count)


def _row(report: "ScoreReport") -> dict[str, str]:
    return {"score": report.score, "threshold": f"{report.threshold:.6g}"} | report.as_lines()


def _document(calibration: "Calibration", output: Path) -> dict[str, object]:
    from dataclasses import asdict

    return {
        "output": str(output),
        "detector": asdict(calibration.detector.header),
        "fitted": dict(calibration.fitted),
        "measured": dict(calibration.measured),
        "scores": [report.to_dict() for report in calibration.reports],
        "warnings": list(calibration.warnings),
    }
