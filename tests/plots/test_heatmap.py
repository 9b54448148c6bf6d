"""Heatmaps: the image at its own size, colors where it is unusual, an outline, and distinct file names."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from aecli.detection.detector import Detector
from aecli.detection.inspection import Detection
from aecli.errors import UsageError
from aecli.inference.model import ModelOutput
from aecli.plots.color_scale import OUTLINE_COLOR
from aecli.plots.heatmap import GAP, LONGEST_SIDE, NARROWEST, Heatmaps, heatmap
from tests.plots.detections import NORMAL, detection, detector, hot

Panels = list[NDArray[np.int64]]


def panels_of(shown: Detection, by: Detector | None = None, *, size: tuple[int, int], count: int = 2) -> Panels:
    """Return the panels of a heatmap, of this size (H, W), that lie in a row below the strip."""
    pixels = np.asarray(heatmap(shown, by or detector())).astype(np.int64)
    height, width = size
    assert pixels.shape[1] == max(NARROWEST, count * (width + GAP) - GAP)
    return [pixels[-height:, left : left + width] for left in range(0, count * (width + GAP), width + GAP)]


def saturation(pixels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how colorful each pixel is: the difference of its largest and its smallest channel."""
    difference: NDArray[np.int64] = pixels.max(axis=2) - pixels.min(axis=2)
    return difference


@pytest.mark.parametrize("channels", [1, 3])
def test_the_image_has_its_own_size_and_its_own_pixels(channels: int) -> None:
    own = np.random.default_rng(0).integers(0, 256, (channels, 300, 280), dtype=np.uint8)
    plain, colored = panels_of(detection(hot(1.0), own), size=(300, 280))
    expected = np.broadcast_to(own, (3, 300, 280)).transpose(1, 2, 0)
    assert np.array_equal(plain, expected)
    assert np.array_equal(colored, expected)  # a normal image has no color at all


def test_color_and_outline_lie_where_the_map_is_above_the_threshold() -> None:
    own = np.full((3, 240, 240), 100, np.uint8)
    _, colored = panels_of(detection(hot(9.0), own), size=(240, 240))
    rows, columns = np.nonzero(saturation(colored) > 0)
    assert 45 <= rows.mean() <= 105  # the third of 8 rows covers 60 to 90
    assert 135 <= columns.mean() <= 195
    outline = (colored == OUTLINE_COLOR[:3]).all(axis=2)
    assert outline.sum() > 50
    inside = colored[75, 165]
    assert inside[0] > inside[1] > 0
    assert not outline[75, 165]


def test_the_outline_of_a_map_that_extends_beyond_the_image_is_around_its_position() -> None:
    """The image is 6.25 positions wide, so that the sixth one covers 160 to 192 of 200 pixels."""
    shown = detection(hot(9.0, (7, 7), (5, 5)), np.full((3, 200, 200), 100, np.uint8))
    _, colored = panels_of(replace(shown, overhang=(0.75, 0.75)), size=(200, 200))
    marked = np.argwhere((colored == OUTLINE_COLOR[:3]).all(axis=2))
    assert (marked.min(axis=0) + marked.max(axis=0)) / 2 == pytest.approx((175.5, 175.5), abs=2)


def test_usual_values_are_transparent_and_larger_ones_more_colorful() -> None:
    found = []
    for value in (NORMAL.median, NORMAL.high, 3.0, 3.9, 6.0):
        flat = np.full((4, 4), value, np.float32)
        _, colored = panels_of(detection(flat, np.full((3, 200, 200), 100, np.uint8)), size=(200, 200))
        found.append(int(saturation(colored)[100, 100]))
    assert found[:2] == [0, 0]
    assert 0 < found[2] < found[3]
    assert found[4] > 100


def test_the_outline_needs_a_value_above_the_threshold() -> None:
    own = np.full((3, 240, 240), 100, np.uint8)
    for value, is_outlined in ((3.99, False), (4.01, True)):
        _, colored = panels_of(detection(hot(value), own), size=(240, 240))
        assert (colored == OUTLINE_COLOR[:3]).all(axis=2).any() == is_outlined


