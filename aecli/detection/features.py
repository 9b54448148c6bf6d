"""Features of images for all scores, split into one half to fit on and one half to evaluate on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aecli.data.image_set import ImageSet
from aecli.data.splits import hold_out
from aecli.detection.scores import find_score
from aecli.inference.model import Model
from aecli.runtime.progress import Progress

FIT_FRACTION = 0.5
MAX_FEATURE_BYTES = 1 << 30
MIN_IMAGES = 4
"""The fewest images to calibrate with: two to fit on and two to evaluate on."""
MIN_KEPT = 20
"""The fewest images to keep if their features exceed `MAX_FEATURE_BYTES`."""
CHUNK = 4096
"""Images that are read from a memory map at once."""

Features = Mapping[str, NDArray[np.float32]]
"""The features of N images for each score by its name, (N, ...) in a shape of each score."""


@dataclass(frozen=True)
class SplitFeatures:
    """The features of the images to fit on and of the images to evaluate on."""

    fit: Features
    evaluation: Features

    @property
    def fit_count(self) -> int:
        return len(next(iter(self.fit.values())))

    @property
    def evaluation_count(self) -> int:
        return len(next(iter(self.evaluation.values())))


def extract_features(
    model: Model, images: ImageSet, names: Sequence[str], seed: int, stage: str, progress: Progress
) -> SplitFeatures:
    """Run the model on the images and return the features of the named scores, split at random by the seed.

    If the features need too much memory, only a random subset of the images is used.
    """
    indices = np.arange(len(images))
    features: dict[str, list[NDArray[np.float32]]] = {name: [] for name in names}
    image_bytes = 4 * int(np.prod(model.header.code_shape)) * len(names)
    if len(images) > (most := max(MIN_KEPT, MAX_FEATURE_BYTES // image_bytes)):
        indices = np.sort(np.random.default_rng(seed).choice(len(images), most, replace=False))
    done = 0
    for start in range(0, len(indices), CHUNK):
        for output in model.outputs(images.images[indices[start : start + CHUNK]]):
            for name in names:
                features[name].append(find_score(name).measure(output))
            progress(stage, done := done + len(output.images), len(indices))
    joined = {name: np.concatenate(batches) for name, batches in features.items()}
    fit, evaluation = hold_out(len(indices), 1 - FIT_FRACTION, seed)
    return SplitFeatures(
        {name: array[fit] for name, array in joined.items()},
        {name: array[evaluation] for name, array in joined.items()},
    )
