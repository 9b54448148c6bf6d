"""The detector of the run: metrics, scores, ROC curve, and images of each kind of error."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from aecli.detection.scores import find_score
from aecli.detection.separation import TPR
from aecli.pages import charts
from aecli.pages.blocks import facts, paragraph, table
from aecli.pages.charts import Axis, Series
from aecli.pages.run.examples import detections
from aecli.pages.run.section import Section
from aecli.plots.color_scale import color_scale
from aecli.reports.run.detection import DetectorScores, ErrorKind, MeasuredDetector


def detector_section(measured: MeasuredDetector) -> Section:
    """Return all that is known of the detector."""
    header = measured.detector.header
    values = {
        "Score": f"{header.score}, {find_score(header.score).SUMMARY}",
        "Threshold": f"{header.threshold:.6g}, from {measured.basis}",
        "Normal images": f"{header.normal.images:,} of {header.normal.word}",
    }
    if header.anomalous is not None:
        values["Anomalous images"] = f"{header.anomalous.images:,} of {header.anomalous.word}"
    lines = measured.metrics.as_lines()
    rows = [[name, *value.rstrip(")").split(" (")] for name, value in lines.items()]
    body = [
        facts(values),
        *(paragraph(f"{note[:1].upper()}{note[1:]}.", "caution") for note in measured.notes),
        paragraph("On images that the detector was not fitted on, as calibrate measured it:"),
        table(["metric", "value", "95% interval"], rows),
    ]
    if measured.scores is not None:
        body += _scores(measured, measured.scores)
    return Section("detector", "Detector", body)


def _scores(measured: MeasuredDetector, scores: DetectorScores) -> Iterator[str]:
    header = measured.detector.header
    groups: dict[str, NDArray[np.float32]] = {"normal": scores.normal}
    if len(scores.anomalous):
        groups["anomalous"] = scores.anomalous
    unit = find_score(header.score).UNIT
    yield f"<h3>Scores of {scores.description}</h3>"
    yield '<div class="gallery wide">'
    yield charts.histogram(groups, unit, "distribution of the scores", ("threshold", header.threshold))
    if len(scores.anomalous):
        yield _roc(scores, header.threshold)
    yield "</div>"
    scale = color_scale(measured.detector)
    kinds = {"All normal images, above the threshold": scores.false_alarms}
    if scores.missed is not None:
        kinds["All anomalous images, not above the threshold"] = scores.missed
    for title, errors in kinds.items():
        yield f"<h3>{title}: {_count(errors)}</h3>"
        if errors.count:
            yield detections(errors.examples, scale)


def _count(errors: ErrorKind) -> str:
    return f"{errors.count:,} of {errors.total:,}"


def _roc(scores: DetectorScores, threshold: float) -> str:
    fpr, tpr = roc_curve(scores.normal, scores.anomalous)
    at = float((scores.normal > threshold).mean()), float((scores.anomalous > threshold).mean())
    series = [
        Series(
            f"ROC curve, AUROC {scores.auroc:.4f}" if scores.is_held_out else "ROC curve",
            fpr.tolist(),
            tpr.tolist(),
            color=2,
        ),
        Series("at the threshold", [at[0]], [at[1]], is_line=False, color=1),
    ]
    x, y = Axis("false positive rate", -0.01, 1.01), Axis("true positive rate", -0.01, 1.02)
    return charts.line_chart(series, x, y, "true positive rate against false positive rate", {f"{TPR:.0%}": TPR})


def roc_curve(
    normal: NDArray[np.float32], anomalous: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the corners of the ROC curve: false and true positive rates, (K,), from no image above to all."""
    from sklearn.metrics import roc_curve as corners

    is_anomaly = np.repeat([0, 1], [len(normal), len(anomalous)])
    fpr, tpr, _ = corners(is_anomaly, np.concatenate([normal, anomalous]))
    return fpr, tpr
