"""Scores of images that are cut into tiles, as scores of whole images: fitted to all tiles, applied to each one.

The features of N images are an array of N objects, `TileFeatures`, because images have different numbers of tiles. So
are maps, as images have different sizes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from aecli.checkpoint import CheckpointHeader
from aecli.data.tiling import TiledSet
from aecli.detection.overhang import Overhang
from aecli.detection.reductions import LARGEST
from aecli.detection.scores import MapScore, Score, Statistics
from aecli.detection.stitching import scores_of_images
from aecli.inference.model import ModelOutput


@dataclass(frozen=True)
class TileFeatures:
    """The features of the tiles of one image."""

    values: NDArray[np.float32]
    """(T, ...), in the order of the tiles."""
    tiles: TiledSet


class TiledScore:
    """A score of whole images: the largest one of their tiles."""

    def __init__(self, score: Score | MapScore):
        self._score = score
        self.UNIT, self.SUMMARY = score.UNIT, score.SUMMARY

    def applies_to(self, header: CheckpointHeader) -> bool:
        """Return whether the score can be computed from the output of such a model."""
        return self._score.applies_to(header)

    def measure(self, output: ModelOutput) -> NDArray[np.float32]:
        """Return the features of tiles, (T, ...)."""
        return self._score.measure(output)

    def fit(self, features: NDArray[np.float32], seed: int) -> Statistics:
        """Return the statistics of all tiles of the images, given their `TileFeatures`, (N,)."""
        return self._score.fit(np.concatenate([one.values for one in _listed(features)]), seed)

    def score(self, features: NDArray[np.float32], statistics: Statistics) -> NDArray[np.float32]:
        """Return the scores of images, (N,), given their `TileFeatures`, (N,)."""
        assert not isinstance(self._score, MapScore)
        score: Callable[..., NDArray[np.float32]] = self._score.score
        return np.array([score(one.values, statistics).max() for one in _listed(features)], np.float32)


class TiledMapScore(TiledScore):
    """A score of each position of an image: the maps of its tiles, joined."""

    def __init__(self, score: MapScore, header: CheckpointHeader):
        super().__init__(score)
        self._overhang = score.overhang(header)

    def maps(self, features: NDArray[np.float32], statistics: Statistics) -> NDArray[np.float32]:
        """Return the maps of images, an array of N arrays (h, w), given their `TileFeatures`, (N,)."""
        assert isinstance(self._score, MapScore)
        joined = []
        for one in _listed(features):
            maps = self._score.maps(one.values, statistics)
            scores = np.zeros(len(maps), np.float32)
            joined += scores_of_images(scores, maps, one.tiles, LARGEST, self._overhang)[1] or []
        return as_objects(joined)  # type: ignore[return-value]

    def overhang(self, header: CheckpointHeader) -> Overhang:
        """Return the overhang of the maps of such a model, joined or not."""
        assert isinstance(self._score, MapScore)
        return self._score.overhang(header)


def in_tiles(score: Score | MapScore, header: CheckpointHeader) -> Score | MapScore:
    """Return a score of images that are cut into tiles, given that of a tile and the header of the model."""
    tiled = TiledMapScore(score, header) if isinstance(score, MapScore) else TiledScore(score)
    return cast("Score | MapScore", tiled)


def group_by_image(features: NDArray[np.float32], tiles: TiledSet) -> NDArray[np.object_]:
    """Return the features of each image, (N,), given those of all tiles, (T, ...), in the order of the images."""
    places = (np.flatnonzero(tiles.image_of == image) for image in tiles.images)
    return as_objects([TileFeatures(features[rows], tiles.take(rows)) for rows in places])


def as_objects(items: list[object] | list[TileFeatures] | list[NDArray[np.float32]]) -> NDArray[np.object_]:
    """Return a list as an array of objects, (N,), even if all items are arrays of the same shape."""
    array = np.empty(len(items), object)
    for index, item in enumerate(items):
        array[index] = item
    return array


def _listed(features: NDArray[np.float32]) -> list[TileFeatures]:
    listed: list[TileFeatures] = features.tolist()
    return listed
