"""Maps on the original image: their place after stretching, cropping and padding, at any size."""

import numpy as np
import pytest

from aecli.data.conversion import Conversion, Resize
from aecli.data.resize import fit_image
from aecli.detection.original import OriginalImage


def original(height: int, width: int, resize: Resize = "stretch", side: int = 64) -> OriginalImage:
    return OriginalImage((1, height, width), Conversion((1, side, side), resize))


@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("size", [(128, 128), (96, 160), (250, 70)])
def test_a_map_of_the_pixels_lies_on_the_pixels(resize: Resize, size: tuple[int, int]) -> None:
    """Take the image that a model sees as its map: at the original size it is a blurred original."""
    rows, columns = np.indices(size)
    pixels = (120 + 50 * np.sin(rows / 15) + 50 * np.cos(columns / 18)).astype(np.uint8)[None]
    image = original(*size, resize)
    seen, _ = fit_image(pixels, image.conversion)
    placed = image.place(seen[0].astype(np.float32), size)
    assert placed.shape == size
    known = ~np.isnan(placed)
    assert known.all() == (resize != "crop" or size[0] == size[1])
    inner = known & (rows > 4) & (rows < size[0] - 5) & (columns > 4) & (columns < size[1] - 5)
    assert inner.any()
    assert np.abs(placed[inner] - pixels[0][inner]).max() < 12


def test_a_cropped_map_covers_the_center() -> None:
    placed = original(100, 300, "crop").place(np.full((4, 4), 2.0, np.float32), (50, 150))
    assert (placed[:, 50:100] == 2).all()
    assert np.isnan(placed[:, :50]).all()
    assert np.isnan(placed[:, 100:]).all()


def test_the_padding_of_a_map_is_cut_off() -> None:
    score_map = np.zeros((8, 8), np.float32)
    score_map[:2] = score_map[6:] = 99  # the bars above and below a wide image
    score_map[2:6] = 1
    placed = original(50, 100, "pad").place(score_map, (50, 100))
    assert placed[10:40].max() < 2


@pytest.mark.parametrize("smooth", [False, True])
def test_no_value_exceeds_those_of_the_map(smooth: bool) -> None:
    score_map = np.random.default_rng(0).exponential(size=(7, 5)).astype(np.float32)
    placed = original(90, 61).place(score_map, (90, 61), smooth=smooth)
    assert placed.dtype == np.float32
    assert score_map.min() <= placed.min() < placed.max() <= score_map.max()


def test_pixels_are_read_in_their_own_colors_and_ratio() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 40, 80), dtype=np.uint8)
    asked = []

    def reread(conversion: Conversion) -> object:
        from aecli.data.image_files import ConvertedImage

        asked.append(conversion)
        return ConvertedImage(*fit_image(pixels, conversion))

    image = OriginalImage((3, 40, 80), Conversion((1, 16, 16), "crop"), reread)  # type: ignore[arg-type]
    assert np.array_equal(image.pixels((40, 80)), pixels)  # type: ignore[arg-type]
    assert asked == [Conversion((3, 40, 80), "stretch")]
    assert OriginalImage((3, 40, 80), Conversion((1, 16, 16))).pixels((40, 80)) is None
