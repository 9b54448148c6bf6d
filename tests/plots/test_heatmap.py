"""Heatmaps: the error is where it is, and no name is taken twice."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from aecli.detection.inspection import Detection
from aecli.errors import UsageError
from aecli.inference.model import ModelOutput
from aecli.plots.heatmap import GAP, Heatmaps


def finding(path: str, channels: int = 1, side: int = 28) -> Detection:
    """An image whose reconstruction lacks a spot in the upper left."""
    image = np.full((1, channels, side, side), 100, np.uint8)
    restored = image.astype(np.float32)
    restored[..., 2:6, 2:6] = 0
    output = ModelOutput(image, np.zeros((1, 4), np.float32), restored, np.ones(1, np.float32))
    return Detection(path, 1.0, 0.5, None, output)


def drawn(path: Path) -> NDArray[Any]:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [1, 8, 28, 300])
def test_input_reconstruction_and_error_lie_side_by_side(channels: int, side, tmp_path: Path) -> None:
    pixels = drawn(Heatmaps(tmp_path).draw(finding("x.png", channels, side)))
    height, width = pixels.shape[:2]
    panel = (width - 2 * GAP) // 3
    assert panel == height >= side
    before, after, error = (pixels[:, left : left + panel] for left in (0, panel + GAP, 2 * (panel + GAP)))
    assert (before == 100).all()
    assert (pixels[:, panel : panel + GAP] == 255).all()
    if side > 6:
        scale = panel // side
        spot = slice(2 * scale, 6 * scale)
        assert (after[spot, spot] == 0).all()
        assert (error.sum(axis=2) > 100).sum() == (4 * scale) ** 2
        assert (error[spot, spot].sum(axis=2) > 100).all()


def test_a_larger_error_is_brighter(tmp_path: Path) -> None:
    brightness = []
    for level in (0, 20, 60, 128, 255):
        image = np.full((1, 1, 8, 8), 255, np.uint8)
        output = ModelOutput(image, np.zeros((1, 1), np.float32), np.float32(image) - level, np.ones(1, np.float32))
        pixels = drawn(Heatmaps(tmp_path).draw(Detection("x.png", 1.0, 0.5, None, output)))
        brightness.append(pixels[5, -5].sum())
    assert brightness == sorted(brightness)
    assert brightness[0] < brightness[1] < brightness[2] < brightness[3] == brightness[4]


@pytest.mark.parametrize(
    "paths",
    [
        ["a/0.png", "b/0.png", "a_0.png"],
        ["x.png", "x.png", "x.png", "x-2.png"],
        ["x-2.png", "x.png", "x.png"],
        ["x.png", "x.jpg", "X.PNG"],
        ["-", "", "...", "/", "../x.png", "x.png"],
        ["new\nline.png", "bad\udcff.png", "new_line.png", "digits:test/3", "digits:test/4"],
        ["/very/long/" + "x" * 250 + ".png", "/other/long/" + "x" * 250 + ".png"],
        ["画像/" * 40 + "a.png", "画像/" * 40 + "b.png"],
    ],
    ids=lambda paths: ascii(paths[0])[:20],
)
def test_names_do_not_collide_and_stay_in_the_folder(paths, tmp_path: Path) -> None:
    heatmaps = Heatmaps(tmp_path)
    files = [heatmaps.draw(finding(path)) for path in paths]
    assert len({file.name.lower() for file in files}) == len(paths)
    assert sorted(files) == sorted(tmp_path.iterdir())
    assert all(file.suffix == ".png" and not file.name.startswith((".", "-")) for file in files)


def test_a_name_tells_the_picture(tmp_path: Path) -> None:
    assert Heatmaps(tmp_path).draw(finding("photos/cat.01.jpeg")).name == "photos_cat.01.png"


def test_the_same_finding_gives_the_same_bytes(tmp_path: Path) -> None:
    first, again = (Heatmaps(tmp_path / name) for name in "ab")
    for name in "ab":
        (tmp_path / name).mkdir()
    assert first.draw(finding("x")).read_bytes() == again.draw(finding("x")).read_bytes()


def test_the_folder_of_a_picture_takes_no_heatmaps(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"a picture")
    with pytest.raises(UsageError, match="among the pictures"):
        Heatmaps(tmp_path).require_apart([finding("elsewhere/x.png"), finding(str(tmp_path / "x.png"))])
    Heatmaps(tmp_path / "maps").require_apart([finding(str(tmp_path / "x.png")), finding("digits:test/3")])
