"""Fit a model of features: without gradients, in one pass over the images."""

import math
import sys
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from aecli.checkpoint import Checkpoint, CheckpointHeader, TrainingSummary, load_checkpoint, save_checkpoint
from aecli.checkpoint.run_folder import EpochMetrics
from aecli.checkpoint.trained_images import TrainedImages
from aecli.codes.quantizer import fit_quantizers
from aecli.data import occurring_classes
from aecli.detection.detector import default_detector
from aecli.detection.normal_maps import summarize_maps
from aecli.detection.normal_statistics import DEFAULT_SCORE, default_scores, fit_normal_statistics
from aecli.detection.reductions import DEFAULT_REDUCTION
from aecli.detection.small_samples import small_sample_warning
from aecli.detection.stitching import scores_of_images
from aecli.errors import InputError, UsageError
from aecli.inference.torch_backend import encode_indices, find_device
from aecli.models.feature_model import FeatureModel
from aecli.runtime.allocator import keep_freed_memory, return_freed_memory
from aecli.runtime.sampling import evenly_spread
from aecli.training.components import fit_components
from aecli.training.initial_model import feature_model
from aecli.training.pretrained import load_backbone
from aecli.training.request import Hardware, TrainingRequest
from aecli.training.same_images import require_images_of
from aecli.training.subsets import Subset
from aecli.training.summaries import QUANTIZER_IMAGES, model_fields, quantiles_of
from aecli.training.trained import Trained

if TYPE_CHECKING:
    from torch import Tensor

    from aecli.workflows.training import TrainingPlan, TrainingView

FITTED_KEYS = {"training.seed", "training.validation_fraction", "training.limit_per_class"}
"""The keys outside of [model] that a model of features depends on."""


def check_features_plan(plan: "TrainingPlan") -> None:
    """Check that all settings of a training apply to a model of features.

    Raises:
        UsageError: a setting does not.
    """
    changed = [key for changes, _ in plan.recipe.changes for key in changes]
    for key in changed:
        if not key.startswith("model.") and key not in FITTED_KEYS:
            raise UsageError(
                f"{key} does not apply to a model of features, which is fitted without gradients", hint="leave it out"
            )
    if plan.processes.world_size > 1 or plan.strategy != "auto":
        raise UsageError(
            "a model of features is fitted by one process", hint="leave out --devices, --num-nodes and --strategy"
        )
    if set(plan.loggers) - {"csv"}:
        raise UsageError("a model of features has no epochs to log", hint="leave out --logger")
    if plan.keep_state:
        raise UsageError("a model of features has no training state to keep", hint="leave out --keep-state")
    if not (plan.init_from or plan.data_options.download or plan.resume):
        raise UsageError(
            "a model of features needs the weights of a pretrained network",
            hint="--init-from WEIGHTS.safetensors, or --download to fetch them",
        )


def train_features(request: TrainingRequest, hardware: Hardware, view: "TrainingView", *, download: bool) -> Trained:
    """Fit a model of features and write its run folder.

    Raises:
        InputError: the weights do not fit, the images are all alike, or they are not those of the run to resume.
        RecipeError: the run to resume has another recipe, or there is no such backbone.
        UnavailableError: a library, the device or the weights are not available, or the folder cannot be written.
    """
    folder, recipe = request.folder, request.recipe
    listening = view.listen(request.images, request.validation)
    if request.resume:
        checkpoint = load_checkpoint(folder.model)
        require_images_of(checkpoint.header, request)  # first, as the recipe depends on the images
        folder.begin(recipe, resume=True)
        return Trained(checkpoint, folder.load_metrics(), {}, None, None, False)
    keep_freed_memory()
    with view.status("loading the network"):
        model = _initial_model(request, download=download)
        model.to(find_device(_torch_name(hardware.device)))
    with listening as listener:
        listener.on_start(1, 0, len(request.images))
        fitted = fit_components(
            model, request.images, recipe.training.seed, lambda done, loss: listener.on_progress(1, done, loss)
        )
        return_freed_memory()
        metrics = _save(model, request, fitted.codes, fitted.loss)
        listener.on_epoch(metrics, True)
    del model, fitted
    return_freed_memory()
    return Trained(load_checkpoint(folder.model), [metrics], {}, None, None, True)


