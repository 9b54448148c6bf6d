"""The undocumented parts of openTSNE that aecli uses exist and do what they are used for."""

import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from packaging.requirements import Requirement

from aecli.analyses.neighbors import nearest_others_with_distances
from aecli.analyses.tsne.opentsne_internals import (
    add_attraction,
    affinities,
    affinities_to_map,
    as_negative_gradient_method,
    scale_start,
)

POINTS = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
PLANE = np.random.default_rng(1).normal(size=(40, 2))


@pytest.fixture(scope="module")
def similarities() -> Any:
    return affinities(*nearest_others_with_distances(POINTS, 15, "euclidean"), perplexity=5.0, workers=1)


def test_the_installed_version_is_within_the_tested_range() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text("utf-8"))["project"]
    (requirement,) = [r for r in map(Requirement, project["dependencies"]) if r.name == "openTSNE"]
    assert version("openTSNE") in requirement.specifier
    assert "<" in {bound.operator for bound in requirement.specifier}


def test_affinities_are_a_symmetric_distribution_with_the_perplexity_that_was_asked_for() -> None:
    neighbors, distances = nearest_others_with_distances(POINTS, 15, "euclidean")
    p = affinities(neighbors, distances, perplexity=5.0, workers=1).P
    assert p.sum() == pytest.approx(1)
    assert abs(p - p.T).max() < 1e-12
    squares = distances[0] ** 2  # of the first point: find the Gaussian width that has perplexity 5

    def conditional(precision: float) -> NDArray[np.float64]:
        weights = np.exp(-precision * (squares - squares.min()))
        return np.asarray(weights / weights.sum())

    precisions = np.geomspace(1e-3, 1e3, 20_000)
    entropies = np.array([-(q * np.log(q + 1e-300)).sum() for q in map(conditional, precisions)])
    expected = conditional(float(precisions[np.abs(entropies - np.log(5)).argmin()]))
    mutual = [j for j, near in enumerate(neighbors[0]) if 0 not in neighbors[near]]  # p is half of the first point's
    found = np.asarray(p.toarray())[0, neighbors[0][mutual]] * 2 * len(POINTS)
    assert found == pytest.approx(expected[mutual], rel=1e-2)


def test_affinities_to_a_map_are_one_distribution_for_each_new_point() -> None:
    neighbors, distances = nearest_others_with_distances(POINTS, 15, "euclidean")
    p = affinities_to_map(neighbors[:7], distances[:7], perplexity=5.0, points=len(POINTS), workers=1).toarray()
    assert p.shape == (7, 40)
    assert p.sum(axis=1) == pytest.approx(np.ones(7))
    entropy = -(p * np.log(p, where=p > 0, out=np.zeros_like(p))).sum(axis=1)
    assert np.exp(entropy) == pytest.approx(np.full(7, 5.0), rel=1e-3)


def test_the_start_has_a_standard_deviation_of_1e_4_and_no_equal_points() -> None:
    start = np.repeat(PLANE[:10], 4, axis=0)
    again = start.copy()
    for points in (start, again):
        scale_start(points, seed=3)
    assert np.std(start[:, 0]) == pytest.approx(1e-4, rel=0.05)
    assert len(np.unique(start, axis=0)) == len(start)
    assert (start == again).all()


def test_attraction_is_that_of_the_definition(similarities: Any) -> None:
    p = similarities.P.tocsr()
    gradient = np.zeros_like(PLANE)
    sums = [add_attraction(gradient, PLANE, p, rows, 1.0, True) for rows in (slice(0, 25), slice(25, 40))]
    dense = p.toarray()
    differences = PLANE[:, None] - PLANE
    q = 1 / (1 + (differences**2).sum(axis=2))
    assert gradient == pytest.approx(((dense * q)[..., None] * differences).sum(axis=1))
    assert sum(affinity for affinity, _ in sums) == pytest.approx(1)
    used = dense > 0
    expected = (dense[used] * np.log(dense[used] / q[used])).sum()
    assert sum(divergence for _, divergence in sums) == pytest.approx(expected)


def test_the_optimizer_calls_the_gradient_with_points_and_affinities(similarities: Any) -> None:
    from openTSNE import TSNEEmbedding

    calls: list[tuple[NDArray[np.float64], Any, float, bool]] = []

    def gradient(points: NDArray[np.float64], p: Any, dof: float, wanted: bool) -> tuple[float, NDArray[np.float64]]:
        calls.append((points.copy(), p, dof, wanted))
        return 0.25, np.ones_like(points)

    method = as_negative_gradient_method(gradient)
    embedding = TSNEEmbedding(PLANE.copy(), similarities, negative_gradient_method=method, n_jobs=1, learning_rate=1.0)
    embedding.optimize(7, inplace=True)
    assert len(calls) >= 7
    points, p, dof, _ = calls[0]
    assert type(points) is np.ndarray
    assert (points == PLANE).all()
    assert p.shape == (40, 40)
    assert len(p.indptr) == 41
    assert dof == 1
    assert calls[-1][3]  # the divergence of the result is wanted
    assert embedding.kl_divergence == 0.25
