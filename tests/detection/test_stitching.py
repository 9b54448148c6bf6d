"""The scores and maps of tiles become those of images."""

from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from aecli.data.tiling import TiledSet, Tiling
from aecli.detection.reductions import reduce_maps
from aecli.detection.stitching import StitchedMap, scores_of_images


def stitch(tiling: Tiling, whole: NDArray[np.float32], cell: int) -> NDArray[np.float32]:
    """Cut a map of an image, whose positions are cells of so many pixels, and join it again."""
    size = whole.shape[0] * cell, whole.shape[1] * cell
    side = tiling.size // cell
    stitched = StitchedMap(tiling, size, (side, side))
    for top, left in tiling.corners(*size):
        row, column = top // cell, left // cell
        stitched.add((top, left), whole[row : row + side, column : column + side])
    return stitched.result()


@pytest.mark.parametrize("cell", [1, 4])
def test_a_map_that_is_cut_is_joined_again(cell: int) -> None:
    whole = np.random.default_rng(0).random((13, 22), np.float32)
    assert stitch(Tiling(8 * cell, 2 * cell), whole, cell) == pytest.approx(whole)


def test_maps_that_extend_beyond_their_tiles_are_joined_by_their_cells() -> None:
    """Tiles of 100 pixels have maps of 7 cells of 16 pixels, and so the map of the image has cells of 16 pixels."""
    tiling, size, overhang = Tiling(100, 4), (196, 292), (0.75, 0.75)
    whole = np.random.default_rng(0).random((13, 19), np.float32)
    stitched = StitchedMap(tiling, size, (7, 7), overhang)
    for top, left in tiling.corners(*size):
        row, column = top // 16, left // 16
        stitched.add((top, left), whole[row : row + 7, column : column + 7])
    assert stitched.result() == pytest.approx(whole)
    small = StitchedMap(tiling, (90, 50), (7, 7), overhang)
    small.add((0, 0), whole[:7, :7])
    assert small.result() == pytest.approx(whole[:6, :4])  # 5.6 and 3.1 cells, and the part beyond


def test_overlapping_tiles_are_averaged() -> None:
    stitched = StitchedMap(Tiling(4, 2), (4, 6), (4, 4))
    stitched.add((0, 0), np.full((4, 4), 1, np.float32))
    stitched.add((0, 2), np.full((4, 4), 3, np.float32))
    assert stitched.result().tolist() == [[1, 1, 2, 2, 3, 3]] * 4


def test_tiles_between_two_cells_are_placed_at_the_nearest_one() -> None:
    tiling = Tiling(16, 0)
    stitched = StitchedMap(tiling, (16, 37), (4, 4))
    for corner, value in zip(tiling.corners(16, 37), (1, 2, 3), strict=True):
        stitched.add(corner, np.full((4, 4), value, np.float32))
    assert stitched.result()[0].tolist() == [1, 1, 1, 1, 2, 2.5, 2.5, 2.5, 3]


@pytest.mark.parametrize("tiling", [Tiling(30, 0), Tiling(30, 7), Tiling(31, 30), Tiling(7, 3)])
def test_every_position_is_covered_whatever_the_sizes(tiling: Tiling) -> None:
    for size, beyond in product(((31, 95), (64, 30), (101, 44), (5, 90)), (0.0, 0.5, 0.9)):
        stitched = StitchedMap(tiling, size, (5, 5), (beyond, beyond))
        for corner in tiling.corners(*size):
            stitched.add(corner, np.ones((5, 5), np.float32))
        assert (stitched.result() == 1).all()


def test_the_map_of_a_small_image_ends_with_it() -> None:
    stitched = StitchedMap(Tiling(16, 4), (5, 8), (4, 4))
    stitched.add((0, 0), np.arange(16, dtype=np.float32).reshape(4, 4))
    assert stitched.result().tolist() == [[0, 1]]


@pytest.mark.parametrize("reduction", ["max", "mean", "0.9"])
def test_the_score_of_an_image_is_its_reduced_map(reduction: str) -> None:
    tiles = TiledSet.of(Tiling(4, 1), np.array([[7, 10], [4, 4]]))
    maps = np.random.default_rng(0).random((len(tiles), 4, 4), np.float32)
    scores, joined = scores_of_images(np.zeros(len(tiles), np.float32), maps, tiles, reduction)
    assert joined is not None
    assert [one.shape for one in joined] == [(7, 10), (4, 4)]
    assert scores.tolist() == [reduce_maps(one[None], reduction)[0] for one in joined]


def test_without_maps_the_largest_score_of_a_tile_counts() -> None:
    tiles = TiledSet.of(Tiling(4, 1), np.array([[4, 10], [4, 4]]))
    scores, joined = scores_of_images(np.array([1, 5, 2, 3], np.float32), None, tiles, "max")
    assert (scores.tolist(), joined) == ([5, 3], None)
