"""Heatmaps: the position and color of errors, and distinct file names."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from aecli.detection.inspection import Detection
from aecli.errors import UsageError
from aecli.inference.model import ModelOutput
from aecli.plots.heatmap import GAP, Heatmaps


def detection(path: str, channels: int = 1, side: int = 28) -> Detection:
    """Return a gray image whose reconstruction has a black square in the upper left."""
    image = np.full((1, channels, side, side), 100, np.uint8)
    reconstruction = image.astype(np.float32)
    reconstruction[..., 2:6, 2:6] = 0
    output = ModelOutput(image, np.zeros((1, 4), np.float32), reconstruction, np.ones(1, np.float32))
    return Detection(path, 1.0, 0.5, None, output)


def pixels_of(path: Path) -> NDArray[np.int64]:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(np.int64)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [1, 8, 28, 300])
def test_image_reconstruction_and_error_are_side_by_side(channels: int, side: int, tmp_path: Path) -> None:
    pixels = pixels_of(Heatmaps(tmp_path).draw(detection("x.png", channels, side)))
    height, width = pixels.shape[:2]
    panel = (width - 2 * GAP) // 3
    assert panel == height >= side
    image, reconstruction, error = (pixels[:, left : left + panel] for left in (0, panel + GAP, 2 * (panel + GAP)))
    assert (image == 100).all()
    assert (pixels[:, panel : panel + GAP] == 255).all()
    if side > 6:
        scale = panel // side
        square = slice(2 * scale, 6 * scale)
        assert (reconstruction[square, square] == 0).all()
        assert (error.sum(axis=2) > 100).sum() == (4 * scale) ** 2
        assert (error[square, square].sum(axis=2) > 100).all()


def test_a_larger_error_is_brighter_up_to_the_largest_shown(tmp_path: Path) -> None:
    brightness = []
    for error in (0, 20, 60, 128, 255):
        image = np.full((1, 1, 8, 8), 255, np.uint8)
        reconstruction = image.astype(np.float32) - error
        output = ModelOutput(image, np.zeros((1, 1), np.float32), reconstruction, np.ones(1, np.float32))
        pixels = pixels_of(Heatmaps(tmp_path).draw(Detection("x.png", 1.0, 0.5, None, output)))
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
def test_file_names_are_distinct_and_stay_in_the_folder(paths: list[str], tmp_path: Path) -> None:
    heatmaps = Heatmaps(tmp_path)
    files = [heatmaps.draw(detection(path)) for path in paths]
    assert len({file.name.lower() for file in files}) == len(paths)
    assert sorted(files) == sorted(tmp_path.iterdir())
    assert all(file.suffix == ".png" and not file.name.startswith((".", "-")) for file in files)


def test_a_file_name_contains_the_path_of_the_image(tmp_path: Path) -> None:
    assert Heatmaps(tmp_path).draw(detection("photos/cat.01.jpeg")).name == "photos_cat.01.png"


def test_equal_detections_have_equal_bytes(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
    first, again = (Heatmaps(tmp_path / name).draw(detection("x")) for name in "ab")
    assert first.read_bytes() == again.read_bytes()


def test_the_folder_of_an_inspected_image_is_refused(tmp_path: Path) -> None:
    image = tmp_path / "x.png"
    image.write_bytes(b"an image")
    with pytest.raises(UsageError, match="among the images"):
        Heatmaps(tmp_path).require_other_folder(["elsewhere/x.png", str(image)])
    Heatmaps(tmp_path / "heatmaps").require_other_folder([str(image), "digits:test/3"])
