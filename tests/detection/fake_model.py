"""A model whose output is drawn at random, so that tests know the distribution of its scores."""

from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from aecli.checkpoint.normal_statistics import NormalStatistics
from aecli.data.image_set import ImageSet
from aecli.inference.model import Model, ModelOutput

SHAPE = (1, 8, 8)


class FakeModel:
    """A model whose output for an image that encodes the number i is drawn at random, the i-th draw of a seed."""

    def __init__(self, model: Model, seed: int, dimensions: int = 4):
        self.header, self.fingerprint = replace(model.header, code_shape=(dimensions,)), "sha256:fake"
        self.normal_statistics: NormalStatistics = {}
        self.trained_images, self.has_images = None, True
        self.conversion = model.conversion
        random = np.random.default_rng(seed)
        self.codes = random.normal(size=(1 << 16, dimensions)).astype(np.float32)
        self.residuals = random.lognormal(size=1 << 16).astype(np.float32)

    def outputs(self, images: NDArray[np.uint8]) -> Iterator[ModelOutput]:
        numbers = images[:, 0, 0, 0].astype(int) * 256 + images[:, 0, 0, 1]
        yield ModelOutput(images, self.codes[numbers], images.astype(np.float32), self.residuals[numbers])


def fake_model(model: Model, seed: int) -> Model:
    return cast(Model, FakeModel(model, seed))


def numbered_images(first: int, count: int) -> ImageSet:
    """Return `count` images that encode the numbers from `first` for a `FakeModel`."""
    images = np.zeros((count, *SHAPE), np.uint8)
    numbers = np.arange(first, first + count)
    images[:, 0, 0, 0], images[:, 0, 0, 1] = numbers // 256, numbers % 256
    return ImageSet(images, numbers.astype(str), f"numbers from {first}")
