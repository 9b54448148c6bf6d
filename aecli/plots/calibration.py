"""Plot of a calibration: scores of normal and anomalous images, threshold, ROC curve, and AUROC of each score."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.transforms import Transform
from numpy.typing import NDArray

from aecli.detection.calibration import Calibration
from aecli.detection.scores import find_score
from aecli.detection.separation import TPR
from aecli.plots.figure import COLORS, MAX_VECTOR_POINTS, figure

COLOR = {"normal": COLORS[0], "anomalous": COLORS[3]}
BINS = (10, 60)
"""The least and the most bins of the histograms."""
MAX_POINTS = 100
"""Up to this many images of a group, each is a point beside its box."""
SKEWED = 8
"""The axis is logarithmic where outliers reach so many times further than whiskers could."""


def draw(calibration: Calibration, path: Path, dpi: int | None = None) -> None:
    """Draw box plot and histograms with the threshold.

    With anomalous images, it also has the ROC curve and, if there are several scores or baselines, the AUROC of each.
    """
    compared = [*calibration.reports, *calibration.baselines]
    panels = 2 if calibration.anomalous_scores is None else 3 + (len(compared) > 1)
    rows = 2 if panels == 4 else 1
    columns = panels // rows
    with figure(path, (4.2 * columns, 3.7 * rows + 0.3), dpi) as drawn:
        axes = drawn.subplots(rows, columns, squeeze=False).ravel()
        _boxes(axes[0], calibration)
        _histograms(axes[1], calibration)
        if calibration.anomalous_scores is not None:
            _roc(axes[2], calibration)
        if panels > 3:
            _areas(axes[3], calibration)
        header = calibration.detector.header
        against = f" against {_shortened(header.anomalous.word)}" if header.anomalous else ""
        title = f"{header.score}: {_shortened(header.normal.word)}{against}"
        drawn.suptitle(
            title if len(title) < 22 * columns else title.replace(" against ", "\nagainst ", 1),
            fontsize="medium",
            parse_math=False,
        )


def _boxes(axes: Axes, calibration: Calibration) -> None:
    groups = _groups(calibration)
    plot = axes.boxplot(list(groups.values()), widths=0.5, sym="", patch_artist=True, medianprops={"color": "black"})
    for position, (box, (name, scores)) in enumerate(zip(plot["boxes"], groups.items(), strict=True), 1):
        box.set(facecolor=COLOR[name], alpha=0.6)
        low, high = (whisker.get_ydata()[1] for whisker in plot["whiskers"][2 * position - 2 : 2 * position])
        shown = scores if len(scores) <= MAX_POINTS else scores[(scores < low) | (scores > high)]
        across = np.random.default_rng(0).uniform(-0.12, 0.12, len(shown)) if len(scores) <= MAX_POINTS else 0
        axes.scatter(
            np.full(len(shown), position) + across, shown, s=9, color=COLOR[name], edgecolors="black", linewidths=0.4
        ).set_rasterized(len(shown) > MAX_VECTOR_POINTS)
    axes.set_xticks(range(1, len(groups) + 1), [f"{name}\n({len(scores):,})" for name, scores in groups.items()])
    axes.axhline(calibration.detector.header.threshold, color="black", linestyle="--", linewidth=1)
    axes.set_ylabel(find_score(calibration.detector.header.score).UNIT)
    _set_scale(axes.set_yscale, calibration)
    axes.set_ylim(*_score_range(axes.yaxis.get_transform(), calibration))
    axes.grid(visible=False, axis="x")


def _histograms(axes: Axes, calibration: Calibration) -> None:
    groups = _groups(calibration)
    _set_scale(axes.set_xscale, calibration)
    transform = axes.xaxis.get_transform()
    low, high = _score_range(transform, calibration)
    bins = int(np.clip(2 * min(map(len, groups.values())) ** 0.5, *BINS))
    start, end = transform.transform(np.array([low, high]))
    edges = transform.inverted().transform(np.linspace(start, end, bins + 1))
    edges[[0, -1]] = low, high  # without rounding errors
    for name, scores in groups.items():
        weights = np.full(len(scores), 100 / len(scores))
        axes.hist(scores, edges.tolist(), weights=weights, color=COLOR[name], alpha=0.6, label=name)
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
    lowest = min(report.separation.auroc.low for report in ranked if report.separation is not None)
    axes.set(xlabel="AUROC, 95% interval", xlim=(max(-0.02, min(0.48, lowest - 0.02)), 1.02))
    axes.grid(visible=False, axis="y")
    axes.legend(fontsize="small", loc="upper center", bbox_to_anchor=(0.3, -0.17), ncols=3, columnspacing=1)


def _groups(calibration: Calibration) -> dict[str, NDArray[np.float32]]:
    groups = {"normal": calibration.normal_scores}
    return groups if calibration.anomalous_scores is None else groups | {"anomalous": calibration.anomalous_scores}


def _set_scale(set_scale: Callable[..., None], calibration: Calibration) -> None:
    """Choose a logarithmic scale if outliers are so large that the other scores would lie on one line."""
    groups, threshold = _groups(calibration).values(), calibration.detector.header.threshold
    quartiles = np.array([np.quantile(scores, (0.25, 0.75)) for scores in groups], np.float64)
    spread = 1.5 * np.ptp(quartiles, axis=1)
    low, high = min(threshold, (quartiles[:, 0] - spread).min()), max(threshold, (quartiles[:, 1] + spread).max())
    values = np.concatenate([*groups, [threshold]])
    if np.ptp(values) > SKEWED * (high - low) > 0:
        if values.min() > 0:
            set_scale("log")
        else:
            set_scale("symlog", linthresh=float(max(abs(low), abs(high))))


def _score_range(transform: Transform, calibration: Calibration) -> tuple[float, float]:
    """Return the limits of the score axis, which contain the threshold and all scores, with a margin."""
    values = np.concatenate([*_groups(calibration).values(), [calibration.detector.header.threshold]])
    low, high = transform.transform(np.array([values.min(), values.max()], np.float64))
    margin = 0.04 * (high - low) or 0.04 * abs(low) or 0.5
    start, end = transform.inverted().transform(np.array([low - margin, high + margin]))
    return (float(start) if values.min() < 0 else max(0.0, float(start))), float(end)


def _shortened(word: str) -> str:
    return word if len(word) <= 40 else f"...{word[-37:]}"
