"""Plot of a calibration: scores of normal and anomalous images, threshold, ROC curve, and AUROC of each score."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from aecli.detection.calibration import Calibration
from aecli.detection.scores import find_score
from aecli.detection.separation import TPR
from aecli.plots.figure import COLORS, figure

NORMAL, ANOMALOUS = COLORS[0], COLORS[3]
BINS = 60


def draw(calibration: Calibration, path: Path, dpi: int | None = None) -> None:
    """Write a PNG file: box plot and histograms with the threshold.

    With anomalous images, it also has the ROC curve and, if there are several scores or baselines, the AUROC of each.
    """
    compared = [*calibration.reports, *calibration.baselines]
    panels = 2 if calibration.anomalous_scores is None else 3 + (len(compared) > 1)
    with figure(path, (3.6 * panels, 3.6), dpi) as canvas:
        axes = canvas.subplots(1, panels)
        _boxes(axes[0], calibration)
        _histograms(axes[1], calibration)
        if calibration.anomalous_scores is not None:
            _roc(axes[2], calibration)
        if panels > 3:
            _areas(axes[3], calibration)
        header = calibration.detector.header
        against = f" against {_shortened(header.anomalous.word)}" if header.anomalous else ""
        canvas.suptitle(
            f"{header.score}: {_shortened(header.normal.word)}{against}", fontsize="medium", parse_math=False
        )


def _boxes(axes: Axes, calibration: Calibration) -> None:
    groups = {"normal": calibration.normal_scores}
    if calibration.anomalous_scores is not None:
        groups["anomalous"] = calibration.anomalous_scores
    plot = axes.boxplot(list(groups.values()), widths=0.5, sym=".", patch_artist=True, medianprops={"color": "black"})
    for box, color in zip(plot["boxes"], (NORMAL, ANOMALOUS), strict=False):
        box.set(facecolor=color, alpha=0.6)
    axes.set_xticks(range(1, len(groups) + 1), [f"{name}\n({len(scores):,})" for name, scores in groups.items()])
    axes.axhline(calibration.detector.header.threshold, color="black", linestyle="--", linewidth=1)
    axes.set_ylabel(find_score(calibration.detector.header.score).UNIT)
    axes.set_ylim(*_score_range(calibration))
    axes.grid(visible=False, axis="x")


def _histograms(axes: Axes, calibration: Calibration) -> None:
    low, high = _score_range(calibration)
    edges = np.linspace(low, high, BINS + 1)
    for scores, name, color in (
        (calibration.normal_scores, "normal", NORMAL),
        (calibration.anomalous_scores, "anomalous", ANOMALOUS),
    ):
        if scores is not None:
            weights = np.full(len(scores), 100 / len(scores))
            axes.hist(np.clip(scores, low, high), edges.tolist(), weights=weights, color=color, alpha=0.6, label=name)
    threshold = calibration.detector.header.threshold
    axes.axvline(threshold, color="black", linestyle="--", linewidth=1, label=f"threshold {threshold:.4g}")
    axes.set(xlabel=find_score(calibration.detector.header.score).UNIT, ylabel="% of images", xlim=(low, high))
    axes.legend(fontsize="small", frameon=True, framealpha=0.8, edgecolor="none")


def _roc(axes: Axes, calibration: Calibration) -> None:
    from sklearn.metrics import roc_curve

    normal, anomalous = calibration.normal_scores, calibration.anomalous_scores
    assert anomalous is not None
    report = calibration.reports[0]
    is_anomaly = np.repeat([0, 1], [len(normal), len(anomalous)])
    fpr, tpr, _ = roc_curve(is_anomaly, np.concatenate([normal, anomalous]), drop_intermediate=False)
    axes.plot(fpr, tpr, color=COLORS[2], label=f"AUROC {report.auroc:.4f}")
    axes.plot([0, 1], [0, 1], color="gray", linewidth=1, linestyle=":")
    if report.separation is not None and report.recall is not None:
        axes.plot([1 - report.specificity.value], [report.recall.value], "o", color="black", label="at the threshold")
        axes.axhline(TPR, color="gray", linewidth=0.8, linestyle="--")
    axes.set(xlabel="false positive rate", ylabel="true positive rate", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.legend(fontsize="small", loc="lower right")


def _areas(axes: Axes, calibration: Calibration) -> None:
    """Draw the AUROC of each score and baseline with its 95% interval, the largest at the top."""
    chosen = calibration.reports[0]
    kinds = {
        f"{chosen.score}, chosen": ([chosen], COLORS[2]),
        "other scores": (calibration.reports[1:], COLORS[7]),
        "without the model": (calibration.baselines, COLORS[1]),
    }
    ranked = sorted([*calibration.reports, *calibration.baselines], key=lambda report: report.auroc)
    heights = {report.score: height for height, report in enumerate(ranked)}
    for label, (reports, color) in kinds.items():
        if not reports:
            continue
        areas = [report.separation.auroc for report in reports if report.separation is not None]
        axes.errorbar(
            [area.value for area in areas],
            [heights[report.score] for report in reports],
            xerr=[[area.value - area.low for area in areas], [area.high - area.value for area in areas]],
            fmt="o",
            color=color,
            label=label,
        )
    axes.axvline(0.5, color="gray", linewidth=1, linestyle=":")
    axes.set_yticks(list(heights.values()), list(heights))
    axes.set(xlabel="AUROC, 95% interval", xlim=(min(0.48, ranked[0].auroc - 0.05), 1.02))
    axes.grid(visible=False, axis="y")
    axes.legend(fontsize="small", loc="best", frameon=True, framealpha=0.8, edgecolor="none")


def _score_range(calibration: Calibration) -> tuple[float, float]:
    """Return the limits of the score axis, which contain the threshold and all scores except a few outliers."""
    groups = [calibration.normal_scores]
    if calibration.anomalous_scores is not None:
        groups.append(calibration.anomalous_scores)
    threshold = calibration.detector.header.threshold
    low = min(*(float(scores.min()) for scores in groups), threshold)
    high = max(*(float(np.quantile(scores, 0.995)) for scores in groups), threshold)
    margin = 0.04 * (high - low) or 0.5
    return (low - margin if low < 0 else max(0.0, low - margin)), high + margin


def _shortened(word: str) -> str:
    return word if len(word) <= 40 else f"...{word[-37:]}"
