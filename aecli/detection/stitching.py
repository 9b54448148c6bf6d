"""Join the scores and the maps of tiles to one score and one map for each image.

Where tiles overlap, their maps are averaged: each is an estimate of the same quantity. The largest of several values
would be higher there than the single value elsewhere, so that false alarms would gather in the overlaps.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aecli.data.tiling import Corner, TiledSet, Tiling
from aecli.detection.overhang import NO_OVERHANG, Overhang
from aecli.detection.reductions import reduce_maps

Maps = NDArray[np.float32] | Sequence[NDArray[np.float32]]
"""The map of each image, (N, h, w), or a list of maps of different sizes."""


class StitchedMap:
    """The map of one image, to which the maps of its tiles are added in any order.

    A map of h x h positions divides a tile into cells. The map of the image has cells of the same size and the same
    overhang, and a tile whose corner is between two cells is placed at the nearest one.
    """

    def __init__(
        self, tiling: Tiling, size: tuple[int, int], map_size: tuple[int, int], overhang: Overhang = NO_OVERHANG
    ):
        """Start the map of an image of `size`, (H, W) in pixels; each tile has a map of `map_size` positions."""
        self._overhang = overhang
        self._cells_per_pixel = tuple(
            (cells - beyond) / tiling.size for cells, beyond in zip(map_size, overhang, strict=True)
        )
        last = self._place(tiling.corners(*size)[-1])
        shape = last[0] + map_size[0], last[1] + map_size[1]
        self._sums, self._counts = np.zeros(shape, np.float32), np.zeros(shape, np.uint32)
        self._size, self._tile = size, tiling.size

    def add(self, corner: Corner, tile_map: NDArray[np.float32]) -> None:
        """Add the map of the tile at (top, left) in pixels."""
        top, left = self._place(corner)
        area = slice(top, top + tile_map.shape[0]), slice(left, left + tile_map.shape[1])
        self._sums[area] += tile_map
        self._counts[area] += 1

    def result(self) -> NDArray[np.float32]:
        """Return the map, (h, w), once all tiles are added; it ends with the image if that is smaller than a tile."""
        rows, columns = (
            max(1, round(side * cells + beyond)) if side < self._tile else None
            for side, cells, beyond in zip(self._size, self._cells_per_pixel, self._overhang, strict=True)
        )
        return (self._sums / self._counts)[:rows, :columns].astype(np.float32)

    def _place(self, corner: Corner) -> tuple[int, int]:
        top, left = corner
        return round(top * self._cells_per_pixel[0]), round(left * self._cells_per_pixel[1])


def scores_of_images(
    scores: NDArray[np.float32],
    maps: NDArray[np.float32] | None,
    tiles: TiledSet,
    reduction: str,
    overhang: Overhang = NO_OVERHANG,
) -> tuple[NDArray[np.float32], list[NDArray[np.float32]] | None]:
    """Return the score, (K,), and the map of each of the images that N tiles were cut from.

    Args:
        scores: (N,), of tiles. Without maps, the score of an image is the largest one of its tiles.
        maps: (N, h, w), of tiles; all tiles of an image must be among them.
        tiles: The N tiles.
        reduction: How the map of an image becomes its score.
        overhang: How far maps extend beyond the tiles, and joined ones beyond the images.
    """
    if maps is None:
        return tiles.largest(scores), None
    stitched = {
        image: StitchedMap(tiles.tiling, tuple(tiles.sizes[image].tolist()), maps.shape[1:], overhang)
        for image in tiles.images.tolist()
    }
    for index, (image, tile_map) in enumerate(zip(tiles.image_of.tolist(), maps, strict=True)):
        stitched[image].add(tiles.corner(index), tile_map)
    joined = [one.result() for one in stitched.values()]
    return np.array([reduce_maps(one[None], reduction)[0] for one in joined], np.float32), joined
