"""Features of images for all scores, and which images to fit on and which to evaluate on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aecli.checkpoint import NormalMaps
from aecli.data.image_set import ImageSet
from aecli.data.pages import file_name
from aecli.data.splits import hold_out
from aecli.data.tiling import TiledSet
from aecli.detection.normal_maps import ErrorMapSummary
from aecli.detection.scores import MapScore, Score
from aecli.detection.tiled_scores import group_by_image
from aecli.inference.model import Model
from aecli.runtime.progress import Progress

FIT_FRACTION = 0.5
MAX_FEATURE_BYTES = 1 << 30
MIN_IMAGES = 5
"""The fewest images of each kind to calibrate with."""
MIN_KEPT = 20
"""The fewest images to keep if their features exceed `MAX_FEATURE_BYTES`."""
CHUNK = 4096
"""Images that are read from a memory map at once."""

Scores = Mapping[str, Score | MapScore]
"""Scores and baselines by their names."""
Features = NDArray[np.float32]
"""The features of N images for one score, (N, ...) in a shape of the score."""


@dataclass(frozen=True)
class SplitFeatures:
    """The features of N images for each score by its name, and the halves to fit on and to evaluate on."""

    all: Mapping[str, Features]
    images: NDArray[np.int64]
    """(N,), the indices of the images in their set."""
    fit_indices: NDArray[np.int64]
    evaluation_indices: NDArray[np.int64]
    files: NDArray[np.int64]
    """(N,), the number of the file of each image. The pages of a file are alike, and are in the same half unless one
    file has most of them."""
    total: int
    """The number of images in the set; more than N if their features need too much memory."""
    error_maps: NormalMaps | None = None
    """A summary of the error maps of all N images; None if they are not reconstructed, or were cut into tiles."""

    def __len__(self) -> int:
        return len(self.fit_indices) + len(self.evaluation_indices)

    @property
    def file_count(self) -> int:
        """The number of files that hold the images."""
        return len(np.unique(self.files))

    @property
    def most_pages(self) -> int:
        """The number of images in the file that holds most of them."""
        return int(np.bincount(self.files).max())

    @property
    def evaluated_images(self) -> NDArray[np.int64]:
        """The indices of the images to evaluate on in their set."""
        return self.images[self.evaluation_indices]

    def fit(self, name: str) -> Features:
        """Return the features of the images to fit on."""
        return self.all[name][self.fit_indices]

    def evaluation(self, name: str) -> Features:
        """Return the features of the images to evaluate on."""
        return self.all[name][self.evaluation_indices]


def extract_features(
    model: Model, images: ImageSet, scores: Scores, seed: int, stage: str, progress: Progress
) -> SplitFeatures:
    """Run the model on the images and return their features for the scores, split in halves at random by the seed.

    The pages of a file are in the same half, if there are several files and none has most of the pages. If the features
    need too much memory, only a random subset of the images is used.
    """
    if images.tiles is not None:
        return _extract_tiled(model, images, images.tiles, scores, seed, stage, progress)
    indices = np.arange(len(images))
    if len(images) > (most := max(MIN_KEPT, MAX_FEATURE_BYTES // _feature_bytes(model, images, scores))):
        indices = np.sort(np.random.default_rng(seed).choice(len(images), most, replace=False))
    error_maps = ErrorMapSummary() if model.has_images else None
    joined = _measure(model, images, indices, scores, stage, progress, error_maps)
    files = _files_of([images.image_names[index] for index in indices])
    summary = None if error_maps is None else error_maps.result()
    return SplitFeatures(joined, indices, *_halves(files, seed), files, len(images), summary)


def _extract_tiled(
    model: Model, images: ImageSet, tiles: TiledSet, scores: Scores, seed: int, stage: str, progress: Progress
) -> SplitFeatures:
    """Return the features of the images that the tiles were cut from; of a random subset if they need too much memory.

    The scores are those of `in_tiles`, and so are the features.
    """
    kept = tiles.images
    most = MAX_FEATURE_BYTES // _feature_bytes(model, images, scores)
    if len(tiles) > most:
        drawn = np.random.default_rng(seed).permutation(kept)
        counts = np.cumsum(np.bincount(tiles.image_of)[drawn])
        kept = np.sort(drawn[: max(MIN_IMAGES, int(np.searchsorted(counts, most, side="right")))])
    rows = np.flatnonzero(np.isin(tiles.image_of, kept))
    measured = _measure(model, images, rows, scores, stage, progress)
    grouped = {name: group_by_image(features, tiles.take(rows)) for name, features in measured.items()}
    names = dict(zip(tiles.image_of.tolist(), images.image_names, strict=True))
    files = _files_of([names[image] for image in kept.tolist()])
    return SplitFeatures(grouped, kept, *_halves(files, seed), files, len(tiles.images))  # type: ignore[arg-type]


def _files_of(names: Sequence[str]) -> NDArray[np.int64]:
    """Return the number of the file of each image, in order of their first images."""
    number: dict[str, int] = {}
    return np.array([number.setdefault(file_name(name), len(number)) for name in names], np.int64)


def _halves(files: NDArray[np.int64], seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the indices of the images to fit on and to evaluate on.

    The pages of a file are kept together, unless that leaves less than a quarter of the images in one half.
    """
    count = int(files.max()) + 1
    if count > 1:
        fit, evaluation = (np.flatnonzero(np.isin(files, half)) for half in hold_out(count, 1 - FIT_FRACTION, seed))
        if min(len(fit), len(evaluation)) >= len(files) // 4:
            return fit, evaluation
    return hold_out(len(files), 1 - FIT_FRACTION, seed)


def _measure(
    model: Model,
    images: ImageSet,
    indices: NDArray[np.int64],
    scores: Scores,
    stage: str,
    progress: Progress,
    error_maps: ErrorMapSummary | None = None,
) -> dict[str, Features]:
    """Return the features of the images at `indices` for each score by its name; add their error maps to a summary."""
    features: dict[str, list[Features]] = {name: [] for name in scores}
    done = 0
    for start in range(0, len(indices), CHUNK):
        for output in model.outputs(images.images[indices[start : start + CHUNK]]):
            for name, score in scores.items():
                features[name].append(score.measure(output))
            if error_maps is not None:
                error_maps.add(output.error_maps)
            progress(stage, done := done + len(output.images), len(indices))
    return {name: np.concatenate(batches) for name, batches in features.items()}


def _feature_bytes(model: Model, images: ImageSet, scores: Scores) -> int:
    """Return the bytes of one image's features."""
    output = next(iter(model.outputs(images.images[:1])))
    return max(sum(score.measure(output).nbytes for score in scores.values()), 1)
