"""Priors: every code comes back, in about as many bytes as its entropy, and damaged streams raise or differ."""

from math import prod

import numpy as np
import pytest
from numpy.typing import NDArray

from aecli.checkpoint.prior_tensors import prior_from_tensors, prior_to_tensors
from aecli.codes.priors import CausalPrior, Prior
from aecli.codes.priors.causal import fit_causal_tables
from aecli.codes.priors.causal_network import FRACTIONS, SCALES, CausalNetwork, predictions
from aecli.codes.priors.static import StaticPrior, fit_static_prior
from aecli.codes.priors.tables import Tables, make_tables
from aecli.codes.priors.wavefront import NEIGHBORS

CHANNELS, HIDDEN, RATES = 5, 8, 2
SHAPES = [(CHANNELS, 1, 1), (CHANNELS, 1, 9), (CHANNELS, 7, 1), (CHANNELS, 6, 5)]


@pytest.fixture(scope="module")
def causal() -> CausalPrior:
    random = np.random.default_rng(0)

    def draw(*shape: int) -> NDArray[np.int64]:
        return random.integers(-(2**14), 2**14, shape)

    weights = draw(HIDDEN, len(NEIGHBORS) * 2 * CHANNELS), draw(HIDDEN, HIDDEN), draw(2 * CHANNELS, HIDDEN)
    biases = draw(RATES, HIDDEN), draw(RATES, HIDDEN), draw(RATES, 2 * CHANNELS)
    first, second, last = (weight.astype(np.int16) for weight in weights)
    start, middle, end = (bias.astype(np.int32) for bias in biases)
    shifts = random.integers(0, 3, (RATES, CHANNELS)).astype(np.int32)
    network = CausalNetwork((first, second, last), (start, middle, end), shifts)
    tables = fit_causal_tables(random.integers(-9, 10, 20_000), random.integers(0, SCALES * FRACTIONS, 20_000))
    return CausalPrior(network, tables)


def codes_of(*shape: int, scale: float = 2.0, seed: int = 0) -> NDArray[np.int32]:
    return np.rint(np.random.default_rng(seed).laplace(0, scale, shape)).astype(np.int32)


def decode(prior: CausalPrior, words: NDArray[np.uint32], shape: tuple[int, ...], rate: int) -> NDArray[np.int32]:
    return prior.decode([words], [shape], [rate])[0]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("rate", range(RATES))
def test_codes_of_any_size_come_back(causal: CausalPrior, shape: tuple[int, int, int], rate: int) -> None:
    codes = codes_of(*shape)
    assert (decode(causal, causal.encode(codes, rate), shape, rate) == codes).all()


