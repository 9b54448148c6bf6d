"""Warn about a threshold that comes from few images: how many normal images it flags is then uncertain."""

from typing import Literal

from aecli.detection.detector import DetectorHeader
from aecli.runtime.counting import counted

FEW_IMAGES = 10
"""With fewer images of a kind, a threshold between normal and anomalous images is uncertain."""


def small_sample_warning(header: DetectorHeader) -> str | None:
    """Return a warning if the threshold of a detector comes from few images; None if it does not."""
    normal = _fit_count(header, "normal")
    if header.quantile is not None:
        # A warning from twice the requested fraction on.
        if 1 / (normal + 1) < 2 * (1 - header.quantile):
            return None
        kind = "normal image" if header.measured else "validation image"
        return f"the threshold comes from {counted(normal, kind)}: {flagged_text(normal, header.quantile)}"
    anomalous = _fit_count(header, "anomalous")
    if header.logistic is None or min(normal, anomalous) >= FEW_IMAGES:
        return None
    return (
        f"the threshold comes from {counted(normal, 'normal image')} and {counted(anomalous, 'anomalous image')}: "
        f"{_interval_text(header)}"
    )


def flagged_text(count: int, quantile: float) -> str:
    """Return how many normal images a threshold flags that is the largest of `count` scores.

    A new score of the same distribution exceeds it with probability 1 / (`count` + 1); and with 95% confidence, at most
    1 - 0.05^(1 / `count`) of all new scores do.
    """
    expected, most = 1 / (count + 1), 1 - 0.05 ** (1 / max(count, 1))
    requested = f"{100 * (1 - quantile):.3g}%"
    return f"about {expected:.0%} of new normal images may be flagged, up to {most:.0%}, instead of {requested}"


def _interval_text(header: DetectorHeader) -> str:
    try:
        specificity = header.measured["specificity"]
        low, high = 1 - float(specificity["high"]), 1 - float(specificity["low"])
    except (KeyError, TypeError, ValueError):  # the metrics are not checked when a detector is loaded
        return "the fraction of new normal images that it flags is uncertain"
    return f"{low:.0%} to {high:.0%} of new normal images may be flagged"


def _fit_count(header: DetectorHeader, kind: Literal["normal", "anomalous"]) -> int:
    """Return how many images the threshold was computed from: those that the detector was not evaluated on."""
    source = header.normal if kind == "normal" else header.anomalous
    if source is None:
        return 0
    try:
        return max(source.images - int(header.measured["images"][kind]), 0)
    except (KeyError, TypeError, ValueError):
        return source.images
