"""Choose the detector of a model, ready to inspect images."""

from pathlib import Path

from aecli.detection.detector import Detector, detector_for, require_threshold
from aecli.detection.inspection import AnomalyInspector
from aecli.detection.small_samples import small_sample_warning
from aecli.inference.model import Model


def open_inspector(
    model: Model, detector: Detector | Path | None = None, threshold: float | None = None
) -> tuple[AnomalyInspector, list[str]]:
    """Return an inspector of images, and warnings about its threshold.

    Args:
        model: A loaded autoencoder.
        detector: A detector, or its file. None selects the one in the model's run folder; or without it, the residual
            with the 99% quantile of the validation images as threshold.
        threshold: The score above which an image is an anomaly, instead of the detector's threshold.

    Raises:
        InputError: the detector is missing, damaged, or was made for another model.
        UsageError: the threshold is not finite.
    """
    require_threshold(threshold)
    chosen = detector_for(model, detector)
    if threshold is not None:
        return AnomalyInspector(model, chosen.with_threshold(threshold)), []
    warning = small_sample_warning(chosen.header)
    return AnomalyInspector(model, chosen), [warning] if warning else []
