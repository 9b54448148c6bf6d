"""Choose the detector of a model, ready to inspect images."""

from pathlib import Path

from aecli.data.tiling import Tiling
from aecli.detection.detector import Detector, detector_for, require_threshold
from aecli.detection.inspection import AnomalyInspector
from aecli.detection.small_samples import small_sample_warning
from aecli.detection.tile_options import TileOptions
from aecli.inference.model import Model

AS_CALIBRATED = TileOptions()


def open_inspector(
    model: Model,
    detector: Detector | Path | None = None,
    threshold: float | None = None,
    tiles: TileOptions = AS_CALIBRATED,
) -> tuple[AnomalyInspector, list[str]]:
    """Return an inspector of images, and warnings about its threshold.

    Args:
        model: A loaded autoencoder.
        detector: A detector, or its file. None selects the one in the model's run folder; or without it, the default
            score of the model with the conformal 99% quantile of the validation images as threshold.
        threshold: The score above which an image is an anomaly, instead of the detector's threshold.
        tiles: The tiles to cut images into, if they are not those of the detector.

    Raises:
        InputError: the detector is missing, damaged, or was made for another model.
        UsageError: the threshold is not finite, or there are no such tiles.
    """
    require_threshold(threshold)
    tiles.check()
    calibrated = detector_for(model, detector)
    tiling = tiles.chosen(calibrated.header.tiles)
    chosen = calibrated.with_tiles(tiling)
    if threshold is not None:
        return AnomalyInspector(model, chosen.with_threshold(threshold)), []
    warning = small_sample_warning(chosen.header)
    warnings = [warning] if warning else []
    if tiling != calibrated.header.tiles:
        warnings.append(
            f"the threshold is that of {_kind(calibrated.header.tiles)}, not of {_kind(tiling)}: "
            "calibrate with the same --tile and --overlap"
        )
    return AnomalyInspector(model, chosen), warnings


def _kind(tiling: Tiling | None) -> str:
    return f"images in tiles of {tiling}" if tiling else "whole images"
