"""Bytes at equal quality: curves, their mean difference, and who needs the fewest bytes."""

import numpy as np
import pytest

from aecli.analyses.compression.bd_rate import Curve, bd_rate, common_range, fewer_bytes, winners

# Two curves of kbit/s and PSNR, of which bjontegaard 1.3.0 gives a BD-rate of 31.379878202397627% with method="pchip".
ANCHOR = [(85.95, 31.42), (157.11, 34.24), (309.58, 37.18), (686.76, 40.28)]
TESTED = [(112.75, 31.24), (204.93, 34.17), (407.8, 37.21), (893.34, 40.39)]
PEER = 31.379878202397627


def curve(points: list[tuple[float, float]]) -> Curve:
    found = Curve.through(points)
    assert found
    return found


def test_the_difference_equals_that_of_a_peer() -> None:
    rate = bd_rate(curve(TESTED), curve(ANCHOR))
    assert rate
    assert rate.percent == pytest.approx(PEER, rel=1e-9)
    assert (rate.low, rate.high) == (31.42, 40.28)


def test_the_difference_equals_that_of_the_installed_peer() -> None:
    peer = pytest.importorskip("bjontegaard")
    columns = [list(column) for points in (ANCHOR, TESTED) for column in zip(*points, strict=True)]
    assert peer.bd_rate(*columns, method="pchip", min_overlap=0) == pytest.approx(PEER, rel=1e-9)


def test_a_constant_factor_is_the_difference() -> None:
    points = [(100.0, 30.0), (250.0, 35.0), (400.0, 38.0)]
    rate = bd_rate(curve([(0.7 * size, quality) for size, quality in points]), curve(points))
    assert rate
    assert rate.percent == pytest.approx(-30)


def test_straight_curves_differ_by_the_mean_of_the_exponents() -> None:
    """Bytes are 2^q and 2^(2q - 1): over q in 0..2 they differ by a factor of 2^(q - 1), whose mean exponent is 0."""
    rate = bd_rate(curve([(1, 0), (2, 1), (4, 2)]), curve([(0.5, 0), (2, 1), (8, 2)]))
    assert rate
    assert rate.percent == pytest.approx(0)
    half = bd_rate(curve([(1, 0), (2, 1), (4, 2)]), curve([(2, 1), (8, 2)]))
    assert half
    assert half.percent == pytest.approx(100 * (2**-0.5 - 1))
    assert (half.low, half.high) == (1, 2)


def test_settings_that_are_no_better_than_smaller_ones_are_left_out() -> None:
    found = curve([(300, 40), (100, 30), (200, 29), (250, 30), (400, float("inf")), (0, 20)])
    np.testing.assert_array_equal(found.quality, [30, 40])
    assert [found.bytes_at(30), found.bytes_at(40)] == pytest.approx([100, 300])


def test_one_quality_is_no_curve_and_apart_ones_have_no_difference() -> None:
    assert Curve.through([(100, 30), (200, 30)]) is None
    low, high = curve([(100, 20), (200, 25)]), curve([(100, 30), (200, 35)])
    assert common_range(low, high) is None
    assert bd_rate(low, high) is None
    assert bd_rate(low, None) is None
    assert fewer_bytes(low, high) == []


def test_where_curves_cross_the_winner_changes() -> None:
    steep, flat = curve([(100, 20), (1000, 40)]), curve([(200, 20), (500, 40)])
    ((low, high),) = fewer_bytes(steep, flat)
    crossing = 20 + 20 * np.log(2) / np.log(4)
    assert (low, high) == pytest.approx((20, crossing), abs=0.1)
    first, second, third = winners({"steep": steep, "flat": flat}, {"PNG": 450})
    assert (first.name, second.name, third.name) == ("steep", "flat", "PNG")
    assert second.low == pytest.approx(crossing, abs=0.1)
    assert [each.is_lossless for each in (first, second, third)] == [False, False, True]
    assert winners({}, {"PNG": 450}) == []


def test_a_method_reaches_a_lower_quality_with_its_fewest_bytes() -> None:
    coarse, fine = curve([(300, 20), (400, 30)]), curve([(100, 35), (200, 40)])
    (only,) = winners({"coarse": coarse, "fine": fine}, {})
    assert (only.name, only.low, only.high) == ("fine", 20, 40)
