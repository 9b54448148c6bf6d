"""The drawn defects that other tests measure with: they change the pixels of their mask, and no others by much."""

import numpy as np
import pytest

from tests.detection.drawn_defects import DEFECTS, crops, draw_each


@pytest.mark.parametrize("kind", DEFECTS)
@pytest.mark.parametrize("shape", [(1, 64, 64), (3, 40, 90)])
def test_a_defect_changes_the_pixels_of_its_mask(kind: str, shape: tuple[int, int, int]) -> None:
    images = np.random.default_rng(0).integers(90, 130, (20, *shape), dtype=np.uint8)
    drawn, masks = draw_each(kind, images, 0)
    assert drawn.dtype == np.uint8
    assert (drawn.shape, masks.shape) == (images.shape, (20, *shape[1:]))
    changed = (drawn != images).any(axis=1)
    assert (changed & masks).sum() > 0.8 * masks.sum()
    covered = masks.mean(axis=(1, 2))
    assert (covered > 0.003).all()
    assert (covered < 0.2).all()
    by_much = (np.abs(drawn.astype(int) - images) > 60).any(axis=1)
    assert not (by_much & ~masks).any()


def test_drawing_depends_on_the_seed_alone() -> None:
    images = np.random.default_rng(0).integers(0, 256, (4, 3, 32, 32), dtype=np.uint8)
    first, again, other = (draw_each("scratch", images, seed)[0] for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_crops_are_parts_of_the_photograph() -> None:
    photograph = np.arange(3 * 20 * 30, dtype=np.uint8).reshape(3, 20, 30)
    drawn = crops(photograph, 8, 5, np.random.default_rng(0))
    windows = np.lib.stride_tricks.sliding_window_view(photograph, (3, 8, 8))[0]
    assert drawn.shape == (5, 3, 8, 8)
    assert all((windows == crop).all(axis=(2, 3, 4)).any() for crop in drawn)
