"""Options of `aecli calibrate`; imports nothing heavy."""

from dataclasses import dataclass

from aecli.detection.reductions import DEFAULT_REDUCTION, check_reduction
from aecli.detection.scores import find_score, score_summaries
from aecli.errors import UsageError
from aecli.runtime.options import option

DEFAULT_QUANTILE = 0.99
DEFAULT_SCORE = "combined"

PANEL = "Calibration"
SCORES = "; ".join(f"{name}: {summary}" for name, summary in score_summaries().items())


@dataclass(frozen=True)
class CalibrationOptions:
    """The choice of a detector's score and threshold."""

    score: str | None = option(
        None,
        f"Anomaly score. {SCORES}. Default: {DEFAULT_SCORE}, or position of a model of features; with --anomalous the "
        "score with the largest AUROC on one half of the images.",
        panel=PANEL,
        metavar="NAME",
    )
    map_reduction: str = option(
        DEFAULT_REDUCTION,
        "How a score of maps becomes one number for each image: max, mean, or a quantile such as 0.99.",
        panel=PANEL,
        metavar="max|mean|Q",
    )
    quantile: float | None = option(
        None,
        f"Fraction of normal images below the threshold. Default: {DEFAULT_QUANTILE}, or with --anomalous the "
        "threshold of a logistic regression.",
        panel=PANEL,
        metavar="Q",
    )
    seed: int = option(
        0,
        "Random seed for splitting the images into halves to fit and to evaluate on, for what scores draw at random, "
        "and for the bootstrap.",
        panel=PANEL,
        metavar="N",
    )

    def check(self) -> None:
        """Check the values.

        Raises:
            UsageError: the score is unknown, or the quantile or the seed is out of range.
        """
        if self.score is not None:
            find_score(self.score)
        check_reduction(self.map_reduction)
        if self.quantile is not None and not 0 < self.quantile < 1:
            raise UsageError(f"--quantile must be between 0 and 1, not {self.quantile}", hint="for example 0.99")
        if not 0 <= self.seed < 2**32:
            raise UsageError(f"--seed must be from 0 to {2**32 - 1}, not {self.seed}")
