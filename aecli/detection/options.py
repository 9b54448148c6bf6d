"""What a person may choose about calibration."""

from dataclasses import dataclass, field
from typing import Any

from aecli.errors import UsageError


def _said(help_text: str, **how: Any) -> dict[str, Any]:
    return {"help": help_text, "rich_help_panel": "Calibration", **how}


@dataclass(frozen=True)
class CalibrationOptions:
    """How a detector is made."""

    score: str | None = field(
        default=None,
        metadata=_said(
            "residual, mse, ssim, mahalanobis, knn or combined; else combined, or with anomalous images the one that "
            "tells them best.",
            metavar="NAME",
        ),
    )
    quantile: float | None = field(
        default=None,
        metadata=_said(
            "Part of normal images that the threshold lets pass; else 0.99, or with anomalous images the threshold of "
            "a logistic regression.",
            metavar="Q",
        ),
    )
    seed: int = field(
        default=0, metadata=_said("Of the parts to fit and to measure on, and of the bootstrap.", metavar="N")
    )

    def check(self) -> None:
        """Raise UsageError where a value makes no sense."""
        from aecli.detection.scores import find_score

        if self.score is not None:
            find_score(self.score)
        if self.quantile is not None and not 0 < self.quantile < 1:
            raise UsageError(f"--quantile must be between 0 and 1, not {self.quantile}", hint="for example 0.99")
        if not 0 <= self.seed < 2**32:
            raise UsageError(f"--seed must be from 0 to {2**32 - 1}, not {self.seed}")
