"""The last stage of training a codec: fit the prior to the codes of training images, and measure the rates."""

import math
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from aecli.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from aecli.codes.priors import CausalPrior, Prior
from aecli.codes.priors.causal import fit_causal_tables
from aecli.codes.priors.causal_network import CausalNetwork, predictions
from aecli.codes.priors.static import fit_static_prior
from aecli.codes.priors.tables import Tables
from aecli.errors import Interrupted
from aecli.inference.model import batches
from aecli.models.autoencoder import Autoencoder
from aecli.runtime.progress import Progress
from aecli.runtime.sampling import evenly_spread
from aecli.training.prior_network import train_prior_network
from aecli.training.request import TrainingRequest
from aecli.training.subsets import Subset

MOST_IMAGES = 4000
NETWORK_VALUES = 1 << 26
"""Values of the codes that the network of the causal prior is trained on: 256 MiB."""
TABLE_VALUES = 1 << 24
"""Values of codes that tables are fitted to: at each rate of a static prior, over all rates of a causal one."""
MEASURED_IMAGES = 200
"""Validation images on which the quality of each rate is measured, at most."""


def finish_codec(checkpoint: Checkpoint, request: TrainingRequest, progress: Progress) -> Checkpoint:
    """Fit the prior, measure the rates, and write both to the run's checkpoint; return the one that was written.

    Raises:
        Interrupted: a signal arrived. The training of the prior can be continued.
    """
    model = checkpoint.autoencoder
    try:
        prior = _fit(checkpoint, request, progress)
    except Interrupted as stop:
        stop.hint = f"resume with the same command and --resume; only the prior of {request.folder.path} is missing"
        raise
    psnr, least = _measure(model, request.validation)
    header = replace(checkpoint.header, rate_psnr=psnr, rate_least_psnr=least)
    save_checkpoint(model, header, request.folder.model, checkpoint.trained_images, prior=prior)
    request.folder.prior_state.unlink(missing_ok=True)
    return load_checkpoint(request.folder.model)


def _fit(checkpoint: Checkpoint, request: TrainingRequest, progress: Progress) -> Prior:
    model, recipe = checkpoint.autoencoder, request.recipe
    steps = rate_steps(model)
    if recipe.penalty.rate_prior == "static":
        codes = _codes(model, request.images, TABLE_VALUES, progress)
        return fit_static_prior([rounded(codes, each) for each in steps], by_unit=recipe.has_priors_of_units)
    codes = _codes(model, request.images, NETWORK_VALUES, progress)
    network = train_prior_network(
        codes,
        steps,
        recipe.penalty.rate_prior_steps,
        recipe.training.seed,
        request.folder.prior_state,
        checkpoint.fingerprint,
        progress,
    )
    return CausalPrior(network, _tables(network, codes, steps))


def rate_steps(model: Autoencoder) -> NDArray[np.float32]:
    """Return the steps of a codec, (rates, C)."""
    steps: NDArray[np.float32] = model.rate.log_step.detach().exp().cpu().numpy()
    return steps


def rounded(codes: NDArray[np.float32], steps: NDArray[np.float32]) -> NDArray[np.int32]:
    """Return codes, (N, C, ...), in whole multiples of the steps, (C,)."""
    whole: NDArray[np.float32] = np.rint(codes / steps.reshape(-1, *[1] * (codes.ndim - 2)))
    return whole.astype(np.int32)


@torch.inference_mode()
def _codes(model: Autoencoder, images: Subset, most_values: int, progress: Progress) -> NDArray[np.float32]:
    """Return the codes of training images, spread over the set, before rounding."""
    count = max(1, min(len(images), MOST_IMAGES, most_values // math.prod(model.code_shape)))
    indices = images.indices[evenly_spread(len(images), count)]
    codes = np.empty((count, *model.code_shape), np.float32)
    for batch in batches(count, model.image_shape):
        pixels = torch.from_numpy(np.ascontiguousarray(images.images.images[indices[batch]]))
        codes[batch] = model.encode(model.normalize(pixels)).numpy()
        progress("encoding training images", min(batch.stop, count), count)
    return codes


def _tables(network: CausalNetwork, codes: NDArray[np.float32], steps: NDArray[np.float32]) -> Tables:
    """Fit the tables of a causal prior to the codes of some images at all rates."""
    residuals, tables = [], []
    each = math.prod(codes.shape[1:])
    count = min(len(codes), max(1, TABLE_VALUES // (each * len(steps))))
    for rate, step in enumerate(steps):
        for code in rounded(codes[np.linspace(0, len(codes) - 1, count).astype(np.int64)], step):
            grid = np.moveaxis(code, 0, -1).astype(np.int64)
            base, table = predictions(network, grid, rate)
            residuals.append((grid - base).ravel().astype(np.int32))
            tables.append(table.ravel().astype(np.int16))
    return fit_causal_tables(np.concatenate(residuals), np.concatenate(tables))


@torch.inference_mode()
def _measure(model: Autoencoder, validation: Subset) -> tuple[list[float], list[float]]:
    """Return two PSNR in dB of validation images at each rate: of the mean squared error, and what 99% reach."""
    count = min(len(validation), MEASURED_IMAGES)
    indices = validation.indices[evenly_spread(len(validation), count)]
    errors = np.zeros((len(model.rate_weights), count))
    for batch in batches(count, model.image_shape):
        pixels = torch.from_numpy(np.ascontiguousarray(validation.images.images[indices[batch]]))
        codes = model.encode(model.normalize(pixels))
        for rate in range(len(errors)):
            steps = model.rate.steps(torch.full((len(pixels),), rate), codes.ndim)
            decoded = model.denormalize(model.decode(torch.round(codes / steps) * steps))
            errors[rate, batch] = (decoded.double() - pixels.double()).square().mean((1, 2, 3)).numpy()
    return _psnr(errors.mean(1)), _psnr(np.quantile(errors, 0.99, axis=1))


def _psnr(mse: NDArray[np.float64]) -> list[float]:
    return [round(float(psnr), 3) for psnr in 10 * np.log10(255**2 / np.maximum(mse, 1e-4))]
