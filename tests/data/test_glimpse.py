"""A quick look at images: sizes and colors."""

from pathlib import Path

import numpy as np
from PIL import Image

from aecli.data import resolve
from aecli.data.glimpse import SAMPLE, glimpse


def test_arrays_have_one_shape() -> None:
    seen = glimpse(resolve("digits"))
    assert (seen.shapes, seen.side, seen.has_color) == (((1, 8, 8),), 8, False)


def test_some_files_are_looked_at(tmp_path: Path) -> None:
    for index in range(40):
        mode = "RGB" if index >= 35 else "L"
        Image.new(mode, (30 + index, 20)).save(tmp_path / f"{index:02}.png")
    seen = glimpse(resolve(str(tmp_path)))
    assert len(seen.shapes) == SAMPLE
    assert seen.has_color
    assert not seen.is_uniform
    assert 45 < seen.side < 55


def test_images_that_cannot_be_read_are_left_to_the_decoder(tmp_path: Path) -> None:
    (tmp_path / "0.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    Image.fromarray(np.zeros((9, 7), np.uint8)).save(tmp_path / "1.png")
    seen = glimpse(resolve(str(tmp_path)))
    assert (seen.shapes, seen.is_uniform) == (((1, 9, 7),), True)
