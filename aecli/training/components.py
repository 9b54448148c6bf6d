"""Fit a model of features without gradients, reading every image once: standardization and principal components."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aecli.errors import InputError
from aecli.inference.model import batches
from aecli.models.feature_model import FeatureModel
from aecli.runtime.torch_threads import load_follower
from aecli.training.subsets import Subset

POSITIONS = 20_000
"""Positions of the first images, in random order, on which the components are fitted."""
CODE_BYTES = 256 << 20
"""Codes that are kept, to fit the statistics of normal images to: those of the first images in random order."""
ROUNDING = 1e-6
"""A channel whose standard deviation is a smaller part of its mean is constant."""
SMALLEST_DIFFERENCE = 1e-3
"""Codes that differ less, in standard deviations of the features, are those of the same image."""


@dataclass(frozen=True)
class FittedComponents:
    """What is known of the training images after one pass over them."""

    codes: NDArray[np.float32]
    """(M, *code shape), of all images or of a random subset."""
    loss: float
    """Mean squared error of the standardized features, over all images: the fraction of the variance not explained."""


def fit_components(
    model: FeatureModel, images: Subset, seed: int, on_progress: Callable[[int, float], None] = lambda done, loss: None
) -> FittedComponents:
    """Fit the standardization and the principal components of `model` to the images, in place.

    The components are those of the first 20,000 positions of the images in random order. At most 256 MiB of codes are
    in memory. `on_progress` is called with the number of images and their loss after each batch.

    Raises:
        InputError: the features are not finite, or the images are all the same, so that nothing tells what is normal.
    """
    order = images.indices[np.random.default_rng(seed).permutation(len(images))]
    maps = _backbone_maps(model, images, order)
    first = [next(maps)]
    while sum(_positions(batch) for batch in first) < POSITIONS and (batch := next(maps, None)) is not None:
        first.append(batch)
    _fit(model, torch.cat(first))
    most = max(1, CODE_BYTES // (4 * math.prod(model.code_shape)))
    kept = np.empty((min(most, len(order)), *model.code_shape), np.float32)
    done, squared = 0, 0.0
    with torch.inference_mode():
        for batch in _joined(first, maps):
            features = model.encoder.standardize(batch)
            codes = model.encoder.projection(features)
            squared += float(model.residual(features, codes).cpu().double().square().sum()) / features[0].numel()
            if done < len(kept):
                kept[done : done + len(batch)] = codes[: len(kept) - done].cpu().numpy()
            done += len(batch)
            on_progress(done, squared / done)
    _require_variation(kept)
    return FittedComponents(kept, squared / done)


def _require_variation(codes: NDArray[np.float32]) -> None:
    """Check that the codes of the images, (N, ...), are not all the same."""
    if not (codes.max(0) - codes.min(0)).max() > SMALLEST_DIFFERENCE:
        alike = f"the {len(codes):,} training images are all the same"
        what = "there is only 1 training image" if len(codes) == 1 else alike
        raise InputError(
            f"{what}: how normal images vary cannot be measured", hint="give at least 5 different normal images"
        )


def _backbone_maps(model: FeatureModel, images: Subset, order: NDArray[np.int64]) -> Iterator[Tensor]:
    """Yield the joined maps of the images, (B, channels, h, w), batch by batch."""
    device, follower = model.mean.device, load_follower(model.mean.device.type)
    for batch in batches(len(order), model.network_shape):
        follower.update()
        with torch.inference_mode():
            pixels = torch.from_numpy(np.ascontiguousarray(images.images.images[order[batch]])).to(device)
            maps = model.encoder.backbone(model.normalize(pixels))
        yield maps  # outside the block, which would last until the next batch, in the caller too


def _joined(first: list[Tensor], rest: Iterator[Tensor]) -> Iterator[Tensor]:
    """Yield the batches of `first`, which is emptied meanwhile, and then the others."""
    while first:
        yield first.pop(0)
    yield from rest


def _positions(maps: Tensor) -> int:
    return maps.shape[0] * maps.shape[2] * maps.shape[3]


@torch.inference_mode()
def _fit(model: FeatureModel, maps: Tensor) -> None:
    """Fit the standardization and the components to maps, (N, channels, h, w)."""
    exact = maps.cpu() if maps.device.type == "mps" else maps  # mps has no float64
    rows = exact.permute(0, 2, 3, 1).flatten(0, 2).double()  # (positions, channels)
    mean, std = rows.mean(0), rows.std(0, correction=0)
    if not torch.isfinite(mean).all():
        raise InputError("the features are not finite: the weights do not belong to this backbone")
    std[std <= ROUNDING * mean.abs()] = 1  # as in scikit-learn's StandardScaler
    standardized = rows.sub_(mean).div_(std)  # in place: each copy of all positions takes 68 MB
    # numpy's eigenvectors do not depend on torch's number of threads
    _, vectors = np.linalg.eigh((standardized.T @ standardized / len(rows)).cpu().numpy())
    components = torch.from_numpy(_with_fixed_signs(vectors[:, ::-1][:, : model.code_shape[0]]).copy())  # (channels, d)
    weight = components.to(rows.device, torch.float32)[:, :, None, None]
    model.encoder.standardize.mean.copy_(mean[:, None, None])
    model.encoder.standardize.std.copy_(std[:, None, None])
    model.encoder.projection.weight.copy_(weight.transpose(0, 1))
    model.decoder.get_parameter("weight").copy_(weight)


def _with_fixed_signs(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the (D, K) vectors with signs such that the largest entry of each is positive, as scikit-learn does."""
    largest = np.abs(vectors).argmax(0)
    signed: NDArray[np.float64] = vectors * np.sign(vectors[largest, np.arange(vectors.shape[1])])
    return signed
