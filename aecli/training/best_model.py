"""The checkpoint of a run: the best epoch's weights, and what is measured on them."""

import math
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from aecli.checkpoint import CheckpointHeader, Quantiles, TrainingSummary, save_checkpoint
from aecli.codes.quantizer import fit_quantizers
from aecli.data import occurring_classes
from aecli.inference.torch_backend import encode_indices
from aecli.models.autoencoder import Autoencoder
from aecli.runtime.sampling import evenly_spread
from aecli.training.callbacks import History
from aecli.training.initial_model import random_model
from aecli.training.request import TrainingRequest
from aecli.training.subsets import Subset
from aecli.training.summaries import QUANTIZER_IMAGES, QUANTIZER_VALUES, model_fields, quantiles_of


def save_best_model(request: TrainingRequest, history: History) -> None:
    """Write the weights of the epoch with the smallest validation loss to the run folder's checkpoint."""
    recipe, images, validation, best = request.recipe, request.images, request.validation, history.best
    assert best is not None
    model = random_model(recipe, len(images.images.class_names))
    model.load_state_dict(history.best_weights)
    model.to(next(iter(history.best_weights.values())).device)
    mse, quantiles, quantizers = None, Quantiles([], []), []
    class_names = images.images.class_names
    if isinstance(model, Autoencoder):
        _, residuals = encode_indices(model.eval(), validation.images.images, validation.indices)
        mse = float(np.square(residuals, dtype=np.float64).mean() / np.prod(model.image_shape))
        quantiles = quantiles_of(validation.largest_per_image(residuals))
        quantizers = fit_quantizers(_sample_codes(model, images))
        class_names = occurring_classes(images.images)
    header = CheckpointHeader(
        **model_fields(model, recipe),
        parameters=model.parameter_count(),
        data=images.source,
        validation=validation.source,
        training=TrainingSummary(
            epochs=len(history.epochs),
            best_epoch=best.epoch,
            train_loss=best.train_loss,
            val_loss=best.val_loss,
            val_mse=mse,
            val_accuracy=best.val_accuracy,
            references=history.references,
        ),
        residual_quantiles=quantiles,
        quantizers=quantizers,
        class_names=list(class_names),
        native_shape=images.images.native_shape,
        versions={name: version(name) for name in ("aecli", "torch", "pytorch-lightning")},
    )
    save_checkpoint(model, header, request.folder.model, request.trained_images)


def _sample_codes(model: Autoencoder, images: Subset) -> NDArray[np.float32]:
    """Return the codes of images that are spread evenly over the set."""
    count = min(QUANTIZER_IMAGES, max(1, QUANTIZER_VALUES // math.prod(model.code_shape)))
    spread = evenly_spread(len(images), count)
    return encode_indices(model, images.images.images, images.indices[spread])[0]
