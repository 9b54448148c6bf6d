"""Thumbnails: as large as the number of images allows, in sheets that browsers of phones decode."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from aecli.pages.explorer.sprites import LARGEST_SIDE, PIXELS, SHEET_SIDE, SMALLEST_SIDE, sprites, thumbnail_size


@pytest.mark.parametrize(("height", "width"), [(28, 28), (8, 8), (300, 200), (64, 1000), (10, 500)])
def test_few_images_have_large_thumbnails_and_many_have_small_ones(height: int, width: int) -> None:
    sizes = [thumbnail_size(count, height, width) for count in (1, 100, 10_000, 100_000, 10**7)]
    assert max(sizes[0]) == min(LARGEST_SIDE, max(height, width))
    assert max(sizes[-1]) == min(SMALLEST_SIDE, max(height, width))
    assert sizes == sorted(sizes, reverse=True)
    for count, size in ((100, sizes[1]), (10_000, sizes[2])):
        assert count * size[0] * size[1] <= PIXELS or max(size) <= SMALLEST_SIDE


def test_ten_thousand_digits_keep_their_size() -> None:
    assert thumbnail_size(10_000, 28, 28) == (28, 28)


@pytest.mark.parametrize("channels", [1, 3])
def test_each_image_is_at_its_place(channels: int) -> None:
    count, side = 150, 256  # larger than a thumbnail, and more than a sheet of thumbnails holds in a row
    images = np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None, None], (count, channels, side, side))
    found = sprites(images)
    assert (found.width, found.height) == (128, 128)
    for index in (0, 20, count - 1):
        sheet, place = divmod(index, found.per_sheet)
        with Image.open(BytesIO(found.sheets[sheet].content)) as image:
            assert image.size == found.sheets[sheet].size
            assert max(image.size) <= SHEET_SIDE
            pixels = np.asarray(image.convert("RGB"))
        row, column = place // found.across * found.height, place % found.across * found.width
        middle = pixels[row + found.height // 2, column + found.width // 2]
        assert abs(middle.astype(int) - index).max() <= 3


def test_many_images_take_several_sheets() -> None:
    found = sprites(np.zeros((300, 1, 128, 128), np.uint8))
    assert len(found.sheets) == 2
    assert found.per_sheet == (SHEET_SIDE // 128) ** 2