def test_large_images_are_scaled_down_and_small_ones_enlarged() -> None:
    wide = heatmap(detection(None, np.zeros((1, 30, 4000), np.uint8)), detector())
    assert wide.width == LONGEST_SIDE
    plain, _ = panels_of(detection(hot(1.0), np.eye(8, dtype=np.uint8)[None] * 255), size=(128, 128))
    assert np.array_equal(plain[8::16, 8::16, 0], np.eye(8) * 255)


def test_a_cropped_image_has_colors_only_where_the_model_sees_it() -> None:
    own = np.full((3, 200, 300), 100, np.uint8)
    everywhere = np.full((4, 4), 9.0, np.float32)
    _, colored = panels_of(detection(everywhere, own, resize="crop"), size=(200, 300))
    colorful = saturation(colored)[100] > 0
    assert not colorful[:45].any()
    assert colorful[60:240].all()
    assert not colorful[255:].any()


def test_a_model_of_images_adds_its_reconstruction() -> None:
    image = np.full((1, 1, 64, 64), 100, np.uint8)
    reconstruction = np.full((1, 1, 64, 64), 100, np.float32)
    reconstruction[..., 20:30, 20:30] = 0
    output = ModelOutput(image, np.zeros((1, 4), np.float32), reconstruction, np.ones(1, np.float32))
    by = detector("residual", normal_maps=None)
    plain, colored, reconstructed = panels_of(Detection("x.png", 1.0, 0.5, None, output), by, size=(128, 128), count=3)
    assert (plain == 100).all()
    assert (reconstructed[42:58, 42:58] == 0).all()
    assert (saturation(colored)[42:58, 42:58] > 0).all()
    assert not saturation(colored)[:36].any()


def test_the_text_names_the_file_and_the_verdict() -> None:
    strips = [
        np.asarray(heatmap(shown, detector()))[:60]
        for shown in (detection(hot(9.0)), detection(hot(9.0), path="y.png"), detection(hot(1.0)))
    ]
    assert not np.array_equal(strips[0], strips[1])
    assert not np.array_equal(strips[0], strips[2])


def test_an_image_that_vanished_is_drawn_as_the_model_saw_it(tmp_path: Path) -> None:
    from dataclasses import replace

    from aecli.errors import InputError

    def fail(_: object) -> None:
        raise InputError("gone")

    shown = detection(hot(9.0), side=160)
    assert shown.original
    gone = replace(shown, original=replace(shown.original, reread=fail))  # type: ignore[arg-type]
    plain, colored = panels_of(gone, size=(160, 160))
    assert (plain == 100).all()
    assert saturation(colored).any()


# File names


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
    heatmaps = Heatmaps(tmp_path, detector())
    files = [heatmaps.draw(detection(hot(9.0), path=path)) for path in paths]
    assert len({file.name.lower() for file in files}) == len(paths)
    assert sorted(files) == sorted(tmp_path.iterdir())
    assert all(file.suffix == ".png" and not file.name.startswith((".", "-")) for file in files)


def test_a_file_name_contains_the_path_of_the_image(tmp_path: Path) -> None:
    path = Heatmaps(tmp_path, detector()).draw(detection(None, path="photos/cat.01.jpeg"))
    assert path.name == "photos_cat.01.png"
    with Image.open(path) as image:
        assert image.mode == "RGB"


def test_equal_detections_have_equal_bytes(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
    first, again = (Heatmaps(tmp_path / name, detector()).draw(detection(hot(9.0))) for name in "ab")
    assert first.read_bytes() == again.read_bytes()


def test_the_folder_of_an_inspected_image_is_refused(tmp_path: Path) -> None:
    image = tmp_path / "x.png"
    image.write_bytes(b"an image")
    with pytest.raises(UsageError, match="among the images"):
        Heatmaps(tmp_path, detector()).require_other_folder(["elsewhere/x.png", str(image)])
    Heatmaps(tmp_path / "heatmaps", detector()).require_other_folder([str(image), "digits:test/3"])
