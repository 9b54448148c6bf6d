"""The levels of images of more than 8 bits."""

import tracemalloc
from typing import Any

import numpy as np
import pytest

from aecli.data.levels import CHUNK, DepthSummary, Levels, ValueRange, measure_levels, to_8_bits
from aecli.errors import InputError, UnavailableError


@pytest.mark.parametrize(
    ("low", "high", "kind", "expected"),
    [
        (0, 200, "uint16", (0, 255)),
        (0, 255, "int64", (0, 255)),
        (0, 256, "uint16", (0, 1023)),
        (12, 4000, "uint16", (0, 4095)),
        (0, 4095, "int32", (0, 4095)),
        (0, 4096, "int32", (0, 16383)),
        (0, 16384, "uint16", (0, 65535)),
        (0, 65536, "int32", (0, 131071)),
        (0, 2**32 - 1, "uint32", (0, 2**32 - 1)),
        (0, 1, "int64", (0, 1)),
        (0, 0, "uint16", (0, 1)),
        (0, 0, "float32", (0, 1)),
        (0.2, 0.7, "float64", (0, 1)),
        (-0.5, 0.5, "float32", (-1, 1)),
        (-1, -0.9, "float32", (-1, 1)),
        (0, 1.5, "float32", (0, 255)),
        (0, 254.6, "float64", (0, 255)),
        (0, 3999.5, "float32", (0, 4095)),
    ],
)
def test_levels_hold_the_values(low: float, high: float, kind: str, expected: tuple[float, float]) -> None:
    assert measure_levels(ValueRange(low, high, kind)) == Levels(*expected)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(-0.03, 1.02, Levels(0, 1)), (-1.02, 1.04, Levels(-1, 1)), (-0.02, 0.02, Levels(-1, 1))],
)
def test_interpolated_floats_may_exceed_their_range_a_little(low: float, high: float, expected: Levels) -> None:
    values = ValueRange(low, high, "float32")
    assert measure_levels(values) == expected
    summary = DepthSummary()
    summary.add(values)
    assert any("clipped" in note for note in summary.notes(expected)) == (high > 1)


@pytest.mark.parametrize(
    ("low", "high", "kind"),
    [
        (-1000, 3000, "int16"),
        (-2.1, 2.6, "float32"),
        (-5, -5, "int8"),
        (0, 2**32, "uint64"),
        (0, np.nan, "float32"),
        (-np.inf, 0, "float16"),
    ],
)
def test_values_without_known_levels_are_an_error(low: float, high: float, kind: str) -> None:
    with pytest.raises(InputError) as caught:
        measure_levels(ValueRange(low, high, kind))
    assert caught.value.hint
    assert "astype" not in caught.value.hint
    assert ("model.black=-1000" in caught.value.hint) == (low == -1000)


@pytest.mark.parametrize("dtype", ["u2", ">u2", "i8", "f2", "f4", ">f8"])
def test_values_are_scaled_rounded_and_clipped(dtype: str) -> None:
    values = np.array([[-1, 0, 100], [150, 200, 300]]).clip(0 if "u" in dtype else -1).astype(dtype)
    scaled = to_8_bits(values, Levels(100, 200))
    assert scaled.dtype == np.uint8
    assert scaled.tolist() == [[0, 0, 0], [128, 255, 255]]


@pytest.mark.parametrize("shape", [(2, 1, 1200, 1000), (5, 1, 700, 600), (1 << 21,)])
def test_large_arrays_are_scaled_in_small_chunks(shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).integers(0, 4096, shape, np.uint16)
    tracemalloc.start()
    scaled = to_8_bits(values, Levels(0, 4095))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(scaled, np.rint(values * (255 / 4095)))
    assert peak < values.size + 4 * 8 * CHUNK


def test_a_result_larger_than_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aecli.storage.limits.available_memory", lambda: 100)
    with pytest.raises(UnavailableError, match="memory"):
        to_8_bits(np.broadcast_to(np.uint16(0), (2 * CHUNK,)), Levels(0, 1))


@pytest.mark.parametrize(
    ("values", "levels", "white"),
    [
        ((0, 4000, "uint16"), Levels(0, 65535), "4095"),
        ((0, 4000, "uint16", Levels(0, 65535)), "declared", "4095"),
        ((0, 16, "float32"), Levels(0, 255), "16"),
        ((0, 0.1, "float32"), Levels(0, 1), "0.1"),
        ((0, 1, "int32"), Levels(0, 4095), "1"),
        ((0, 0, "uint16"), Levels(0, 4095), None),
        ((-999, -998, "int16"), Levels(-1000, 3000), None),
    ],
)
def test_images_that_are_nearly_black_are_reported(values: Any, levels: Levels | str, white: str | None) -> None:
    summary = DepthSummary()
    summary.add(ValueRange(*values))
    dark = summary.notes(levels)[1]
    assert "nearly black" in dark
    assert dark.endswith(f"model.white={white}") or (white is None and "model.white" not in dark)


@pytest.mark.parametrize(
    ("values", "levels"),
    [((0, 4000, "uint16"), Levels(0, 4095)), ((0, 8192, "uint16"), Levels(0, 65535)), ((-1, 0, "f"), Levels(-1, 1))],
)
def test_images_that_use_an_eighth_of_the_range_are_not_reported(values: Any, levels: Levels) -> None:
    summary = DepthSummary()
    summary.add(ValueRange(*values), 3)
    (note,) = summary.notes(levels)
    assert "3 images" in note


def test_notes_on_images_with_levels_of_their_own_name_these() -> None:
    summary = DepthSummary()
    summary.add(ValueRange(0, 4000, "uint16", Levels(0, 4095)), 2)
    summary.add(ValueRange(0, 500, "uint16", Levels(0, 4095)))
    (note,) = summary.notes("declared")
    assert "4,095 is white" in note
    summary.add(ValueRange(0, 4000, "uint16", Levels(0, 65535)))
    (mixed,) = summary.notes("declared")
    assert "each" in mixed
    assert "is black" not in mixed