def test_codes_of_several_sizes_and_rates_are_decoded_together(
    causal: CausalPrior, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether they fit in one band, or one of them needs several; with numbers that no table has in two of them."""
    shapes = [*SHAPES, (CHANNELS, 20, 3), (CHANNELS, 2, 2)]
    codes = [codes_of(*shape, seed=seed) for seed, shape in enumerate(shapes)]
    codes[0][2, 0, 0], codes[3][1, 5, 4] = 12_345, -700
    rates = [index % RATES for index in range(len(shapes))]
    for band in (1 << 14, 31):
        monkeypatch.setattr("aecli.codes.priors.wavefront.BAND", band)
        words = [causal.encode(code, rate) for code, rate in zip(codes, rates, strict=True)]
        for found, code in zip(causal.decode(words, shapes, rates), codes, strict=True):
            np.testing.assert_array_equal(found, code)


@pytest.mark.parametrize("value", [2**29, -(2**29), 301, -301])
def test_numbers_that_no_table_has_come_back(causal: CausalPrior, value: int) -> None:
    codes = codes_of(CHANNELS, 4, 4)
    codes[1, 2, 3] = value
    assert (decode(causal, causal.encode(codes, 0), codes.shape, 0) == codes).all()
    prior = fit_static_prior([codes_of(9, CHANNELS, 4, 4)], by_unit=True)
    assert (prior.decode(prior.encode(codes[None], 0), (1, *codes.shape), 0) == codes).all()


def test_the_prediction_of_a_whole_code_is_that_of_each_position_alone(causal: CausalPrior) -> None:
    """The decoder knows only the neighbors: numbers after a position must not matter."""
    grid = codes_of(6, 7, CHANNELS).astype(np.int64)
    base, table = predictions(causal.network, grid, 1)
    for row, column in ((0, 0), (2, 3), (5, 6), (3, 0)):
        known = grid.copy()
        known[row, column:] = 99
        known[row + 1 :] = -99
        again = predictions(causal.network, known, 1)
        assert (again[0][row, column] == base[row, column]).all()
        assert (again[1][row, column] == table[row, column]).all()


def test_sums_are_exact_in_any_order(causal: CausalPrior) -> None:
    """Permuting the channels and the weights alike, and another batch size, changes no bit of the predictions."""
    network, random = causal.network, np.random.default_rng(1)
    codes = codes_of(50, CHANNELS, scale=20).reshape(50, CHANNELS)
    expected = network.contributions(codes, 0)
    order = random.permutation(CHANNELS)
    first = network.weights[0].reshape(network.hidden, len(NEIGHBORS), 2, CHANNELS)[..., order]
    shuffled = CausalNetwork(
        (first.reshape(network.hidden, -1), *network.weights[1:]), network.biases, network.shifts[:, order]
    )
    np.testing.assert_array_equal(shuffled.contributions(codes[:, order], 0), expected)
    np.testing.assert_array_equal(network.contributions(codes[7:8], 0), expected[7:8])

    sums = expected.sum(1)
    np.testing.assert_array_equal(sum(expected[:, index] for index in random.permutation(len(NEIGHBORS))), sums)
    for actual, known in zip(network.predict(sums[7:8], 0), network.predict(sums, 0), strict=True):
        np.testing.assert_array_equal(actual, known[7:8])


def test_contributions_are_those_of_the_features(causal: CausalPrior) -> None:
    """The sparse product is the dense one of numbers within 8 and of sizes within 2, in units of 2^shift."""
    network = causal.network
    codes, rates = codes_of(50, CHANNELS, scale=20).reshape(50, CHANNELS), np.arange(50) % causal.rates
    codes[3] = 0
    scaled = codes / 2.0 ** network.shifts[rates]
    features = np.concatenate([np.clip(scaled, -8, 8), np.minimum(np.abs(scaled), 2)], 1)
    weights = network.weights[0].reshape(network.hidden, len(NEIGHBORS), 2 * CHANNELS) / 2.0**14
    np.testing.assert_array_equal(
        network.contributions(codes, rates), np.einsum("pf,hnf->pnh", features, weights, optimize=False)
    )


@pytest.mark.parametrize("by_unit", [True, False])
def test_a_static_prior_needs_about_the_entropy(by_unit: bool) -> None:
    scales = np.array([0.2, 1, 5, 20])[None, :, None, None]
    codes = np.rint(np.random.default_rng(0).normal(0, scales, (500, 4, 3, 3))).astype(np.int32)
    prior = fit_static_prior([codes], by_unit=by_unit)
    words = prior.encode(codes, 0)
    assert (prior.decode(words, codes.shape, 0) == codes).all()
    columns = codes.reshape(500, -1).T if by_unit else np.moveaxis(codes, 1, 0).reshape(4, -1)
    entropy = 0.0
    for values in columns:
        counts = np.unique(values, return_counts=True)[1]
        entropy -= float((counts * np.log2(counts / counts.sum())).sum())
    assert entropy / 8 < words.nbytes < 1.01 * entropy / 8 + 8


@pytest.mark.parametrize("middle", [0, 9_000, 1 << 24])
def test_a_static_prior_of_very_fine_steps_is_one_that_can_be_loaded(middle: int) -> None:
    codes = codes_of(50, 2, 3, 3, scale=3000) + np.int32(middle)
    prior = prior_from_tensors(prior_to_tensors(fit_static_prior([codes], by_unit=False)))
    assert isinstance(prior, StaticPrior)
    assert (prior.decode(prior.encode(codes, 0), codes.shape, 0) == codes).all()


def test_a_rate_has_tables_of_its_own() -> None:
    fine, coarse = codes_of(300, 2, 2, 2, scale=20), codes_of(300, 2, 2, 2, scale=0.3)
    prior = fit_static_prior([fine, coarse], by_unit=False)
    assert prior.encode(coarse, 1).nbytes < 0.5 * prior.encode(coarse, 0).nbytes
    assert (prior.decode(prior.encode(coarse, 0), coarse.shape, 0) == coarse).all()


@pytest.mark.parametrize("kind", ["static", "causal"])
def test_a_prior_is_the_same_after_a_file(kind: str, causal: CausalPrior) -> None:
    codes = codes_of(3, CHANNELS, 4, 5)
    prior: Prior = causal if kind == "causal" else fit_static_prior([codes, codes], by_unit=True)
    again = prior_from_tensors(prior_to_tensors(prior))
    assert type(again) is type(prior)
    if isinstance(prior, CausalPrior) and isinstance(again, CausalPrior):
        assert (again.encode(codes[0], 1) == prior.encode(codes[0], 1)).all()
    elif not isinstance(prior, CausalPrior) and not isinstance(again, CausalPrior) and again:
        assert (again.encode(codes, 1) == prior.encode(codes, 1)).all()


@pytest.mark.parametrize(
    "change",
    [
        lambda tables: Tables(tables.low[:-1], tables.sizes, tables.counts),
        lambda tables: Tables(tables.low, tables.sizes + 1, tables.counts),
        lambda tables: Tables(tables.low, tables.sizes, tables.counts * 2),
        lambda tables: Tables(tables.low, tables.sizes, np.where(tables.counts == 1, 0, tables.counts)),
        lambda tables: Tables(tables.low, tables.sizes * 0, tables.counts[:0]),
    ],
)
def test_tables_that_a_coder_cannot_take_are_refused(change: object) -> None:
    tables = make_tables([np.array([1.0, 2.0, 1e-9]), np.array([5.0, 1e-9])], [-1, 0], 16)
    tables.check()
    assert callable(change)
    with pytest.raises(ValueError, match="table"):
        change(tables).check()


def test_a_longer_stream_is_refused(causal: CausalPrior) -> None:
    codes = codes_of(CHANNELS, 6, 5)
    words = causal.encode(codes, 0)
    with pytest.raises(ValueError, match="more numbers"):
        decode(causal, np.concatenate([np.full(5, 7, np.uint32), words]), codes.shape, 0)


def test_frequencies_sum_to_a_power_of_two() -> None:
    weights = [np.random.default_rng(0).random(size) ** 9 for size in (2, 5, 300)]
    tables = make_tables(weights, [0, -2, -150], 23)
    tables.check()
    assert [int(part.sum()) for part in np.split(tables.counts, np.cumsum(tables.sizes)[:-1])] == [1 << 23] * 3
    assert prod(tables.counts.shape) == 307


def test_codes_in_bands_come_back_and_keep_their_neighbors(
    causal: CausalPrior, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = codes_of(CHANNELS, 30, 7)
    whole = causal.encode(codes, 0)
    monkeypatch.setattr("aecli.codes.priors.wavefront.BAND", 60)
    words = causal.encode(codes, 0)
    assert (decode(causal, words, codes.shape, 0) == codes).all()
    assert abs(len(words) - len(whole)) <= 1
    changed = codes.copy()
    changed[:, 7] += 3  # the last row of the first band, the row above the second
    base = [predictions(causal.network, np.moveaxis(each[:, 6:16], 0, -1), 0, skip=2)[0] for each in (codes, changed)]
    assert (base[0][:2] != base[1][:2]).any()
