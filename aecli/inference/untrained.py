"""Codes of an encoder that was not trained: what the architecture alone is worth."""

from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray

from aecli.codes import CodesMeta
from aecli.errors import InputError
from aecli.models.autoencoder import Autoencoder
from aecli.runtime.progress import Progress, silent

SEED = 0
BATCH = 256


def untrained_encoder(meta: CodesMeta) -> Autoencoder:
    """Return the network that codes come from with random weights, the same each time.

    The global random state stays as it is.

    Raises:
        InputError: the code file does not describe the network, or not one that can be built.
    """
    network = meta.network
    if network is None:
        raise InputError("the code file does not describe its network", hint="encode the images again")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        shape = cast("tuple[int, int, int]", tuple(meta.image_shape))
        try:
            model = Autoencoder(network.architecture, shape, network.arguments, network.mean, network.std)
        except (ValueError, TypeError, RuntimeError) as error:
            raise InputError(f"damaged codes: their network cannot be built: {error}") from error
    return model.eval()


def untrained_vectors(
    model: Autoencoder, images: NDArray[np.uint8], progress: Progress = silent, stage: str = "untrained network"
) -> NDArray[np.float32]:
    """Return the codes of (N, C, H, W) images as vectors, (N, D)."""
    vectors = []
    with torch.inference_mode():
        for start in range(0, len(images), BATCH):
            batch = torch.from_numpy(images[start : start + BATCH])
            vectors.append(model.encode(model.normalize(batch)).flatten(1).numpy())
            progress(stage, min(start + BATCH, len(images)), len(images))
    return np.concatenate(vectors)
