"""`aecli.calibrate`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from aecli.api.errors import python_errors, warn_all
from aecli.api.images import DataLike, in_memory, load_model
from aecli.api.progress import ProgressLike, open_progress
from aecli.data import DataOptions, DataRef, ImageSet
from aecli.detection.options import CalibrationOptions
from aecli.detection.reductions import DEFAULT_REDUCTION
from aecli.detection.tile_options import TileOptions
from aecli.workflows.calibration import CalibrationResult, resolve_kind, run_calibration

if TYPE_CHECKING:
    from aecli.inference.model import Model

Kind = Literal["normal", "anomalous"]
KINDS: tuple[Kind, Kind] = ("normal", "anomalous")


def calibrate(
    model: "Model | str | Path",
    normal: "DataLike",
    anomalous: "DataLike | None" = None,
    *,
    masks: str | Path | None = None,
    score: str | None = None,
    map_reduction: str = DEFAULT_REDUCTION,
    quantile: float | None = None,
    seed: int = 0,
    tile: int | None = None,
    overlap: int | None = None,
    options: DataOptions | None = None,
    device: str = "auto",
    progress: "ProgressLike" = None,
) -> CalibrationResult:
    """Choose an anomaly score and its threshold on one half of the images, and evaluate both on the other half.

    At least 5 images are needed. Of fewer than 40 normal images, all are fitted on, and each is scored with the
    statistics of the others. `detector.header.basis` tells what the threshold rests on.

        calibration = aecli.calibrate("run", "bottle/test/good", "bottle/test/broken")
        calibration.threshold, calibration.reports[0].auroc
        calibration.save("run")                                 # aecli.detect and aecli detect use it from now on

    Args:
        model: A model that `aecli.load` returned, or the path of a run folder, `model.safetensors` or `model.onnx`.
        normal: Normal images, preferably images that the model was not trained on: a DATA word or path as of
            `aecli.load_images`, the result of `aecli.load_images`, or whatever `model.encode` takes. Of a whole set
            with normal training images, such as one of MVTec AD, the normal test images are used.
        anomalous: Anomalous images of the same kinds, if you have any. Of a whole set, the anomalous test images.
        masks: A folder of masks of the anomalous images, to measure the scores' maps by: at the same paths, with
            any suffix; a name may end in `_mask`, `_gt` or `_label`. All pixels that are not zero are defects, or of a
            JPEG file those brighter than half. Default: the masks of the anomalous images' set, such as those of MVTec
            AD.
        score: `combined`, `knn`, `local`, `mahalanobis`, `mse`, `patch`, `pooled`, `position`, `residual` or `ssim`,
            as far as it applies to the model. Default: `combined`, or `position` of a model of features; with
            anomalous images the score with the largest AUROC on one half of them.
        map_reduction: How a score of maps becomes one number for each image: `max`, `mean`, or a quantile such as
            `0.99`.
        quantile: Fraction of normal images below the threshold, between 0 and 1. Default: 0.99, or with anomalous
            images the threshold of a logistic regression.
        seed: Random seed for splitting the images into halves, and for the bootstrap of the confidence intervals.
        tile: Cut image files in their own size into square tiles of this many pixels; 0 takes whole images. Default: as
            the model was trained. `aecli.detect` does the same then.
        overlap: Pixels by which neighboring tiles overlap; default: an eighth of `tile`.
        options: How DATA words are read.
        device: A torch device such as `cpu` or `cuda:1`, if the model is given as a path; `auto` selects a GPU if there
            is one.
        progress: None shows a bar in a notebook and on a terminal, False never; or a function that is called with
            (stage, done, total).

    Returns:
        A result with the attributes `score`, `threshold`, `reports`, `baselines`, `warnings`, `notes` and `failures`
        (images that could not be read), and the methods `save` and `plot`. `aecli.detect` takes it as `detector`.

    Raises:
        aecli.errors.InputError: an image set or the model is missing or damaged, does not fit the model, or has too few
            images.
        aecli.errors.UsageError: the score is unknown, or the quantile or seed is out of range.
        aecli.errors.UnavailableError: a data set, a package or the device is not available.
    """
    data_options = options or DataOptions()
    with python_errors(), open_progress(progress) as on_progress:
        calibration_options = CalibrationOptions(score, map_reduction, quantile, seed)
        calibration_options.check()
        loaded = load_model(model, device)
        sets = [
            None if images is None else _resolve(images, kind, loaded, data_options)
            for images, kind in zip((normal, anomalous), KINDS, strict=True)
        ]
        assert sets[0] is not None
        result = run_calibration(
            loaded,
            sets[0],
            sets[1],
            calibration_options,
            data_options,
            on_progress,
            masks=None if masks is None else Path(masks),
            tiles=TileOptions(tile, overlap),
        )
    warn_all(result.warnings)
    return result


def _resolve(images: "DataLike", kind: Kind, model: "Model", options: DataOptions) -> DataRef | ImageSet:
    if isinstance(images, str | os.PathLike):
        ref, _ = resolve_kind(os.fspath(images), kind, options)
        return ref
    return in_memory(images, model)
