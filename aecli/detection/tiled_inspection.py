"""Score one image by its tiles: a batch of tiles is in memory at a time, besides the decoded image and its map."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aecli.data.tiled_image import TiledImage
from aecli.detection.detector import Detector
from aecli.detection.overhang import Overhang
from aecli.detection.reductions import reduce_maps
from aecli.detection.stitching import StitchedMap
from aecli.inference.model import Model, ModelOutput, batches


@dataclass(frozen=True)
class TiledResult:
    """The result for one image."""

    score: float
    """The reduced map; without maps, the largest score of a tile."""
    score_map: NDArray[np.float32] | None
    """(h, w), of the whole image; None if the score has no maps."""
    output: ModelOutput
    """The model's output for the tile with the highest score; each array has one row."""


def score_tiles(image: TiledImage, model: Model, detector: Detector, overhang: Overhang) -> TiledResult:
    """Run a model on the tiles of an image, batch by batch, and join the results; `overhang` is that of the maps.

    Raises:
        InputError: the detector does not fit the model.
    """
    corners = image.corners
    stitched: StitchedMap | None = None
    highest, highest_output = -np.inf, None
    for batch in batches(len(corners), model.image_shape):
        for output in model.outputs(image.tiles(batch.start, batch.stop)):
            scores, maps = detector.apply(output)
            if maps is not None:
                stitched = stitched or StitchedMap(image.tiling, image.native[1:], maps.shape[1:], overhang)
                for corner, tile_map in zip(corners[batch], maps, strict=True):
                    stitched.add(corner, tile_map)
            index = int(scores.argmax())
            if scores[index] > highest:
                highest, highest_output = float(scores[index]), output.take(index).copy()
    assert highest_output is not None
    if stitched is None:
        return TiledResult(highest, None, highest_output)
    score_map = stitched.result()
    score = float(reduce_maps(score_map[None], detector.header.map_reduction)[0])
    return TiledResult(score, score_map, highest_output)
