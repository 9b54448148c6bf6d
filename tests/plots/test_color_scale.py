"""The color scale: from the maps of normal images to the threshold and beyond, whatever the detector knows."""

import numpy as np
import pytest

from aecli.checkpoint import NormalMaps
from aecli.plots.color_scale import SHADES, color_scale, palette
from tests.plots.detections import NORMAL, THRESHOLD, detector


def test_colors_start_at_the_high_values_of_normal_images_and_are_outlined_at_the_threshold() -> None:
    scale = color_scale(detector())
    assert (scale.start, scale.outline, scale.end) == (NORMAL.high, THRESHOLD, 12.0)
    assert "threshold" in scale.meaning


def test_the_threshold_of_a_mean_does_not_apply_to_single_positions() -> None:
    scale = color_scale(detector(map_reduction="mean"))
    assert (scale.start, scale.outline) == (NORMAL.high, NORMAL.highest)
    assert "normal images" in scale.meaning
    assert color_scale(detector(map_reduction="0.99")).outline == THRESHOLD


def test_error_maps_have_a_scale_of_their_own() -> None:
    scale = color_scale(detector("residual"))
    assert (scale.start, scale.outline) == (NORMAL.high, NORMAL.highest)
    assert "normal images" in scale.meaning
    unknown = color_scale(detector("residual", normal_maps=None))
    assert 0 < unknown.start < unknown.outline < unknown.end < 255
    assert f"{unknown.outline:g} gray levels" in unknown.meaning


@pytest.mark.parametrize("threshold", [-3.0, 0.0, 1e-30, 0.5, 1.0, 1.5, 2.0, 1e6])
@pytest.mark.parametrize("normal", [None, NORMAL, NormalMaps(0.0, 0.0, 0.0)])
def test_the_scale_increases_for_any_threshold(threshold: float, normal: NormalMaps | None) -> None:
    scale = color_scale(detector(normal_maps=normal).with_threshold(threshold))
    assert scale.start < scale.outline < scale.end
    assert scale.outline == threshold


def test_shades_increase_and_unknown_values_have_none() -> None:
    scale = color_scale(detector())
    values = np.array([[np.nan, -1.0, 2.0, 3.0, 4.0, 6.0, 12.0, 99.0]], np.float32)
    shades = scale.shades(values)[0]
    assert shades[:3].tolist() == [0, 0, 0]
    assert 0 < shades[3] < shades[4] < shades[5] < shades[6] == shades[7] == SHADES - 1


def test_the_palette_is_transparent_at_its_start_only() -> None:
    opacity = palette()[:SHADES, 3].astype(int)
    assert opacity[0] == 0
    assert (np.diff(opacity) >= 0).all()
    assert 100 < opacity[-1] < 255
