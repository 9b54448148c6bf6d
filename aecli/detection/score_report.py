"""Metrics of a fitted score on images that it was not fitted on."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aecli.analyses.intervals import Estimate, proportion_interval
from aecli.detection.detector import DetectorHeader
from aecli.detection.pixel_metrics import PixelMetrics
from aecli.detection.separation import Separation, separation
from aecli.errors import InputError
from aecli.storage.schema import FORMERLY, build

if TYPE_CHECKING:
    from aecli.detection.score_fitting import FittedScore


@dataclass(frozen=True)
class ScoreReport:
    """The metrics of a score and its threshold, with 95% confidence intervals."""

    score: str
    threshold: float
    specificity: Estimate = field(metadata={FORMERLY: "normal_right"})
    """Fraction of normal images, other than those that the threshold comes from, that are not above it."""
    recall: Estimate | None = field(metadata={FORMERLY: "anomalous_right"})
    """Fraction of the anomalous images above the threshold; None without anomalous images."""
    separation: Separation | None
    """None without anomalous images."""
    pixels: PixelMetrics | None = None
    """None without masks, and of a score that has no maps."""

    @property
    def auroc(self) -> float:
        """The area under the ROC curve; 0 without anomalous images."""
        return self.separation.auroc.value if self.separation else 0.0

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def as_lines(self) -> dict[str, str]:
        """Return each metric, formatted with its interval, by the name to show."""
        estimates: dict[str, Estimate | None] = {"specificity": self.specificity, "recall": self.recall}
        if self.separation is not None:
            estimates |= {
                "AUROC": self.separation.auroc,
                "average precision": self.separation.average_precision,
                "FPR at 95% TPR": self.separation.fpr_at_95_tpr,
                "F1-max": self.separation.f1_max,
            }
        if self.pixels is not None:
            estimates |= {
                "pixel AUROC": self.pixels.auroc,
                "AUPRO": self.pixels.aupro,
                "pixel F1-max": self.pixels.f1_max,
            }
        return {
            name: f"{estimate.value:.4f} ({estimate.low:.4f} to {estimate.high:.4f})"
            for name, estimate in estimates.items()
            if estimate is not None
        }


def metrics_of(header: DetectorHeader, path: Path | None = None) -> ScoreReport:
    """Return the metrics that a detector's file holds, which are not checked when it is loaded; errors name `path`.

    Raises:
        InputError: they are damaged.
    """
    try:
        return build(ScoreReport, header.measured)
    except ValueError as error:
        where = f"{path}: " if path else ""
        raise InputError(f"damaged detector: {where}invalid metrics: {error}", hint="calibrate it again") from error


def evaluate(fitted: "FittedScore", seed: int) -> ScoreReport:
    """Compute the metrics on the images to evaluate on; the seed is that of the bootstrap."""
    normal, anomalous, threshold = fitted.normal_scores, fitted.anomalous_scores, fitted.threshold
    return ScoreReport(
        fitted.score,
        threshold,
        fitted.specificity,
        None if anomalous is None else proportion_interval(int((anomalous > threshold).sum()), len(anomalous)),
        None if anomalous is None else separation(normal, anomalous, seed),
    )