def threshold_warning(checkpoint: Checkpoint) -> str | None:
    """Return a warning if the threshold of `detect` without calibration rests on few validation images, or None."""
    return small_sample_warning(default_detector(checkpoint.header, checkpoint.fingerprint).header)


def _torch_name(device: str) -> str:
    """Return torch's name of a device: `gpu` is CUDA's or, on a Mac, `mps`."""
    kind, colon, number = device.partition(":")
    if kind != "gpu":
        return device
    return f"cuda{colon}{number}" if colon or torch.cuda.is_available() or sys.platform != "darwin" else "mps"


def _initial_model(request: TrainingRequest, *, download: bool) -> FeatureModel:
    """Return the model with the backbone's weights, before the components are fitted."""
    model, start = feature_model(request.recipe), request.init_from
    backbone = str(model.arguments["backbone"])
    if start is None:
        assert download
        from aecli.models.backbone import create_network

        load_backbone(model, create_network(backbone, pretrained=True).state_dict(), backbone)
    elif isinstance(start, Checkpoint):
        load_backbone(model, _backbone_of(start), str(start.path))
    else:
        load_backbone(model, start.weights, str(start.path))
    return model.eval()


def _backbone_of(start: Checkpoint) -> "dict[str, Tensor]":
    if not isinstance(start.model, FeatureModel):
        raise InputError(
            f"a model of features cannot start from {start.path}, which has architecture {start.header.architecture}",
            hint="--init-from the weights of a pretrained network",
        )
    return start.model.encoder.backbone.network.state_dict()


def _save(model: FeatureModel, request: TrainingRequest, codes: NDArray[np.float32], loss: float) -> EpochMetrics:
    """Replace the run in the folder by the checkpoint and the metrics of a fitted model."""
    recipe, images, validation = request.recipe, request.images, request.validation
    validation_codes, residuals = encode_indices(model, validation.images.images, validation.indices)
    values = math.prod(model.code_shape[1:]) * model.encoder.backbone.channels
    mse = float(np.square(residuals, dtype=np.float64).mean() / values)
    metrics = EpochMetrics(epoch=1, step=0, train_loss=loss, val_loss=mse, lr=0.0)
    header = CheckpointHeader(
        **model_fields(model, recipe),
        parameters=model.parameter_count(),
        data=images.source,
        validation=validation.source,
        training=TrainingSummary(epochs=1, best_epoch=1, train_loss=loss, val_loss=mse, val_mse=mse),
        residual_quantiles=quantiles_of(validation.largest_per_image(residuals)),
        quantizers=fit_quantizers(codes[evenly_spread(len(codes), QUANTIZER_IMAGES)]),
        class_names=list(occurring_classes(images.images)),
        native_shape=images.images.native_shape,
        default_score=DEFAULT_SCORE,
        versions={name: version(name) for name in ("aecli", "torch")},
    )
    statistics = fit_normal_statistics(header, codes, recipe.training.seed)
    scores, maps = default_scores(validation_codes, statistics)
    header = replace(
        header,
        score_quantiles=quantiles_of(_scores_of_images(scores, maps, validation)),
        normal_maps=None if maps is None else summarize_maps(maps),
    )
    trained_images = TrainedImages.of(images.images.images, images.indices)
    try:
        request.folder.begin(recipe, resume=False)  # an earlier run is kept until there is a model to replace it
        save_checkpoint(model, header, request.folder.model, trained_images, statistics)
    except BaseException:
        request.folder.discard_if_empty()
        raise
    request.folder.save_metrics([metrics])
    return metrics


def _scores_of_images(
    scores: NDArray[np.float32], maps: NDArray[np.float32] | None, validation: Subset
) -> NDArray[np.float32]:
    """Return the scores of the validation images, given those of their tiles if they were cut."""
    if validation.images.tiles is None:
        return scores
    return scores_of_images(scores, maps, validation.images.tiles.take(validation.indices), DEFAULT_REDUCTION)[0]
