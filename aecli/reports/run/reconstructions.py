"""How well an autoencoder restores images: the errors of all, and the best, the middle and the worst of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from aecli.codes.psnr import psnr
from aecli.data import ImageSet
from aecli.inference.model import Model
from aecli.reports.run.examples import chosen_indices, label_of
from aecli.runtime.progress import Progress


@dataclass(frozen=True)
class Reconstruction:
    """One image and its reconstruction."""

    name: str
    label: str | None
    image: NDArray[np.uint8]
    """(C, H, W)"""
    restored: NDArray[np.float32]
    """(C, H, W) in 0..255"""
    mse: float
    """Mean squared error in gray levels squared."""

    @property
    def psnr(self) -> float:
        """Peak signal-to-noise ratio in dB; infinite without an error."""
        return psnr(self.mse)

    @property
    def difference(self) -> NDArray[np.float32]:
        """(H, W) in 0..255: the absolute error, averaged over channels."""
        error: NDArray[np.float32] = np.abs(self.image - self.restored).mean(axis=0)
        return error


@dataclass(frozen=True)
class Reconstructions:
    """The errors of all images, and some of the images."""

    mse: NDArray[np.float64]
    """(N,) mean squared error of each image, in gray levels squared."""
    examples: Mapping[str, Sequence[Reconstruction]]
    """The `best`, `middle` and `worst` ones; fewer kinds of few images."""

    def to_dict(self) -> dict[str, object]:
        """Return the errors as plain values."""
        middle = np.quantile(self.mse, [0.0, 0.05, 0.5, 0.95, 1.0]).tolist()
        return {
            "mse": float(self.mse.mean()),
            "psnr": _finite(psnr(float(self.mse.mean()))),
            "mse_quantiles": dict(zip(("0", "0.05", "0.5", "0.95", "1"), middle, strict=True)),
            "examples": {
                kind: [{"name": each.name, "mse": each.mse} for each in group] for kind, group in self.examples.items()
            },
        }


def measure_reconstructions(model: Model, images: ImageSet, count: int, progress: Progress) -> Reconstructions:
    """Reconstruct all images; `count` is the number of examples of each kind.

    Raises:
        InputError: the model encodes features, or its results are not finite.
    """
    mse = np.empty(len(images), np.float64)
    done = 0
    for output in model.outputs(images.images):
        batch = slice(done, done + len(output.images))
        mse[batch] = np.square(output.images - output.reconstructions).mean(axis=(1, 2, 3))
        done = batch.stop
        progress("reconstructing images", done, len(images))
    examples = {kind: _reconstruct(model, images, mse, each) for kind, each in chosen_indices(mse, count).items()}
    return Reconstructions(mse, examples)


def _finite(value: float) -> float | None:
    return value if value < inf else None


def _reconstruct(
    model: Model, images: ImageSet, mse: NDArray[np.float64], indices: NDArray[np.int64]
) -> list[Reconstruction]:
    outputs = model.outputs(images.images[indices])
    restored = np.concatenate([output.reconstructions for output in outputs])
    return [
        Reconstruction(
            str(images.names[index]), label_of(images, index), images.images[index], pixels, float(mse[index])
        )
        for index, pixels in zip(indices.tolist(), restored, strict=True)
    ]
