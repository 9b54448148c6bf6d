"""Values get the nearest levels, and the range of the levels minimizes the error."""

import numpy as np
import pytest

from aecli.codes.quantizer import QUANTIZED_BITS, Quantizer, fit_quantizer, pack, unpack


@pytest.mark.parametrize("bits", QUANTIZED_BITS)
@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (40, 4, 3, 3), (0, 2)])
def test_packing_is_exact_and_has_no_gaps(bits: int, shape: tuple[int, ...]) -> None:
    levels = np.random.default_rng(0).integers(2**bits, size=shape).astype(np.uint8)
    packed = pack(levels, bits)
    assert len(packed) == -(-levels.size * bits // 8)
    assert np.array_equal(unpack(packed, bits, shape), levels)


def test_bytes_of_the_wrong_size_are_refused() -> None:
    with pytest.raises(ValueError, match="bytes"):
        unpack(np.zeros(3, np.uint8), 4, (4, 4))


def test_levels_are_the_nearest_ones_and_clipped() -> None:
    quantizer = Quantizer(2, [0.0, -1.0], [1.0, 0.5])
    values = np.array([[0.4, -1.1], [1.6, 0.3], [9.0, 9.0], [-3.0, -9.0]], np.float32)
    assert quantizer.levels(values).tolist() == [[0, 0], [2, 3], [3, 3], [0, 0]]
    assert quantizer.values(np.array([[0, 0], [3, 3]], np.uint8)).tolist() == [[0, -1], [3, 0.5]]


def test_the_fitted_range_has_the_smallest_error() -> None:
    values = np.random.default_rng(0).laplace(size=(4000, 1)).astype(np.float32)
    chosen = fit_quantizer(values, 3)

    def error(quantizer: Quantizer) -> float:
        return float(np.mean((quantizer.values(quantizer.levels(values)) - values) ** 2))

    low, high = float(values.min()), float(values.max())
    others = [Quantizer(3, [low * fraction], [(high - low) * fraction / 7]) for fraction in np.linspace(0.05, 1, 200)]
    assert error(chosen) <= 1.01 * min(map(error, others))
    assert error(chosen) < 0.5 * error(others[-1])  # clipping outliers reduces the error


def test_each_channel_has_its_own_scale() -> None:
    random = np.random.default_rng(0)
    values = random.normal(size=(500, 2, 3)).astype(np.float32) * np.array([1, 1000], np.float32)[None, :, None]
    quantizer = fit_quantizer(values, 8)
    error = np.abs(quantizer.values(quantizer.levels(values)) - values).mean(axis=(0, 2))
    assert error[0] < 0.02
    assert error[1] < 20


@pytest.mark.parametrize(("low", "high"), [(10, 12), (-12, -10), (10, 10 + 1e-5)])
def test_the_levels_of_a_channel_of_one_sign_do_not_reach_zero(low: float, high: float) -> None:
    values = np.linspace(low, high, 1000, dtype=np.float32)[:, None]
    quantizer = fit_quantizer(values, 8)
    assert np.abs(quantizer.values(quantizer.levels(values)) - values).max() <= 1.05 * (high - low) / 255


@pytest.mark.parametrize("value", [0.0, 3.0, -3.0])
def test_a_constant_channel_is_exact(value: float) -> None:
    values = np.full((5, 2), value, np.float32)
    quantizer = fit_quantizer(values, 2)
    assert np.array_equal(quantizer.values(quantizer.levels(values)), values)
