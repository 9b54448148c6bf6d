"""Anomaly scores: properties that every score must have, and agreement with scikit-learn."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.covariance import LedoitWolf
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from aecli.analyses.compression.image_quality import QualitySum
from aecli.detection.reductions import DEFAULT_REDUCTION
from aecli.detection.score_application import apply_score
from aecli.detection.scores import (
    applicable_scores,
    find_score,
    has_positions,
    knn,
    mahalanobis,
    score_names,
    score_summaries,
)
from aecli.detection.whitening import fit_whitening, whiten
from aecli.errors import UsageError
from aecli.inference.model import Model, ModelOutput
from tests.command_line import run_here

every_score = pytest.mark.parametrize("name", score_names())
ERROR_SCORES = ("combined", "local", "mse", "residual", "ssim")
CODE_SCORES = ("combined", "knn", "mahalanobis")
LARGEST_MAPPED = 600
"""Channels of the widest maps that scores are tested on."""


def random_output(codes: NDArray[np.floating], seed: int = 0) -> ModelOutput:
    """Return codes (N, ...) with random images and reconstructions."""
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (len(codes), 1, 8, 8), dtype=np.uint8)
    reconstructions = np.clip(images + random.normal(0, 20, images.shape), 0, 255).astype(np.float32)
    residual = np.linalg.norm((reconstructions - images).reshape(len(codes), -1), axis=1) / 100
    return ModelOutput(images, codes.astype(np.float32), reconstructions, residual.astype(np.float32))


def correlated_vectors(count: int, dimensions: int, seed: int) -> NDArray[np.float32]:
    """Return correlated (N, D) vectors with a mean far from 0, of which the last quarter of dimensions is constant."""
    shape = np.random.default_rng(1).normal(size=(dimensions, dimensions)) / np.sqrt(dimensions)
    shape[:, dimensions - dimensions // 4 :] = 0
    drawn = np.random.default_rng(seed).normal(size=(count, dimensions))
    vectors: NDArray[np.float32] = (drawn @ shape + 5).astype(np.float32)
    return vectors


def needs_positions(name: str, model: Model) -> bool:
    """Return whether a score needs codes that are maps."""
    vectors = replace(model.header, code_shape=(4,))
    return not find_score(name).applies_to(vectors)


def code_shape(name: str, dimensions: int, model: Model) -> tuple[int, ...]:
    """Return the shape of a code of that many dimensions, or channels, to which the score applies."""
    return (dimensions, 2, 3) if needs_positions(name, model) else (dimensions,)


def fit_and_score(name: str, normal: ModelOutput, new: ModelOutput) -> NDArray[np.float32]:
    score = find_score(name)
    statistics = score.fit(score.measure(normal), 0)
    return apply_score(score, score.measure(new), statistics, DEFAULT_REDUCTION)[0]


# Properties of every score


@every_score
def test_a_score_is_documented(name: str) -> None:
    score = find_score(name)
    assert score.UNIT
    assert score_summaries()[name] == score.SUMMARY
    assert score.__doc__
    assert "\n\n" in score.__doc__


@every_score
def test_a_score_applies_to_codes_that_are_maps(name: str, model: Model) -> None:
    """So that the tests below can use the output of one model for all of them."""
    assert has_positions(model.header)
    assert name in applicable_scores(model.header)


def test_scores_of_reconstructions_do_not_apply_to_models_of_features(model: Model) -> None:
    features = replace(model.header, task="features")
    without_reconstructions = {"residual", "position", "patch", "pooled"}
    assert set(applicable_scores(features)) == without_reconstructions
    assert applicable_scores(replace(features, code_shape=(8,))) == ["residual"]


@every_score
def test_help_lists_a_score(name: str) -> None:
    help_text = " ".join(run_here("calibrate", "--help").out.replace("│", " ").split())
    assert f"{name}: {score_summaries()[name]}" in help_text


@every_score
def test_scores_are_finite_and_not_negative(name: str, output: ModelOutput) -> None:
    scores = fit_and_score(name, output, output)
    assert scores.dtype == np.float32
    assert scores.shape == (len(output.images),)
    assert np.isfinite(scores).all()
    assert (scores >= 0).all()


@every_score
def test_a_score_does_not_depend_on_other_images(name: str, output: ModelOutput) -> None:
    score = find_score(name)
    statistics = score.fit(score.measure(output), 0)
    together, alone = (
        [apply_score(score, score.measure(each), statistics, DEFAULT_REDUCTION)[0] for each in outputs]
        for outputs in ([output], [output.take(index) for index in range(20)])
    )
    assert np.concatenate(alone) == pytest.approx(together[0][:20], rel=1e-4, abs=1e-4)


@every_score
def test_statistics_are_float32_and_reproducible(name: str, output: ModelOutput) -> None:
    score = find_score(name)
    first, again = (score.fit(score.measure(output), 3) for _ in range(2))
    assert {array.dtype for array in first.values()} <= {np.dtype(np.float32)}
    assert first.keys() == again.keys()
    assert all(np.array_equal(first[key], again[key]) for key in first)


@every_score
def test_noise_scores_higher_than_digits(name: str, model: Model, digits: NDArray[np.uint8]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, digits.shape, dtype=np.uint8)
    (fitted,), (normal,), (anomalous,) = (model.outputs(images) for images in (digits[:200], digits[200:], noise))
    labels = np.repeat([0, 1], [len(digits) - 200, len(noise)])
    scores = np.concatenate([fit_and_score(name, fitted, normal), fit_and_score(name, fitted, anomalous)])
    # The codes of noise are similar to those of digits.
    assert roc_auc_score(labels, scores) > (0.95 if name in ERROR_SCORES else 0.55 if name == "patch" else 0.7)


@every_score
def test_negatives_score_higher_than_digits(name: str, model: Model, digits: NDArray[np.uint8]) -> None:
    (fitted,), (normal,), (anomalous,) = (
        model.outputs(images) for images in (digits[:200], digits[200:], 255 - digits)
    )
    labels = np.repeat([0, 1], [len(digits) - 200, len(digits)])
    scores = np.concatenate([fit_and_score(name, fitted, normal), fit_and_score(name, fitted, anomalous)])
    assert roc_auc_score(labels, scores) > 0.98


@every_score
@pytest.mark.parametrize(("count", "dimensions"), [(40, 1), (8, 30), (2, 3), (30, 512), (40, 3000), (700, 600)])
def test_scores_are_finite_for_any_number_of_dimensions(name: str, count: int, dimensions: int, model: Model) -> None:
    if dimensions <= LARGEST_MAPPED or name in CODE_SCORES:
        random, shape = np.random.default_rng(0), code_shape(name, dimensions, model)
        fitted, new = (random_output(random.normal(size=(size, *shape)), size) for size in (count, 50))
        assert np.isfinite(fit_and_score(name, fitted, new)).all()


@every_score
def test_scores_are_finite_if_all_normal_images_are_equal(name: str, model: Model) -> None:
    shape = code_shape(name, 4, model)
    fitted, new = random_output(np.zeros((30, *shape))), random_output(np.full((5, *shape), 3.0))
    equal = ModelOutput(
        np.zeros_like(fitted.images), fitted.codes, np.zeros_like(fitted.reconstructions), np.zeros(30, np.float32)
    )
    scores = fit_and_score(name, equal, new)
    assert np.isfinite(scores).all()
    assert scores.min() > fit_and_score(name, equal, equal).max()


@every_score
@pytest.mark.parametrize("level", [0, 255])
def test_uniform_images_have_finite_scores(name: str, level: int, model: Model, output: ModelOutput) -> None:
    (uniform,) = model.outputs(np.full((3, 1, 8, 8), level, np.uint8))
    scores = fit_and_score(name, output, uniform)
    assert np.isfinite(scores).all()
    assert scores == pytest.approx(scores[0], rel=1e-4)


@every_score
def test_a_misspelled_name_is_answered_with_the_nearest(name: str) -> None:
    with pytest.raises(UsageError, match=f"did you mean '{name}'"):
        find_score(name[:-1])


# Agreement with other implementations


def test_residual_is_the_score_of_the_model(model: Model, output: ModelOutput, digits: NDArray[np.uint8]) -> None:
    assert fit_and_score("residual", output, output) == pytest.approx(model.score(digits), rel=1e-5)


def test_mse_and_ssim_equal_those_of_the_compression_report(output: ModelOutput) -> None:
    for index in range(5):
        one = output.take(index)
        total = QualitySum()
        total.add(one.images, np.rint(one.reconstructions).astype(np.uint8))
        quality = total.quality()
        assert fit_and_score("mse", output, one)[0] == pytest.approx(quality.mse, rel=0.01)
        assert 1 - fit_and_score("ssim", output, one)[0] == pytest.approx(quality.ssim, abs=0.01)


@pytest.mark.parametrize("name", ["residual", "mse", "ssim"])
def test_a_perfect_reconstruction_scores_0(name: str) -> None:
    output = random_output(np.zeros((4, 2)))
    perfect = ModelOutput(output.images, output.codes, output.images.astype(np.float32), np.zeros(4, np.float32))
    assert fit_and_score(name, output, perfect) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(("count", "dimensions"), [(400, 10), (50, 10), (120, 100), (600, 512)])
def test_mahalanobis_equals_that_of_ledoit_wolf_in_scikit_learn(count: int, dimensions: int) -> None:
    normal, new = correlated_vectors(count, dimensions, 2), correlated_vectors(40, dimensions, 3) + np.float32(0.2)
    expected = np.sqrt(LedoitWolf().fit(normal.astype(np.float64)).mahalanobis(new))
    assert fit_and_score("mahalanobis", random_output(normal), random_output(new)) == pytest.approx(expected, rel=2e-3)


def test_whitened_normal_vectors_have_unit_covariance() -> None:
    rotation, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(6, 6)))
    drawn = np.random.default_rng(0).normal(size=(20_000, 6)) * [1, 2, 3, 4, 5, 6]
    normal = (drawn @ rotation + 7).astype(np.float32)
    whitened = whiten(normal, fit_whitening(normal, 0))
    assert whitened.mean(axis=0) == pytest.approx(np.zeros(6), abs=1e-3)
    assert np.cov(whitened.T) == pytest.approx(np.eye(6), abs=0.02)


@pytest.mark.parametrize(("count", "dimensions"), [(300, 16), (3000, 4)])
def test_knn_equals_the_distance_of_scikit_learn(count: int, dimensions: int) -> None:
    normal, new = correlated_vectors(count, dimensions, 4), correlated_vectors(50, dimensions, 5)
    expected, _ = NearestNeighbors(n_neighbors=1).fit(normal).kneighbors(new)
    assert fit_and_score("knn", random_output(normal), random_output(new)) == pytest.approx(expected[:, 0], rel=1e-4)


def test_the_distance_of_a_normal_image_to_itself_is_0(output: ModelOutput) -> None:
    assert fit_and_score("knn", output, output).max() == 0
    assert fit_and_score("combined", output, output).max() < 1e-3


def test_references_are_limited_to_a_random_subset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aecli.detection.nearest_normal.MAX_REFERENCES", 30)
    vectors = correlated_vectors(100, 4, 6)
    references = knn.fit(vectors, 0)["references"]
    assert references.shape == (30, 4)
    assert {row.tobytes() for row in references} <= {row.tobytes() for row in vectors}
    assert not np.array_equal(references, knn.fit(vectors, 1)["references"])


def test_combined_weights_codes_and_residuals_equally() -> None:
    """An image that is unusual in one of them scores higher, whether its residual is too large or too small."""
    random = np.random.default_rng(0)
    normal = random_output(random.normal(size=(500, 8)))
    codes = random.normal(size=(100, 8)).astype(np.float32)
    typical = np.full(100, np.exp(np.median(np.log(normal.residual_l2))), np.float32)
    images, reconstructions = normal.images[:100], normal.reconstructions[:100]
    deviation = np.log(normal.residual_l2).std()

    def median_score(codes: NDArray[np.float32], residuals: NDArray[np.float32]) -> float:
        output = ModelOutput(images, codes, reconstructions, residuals)
        return float(np.median(fit_and_score("combined", normal, output)))

    usual = median_score(codes, typical)
    assert median_score(codes + np.float32(6), typical) > 3 * usual
    for sign in (1, -1):
        assert median_score(codes, typical * np.exp(np.float32(sign * 10 * deviation))) > 3 * usual


@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_combined_does_not_depend_on_the_scale_of_codes_and_residuals(factor: float) -> None:
    random = np.random.default_rng(0)
    normal, new = (random_output(random.normal(size=(size, 6)), size) for size in (200, 50))

    def scaled(output: ModelOutput) -> ModelOutput:
        scale = np.float32(factor)
        return ModelOutput(output.images, output.codes * scale, output.reconstructions, output.residual_l2 * scale)

    expected = fit_and_score("combined", normal, new)
    assert fit_and_score("combined", scaled(normal), scaled(new)) == pytest.approx(expected, rel=1e-2)


@pytest.mark.parametrize(
    "damage",
    [
        {"mean": np.zeros(3, np.float32)},
        {"directions": np.zeros((4, 3), np.float32)},
        {"directions": np.zeros((2, 4), np.float32)},
        {"deviations": np.zeros(4, np.float32)},
        {"deviations": -np.ones(4, np.float32)},
        {"rest": np.zeros(1, np.float32)},
        {"rest": np.ones(4, np.float32)},
        {"rest": np.ones((), np.float32)},
    ],
    ids=lambda damage: " ".join(f"{name}{array.shape}" for name, array in damage.items()),
)
def test_damaged_statistics_are_refused(damage: Mapping[str, NDArray[np.float32]]) -> None:
    normal = correlated_vectors(50, 4, 0)
    with pytest.raises(ValueError, match=next(iter(damage))):
        mahalanobis.score(normal, {**mahalanobis.fit(normal, 0), **damage})
