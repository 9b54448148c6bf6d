"""Tiles: they are whole, cover the image, and overlap as asked for."""

import numpy as np
import pytest

from aecli.data.tiling import TiledSet, Tiling, image_name, tile_names


@pytest.mark.parametrize("size", [(8, 8), (9, 8), (20, 31), (64, 65), (7, 100), (1, 1)])
@pytest.mark.parametrize("tiling", [Tiling(8, 0), Tiling(8, 2), Tiling(8, 7)])
def test_whole_tiles_cover_an_image(tiling: Tiling, size: tuple[int, int]) -> None:
    corners = tiling.corners(*size)
    assert len(corners) == len({*corners}) == tiling.count(*size)
    covered = np.zeros([max(side, tiling.size) for side in size], int)
    for top, left in corners:
        covered[top : top + tiling.size, left : left + tiling.size] += 1
    assert covered.min() == 1 or tiling.overlap == 7
    assert min(min(corner) for corner in corners) == 0
    bottom = max(top for top, _ in corners) + tiling.size
    assert bottom == max(size[0], tiling.size)


def test_neighbors_overlap_and_the_last_tile_is_shifted_inward() -> None:
    assert [left for _, left in Tiling(256, 32).corners(256, 700)] == [0, 224, 444]
    assert [left for _, left in Tiling(256, 32).corners(256, 704)] == [0, 224, 448]


@pytest.mark.parametrize(("size", "overlap"), [(8, 8), (8, -1), (0, 0)])
def test_impossible_tiles_are_refused(size: int, overlap: int) -> None:
    with pytest.raises(ValueError, match="tiles"):
        Tiling(size, overlap)


def test_a_set_knows_the_image_and_the_corner_of_each_tile() -> None:
    tiles = TiledSet.of(Tiling(4, 1), np.array([[4, 10], [3, 3], [7, 4]]))
    assert tiles.image_of.tolist() == [0, 0, 0, 1, 2, 2]
    assert [tiles.corner(index) for index in range(6)] == [(0, 0), (0, 3), (0, 6), (0, 0), (0, 0), (3, 0)]
    assert tiles.largest(np.array([1, 3, 2, 0, 5, 4], np.float32)).tolist() == [3, 0, 5]
    some = tiles.take(np.array([5, 1]))
    assert some.images.tolist() == [0, 2]
    assert [some.corner(0), some.corner(1)] == [(3, 0), (0, 3)]
    assert some.largest(np.array([7, 8], np.float32)).tolist() == [8, 7]


def test_names_of_tiles_lead_back_to_their_image() -> None:
    names = tile_names(np.array(["a.png", "b#tile.tif#2"]), np.array([0, 11]))
    assert names.tolist() == ["a.png#tile1", "b#tile.tif#2#tile12"]
    assert [image_name(name) for name in names.tolist()] == ["a.png", "b#tile.tif#2"]
    assert image_name("a.png") == "a.png"
    assert image_name("a#tilex") == "a#tilex"
