"""Describe what a threshold rests on, and how uncertain it is if that is little."""

from typing import Literal

from aecli.detection.detector import DetectorHeader
from aecli.detection.score_report import metrics_of
from aecli.errors import InputError
from aecli.runtime.counting import counted

FEW_IMAGES = 10
"""With fewer images of a kind, a threshold between normal and anomalous images is uncertain."""
METHODS = {"leave-one-out": ", each scored with the statistics of the others"}
"""What to add to the number of images."""


def small_sample_warning(header: DetectorHeader) -> str | None:
    """Return a warning if the threshold of a detector comes from few images; None if it does not."""
    uncertainty = _uncertainty(header)
    return uncertainty and f"the threshold comes from {_images_text(header)}: {uncertainty}"


def basis_text(header: DetectorHeader) -> str:
    """Return how many images the threshold of a detector comes from, and what follows from it if they are few."""
    uncertainty = _uncertainty(header)
    return _images_text(header) + (f": {uncertainty}" if uncertainty else "")


def flagged_text(count: int, quantile: float) -> str:
    """Return how many normal images a threshold flags that is the largest of `count` scores.

    A new score of the same distribution exceeds it with probability 1 / (`count` + 1); and with 95% confidence, at most
    1 - 0.05^(1 / `count`) of all new scores do.
    """
    expected, most = 1 / (count + 1), 1 - 0.05 ** (1 / max(count, 1))
    requested = f"{100 * (1 - quantile):.3g}%"
    return f"about {expected:.0%} of new normal images may be flagged, up to {most:.0%}, instead of {requested}"


def _uncertainty(header: DetectorHeader) -> str | None:
    """Return how many normal images may be flagged if the threshold comes from few images; None if it does not."""
    normal, anomalous = _count(header, "normal"), _count(header, "anomalous")
    if header.quantile is not None:
        # A warning from twice the requested fraction on.
        is_enough = 1 / (normal + 1) < 2 * (1 - header.quantile)
        return None if is_enough else flagged_text(normal, header.quantile)
    if header.logistic is None or min(normal, anomalous) >= FEW_IMAGES:
        return None
    return _interval_text(header)


def _images_text(header: DetectorHeader) -> str:
    kind = "normal image" if header.measured else "validation image"
    text = counted(_count(header, "normal"), kind)
    if header.quantile is None and header.logistic is not None:
        text += f" and {counted(_count(header, 'anomalous'), 'anomalous image')}"
    return text + (METHODS.get(header.basis.method, "") if header.basis else "")


def _interval_text(header: DetectorHeader) -> str:
    try:
        specificity = metrics_of(header).specificity
    except InputError:
        return "the fraction of new normal images that it flags is uncertain"
    return f"{1 - specificity.high:.0%} to {1 - specificity.low:.0%} of new normal images may be flagged"


def _count(header: DetectorHeader, kind: Literal["normal", "anomalous"]) -> int:
    """Return how many images the threshold was computed from.

    Detectors that do not record it were fitted on the images that they were not evaluated on.
    """
    if header.basis is not None:
        return header.basis.normal if kind == "normal" else header.basis.anomalous
    source = header.normal if kind == "normal" else header.anomalous
    if source is None:
        return 0
    try:
        return max(source.images - int(header.measured["images"][kind]), 0)
    except (KeyError, TypeError, ValueError):
        return source.images
