"""Every score by what it means: what it must survive, and what libraries make of the same numbers."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.covariance import LedoitWolf
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from aecli.analyses.compression.image_quality import image_quality
from aecli.detection.scores import find_score, knn, mahalanobis, score_names
from aecli.detection.whitening import fit_whitening, whiten
from aecli.errors import UsageError
from aecli.inference.model import ModelOutput

every_score = pytest.mark.parametrize("name", score_names())
ON_CODES = ("combined", "knn", "mahalanobis")


def outcome_of(codes: NDArray[Any], seed: int = 0) -> ModelOutput:
    """Codes (N, D) with images and reconstructions of chance."""
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (len(codes), 1, 8, 8), dtype=np.uint8)
    restored = np.clip(images + random.normal(0, 20, images.shape), 0, 255).astype(np.float32)
    residual = np.linalg.norm((restored - images).reshape(len(codes), -1), axis=1) / 100
    return ModelOutput(images, codes.astype(np.float32), restored, residual.astype(np.float32))


def vectors(count: int, dimensions: int, seed: int) -> NDArray[Any]:
    """Correlated vectors around a mean far from 0; their last quarter does not vary."""
    shape = np.random.default_rng(1).normal(size=(dimensions, dimensions)) / np.sqrt(dimensions)
    shape[:, dimensions - dimensions // 4 :] = 0
    drawn = np.random.default_rng(seed).normal(size=(count, dimensions))
    return (drawn @ shape + 5).astype(np.float32)


def scored(name: str, fitted: ModelOutput, new: ModelOutput) -> NDArray[Any]:
    score = find_score(name)
    return score.score(score.measure(new), score.fit(score.measure(fitted), 0))


# What holds for all


@every_score
def test_it_says_what_it_is_and_its_unit(name: str) -> None:
    score = find_score(name)
    assert score.UNIT
    assert score.SUMMARY
    assert score.__doc__
    assert "\n\n" in score.__doc__


@every_score
def test_scores_are_finite_and_never_negative(name: str, output: Any) -> None:
    scores = scored(name, output, output)
    assert scores.dtype == np.float32
    assert scores.shape == (len(output.images),)
    assert np.isfinite(scores).all()
    assert (scores >= 0).all()


@every_score
def test_a_picture_scores_alike_in_any_company(name: str, output: Any) -> None:
    score = find_score(name)
    statistics = score.fit(score.measure(output), 0)
    together = score.score(score.measure(output), statistics)
    alone = [score.score(score.measure(output.take(row)), statistics) for row in range(20)]
    assert np.concatenate(alone) == pytest.approx(together[:20], rel=1e-4, abs=1e-4)


@every_score
def test_statistics_are_float32_and_the_same_for_the_same_seed(name: str, output: Any) -> None:
    score = find_score(name)
    first, again = (score.fit(score.measure(output), 3) for _ in range(2))
    assert {array.dtype for array in first.values()} <= {np.dtype(np.float32)}
    assert first.keys() == again.keys()
    assert all(np.array_equal(first[key], again[key]) for key in first)


@every_score
def test_noise_scores_higher_than_digits(name: str, model: Any, digits: NDArray[Any]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, digits.shape, dtype=np.uint8)
    (fitted,), (normal,), (strange,) = (model.outputs(images) for images in (digits[:200], digits[200:], noise))
    truth = np.repeat([0, 1], [len(digits) - 200, len(noise)])
    area = roc_auc_score(truth, np.concatenate([scored(name, fitted, normal), scored(name, fitted, strange)]))
    assert area > (0.7 if name in {"knn", "mahalanobis"} else 0.95)  # noise has codes not unlike those of digits


@every_score
def test_negatives_score_higher_than_digits(name: str, model: Any, digits: NDArray[Any]) -> None:
    (fitted,), (normal,), (strange,) = (model.outputs(images) for images in (digits[:200], digits[200:], 255 - digits))
    truth = np.repeat([0, 1], [len(digits) - 200, len(digits)])
    assert roc_auc_score(truth, np.concatenate([scored(name, fitted, normal), scored(name, fitted, strange)])) > 0.98


@every_score
@pytest.mark.parametrize(("count", "dimensions"), [(40, 1), (8, 30), (2, 3), (30, 512), (40, 3000), (700, 600)])
def test_any_number_of_dimensions_will_do(name: str, count: int, dimensions) -> None:
    if dimensions < 600 or name in ON_CODES:
        random = np.random.default_rng(0)
        fitted, new = (outcome_of(random.normal(size=(some, dimensions)), some) for some in (count, 50))
        assert np.isfinite(scored(name, fitted, new)).all()


@every_score
def test_normal_images_that_are_all_equal_leave_scores_finite(name: str) -> None:
    fitted, new = outcome_of(np.zeros((30, 4))), outcome_of(np.full((5, 4), 3.0))
    same = ModelOutput(
        np.zeros_like(fitted.images), fitted.codes, np.zeros_like(fitted.reconstructions), np.zeros(30, np.float32)
    )
    scores = scored(name, same, new)
    assert np.isfinite(scores).all()
    assert scores.min() > scored(name, same, same).max()


@every_score
@pytest.mark.parametrize("level", [0, 255])
def test_constant_pictures_are_scored(name: str, level, model: Any, output: Any) -> None:
    (constant,) = model.outputs(np.full((3, 1, 8, 8), level, np.uint8))
    scores = scored(name, output, constant)
    assert np.isfinite(scores).all()
    assert scores == pytest.approx(scores[0], rel=1e-4)


@every_score
def test_an_unknown_name_is_told_the_nearest(name: str) -> None:
    with pytest.raises(UsageError, match=f"did you mean '{name}'"):
        find_score(name[:-1])


# What libraries make of the same numbers


def test_residual_is_what_the_model_scores(model: Any, output: Any, digits: NDArray[Any]) -> None:
    assert scored("residual", output, output) == pytest.approx(model.score(digits), rel=1e-5)


def test_mse_and_ssim_are_those_of_the_compression_report(output: Any) -> None:
    for row in range(5):
        one = output.take(row)
        quality = image_quality(one.images, np.rint(one.reconstructions).astype(np.uint8))
        assert scored("mse", output, one)[0] == pytest.approx(quality.mse, rel=0.01)
        assert 1 - scored("ssim", output, one)[0] == pytest.approx(quality.ssim, abs=0.01)


def test_a_perfect_reconstruction_scores_0() -> None:
    some = outcome_of(np.zeros((4, 2)))
    perfect = ModelOutput(some.images, some.codes, some.images.astype(np.float32), np.zeros(4, np.float32))
    for name in ("residual", "mse", "ssim"):
        assert scored(name, some, perfect) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(("count", "dimensions"), [(400, 10), (50, 10), (120, 100), (600, 512)])
def test_mahalanobis_is_that_of_ledoit_and_wolf(count: int, dimensions) -> None:
    normal, new = vectors(count, dimensions, 2), vectors(40, dimensions, 3) + np.float32(0.2)
    theirs = np.sqrt(LedoitWolf().fit(normal.astype(np.float64)).mahalanobis(new))
    ours = scored("mahalanobis", outcome_of(normal), outcome_of(new))
    assert ours == pytest.approx(theirs, rel=2e-3)


def test_whitened_normal_vectors_vary_alike_in_all_directions() -> None:
    turned, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(6, 6)))
    drawn = np.random.default_rng(0).normal(size=(20_000, 6)) * [1, 2, 3, 4, 5, 6]
    normal = (drawn @ turned + 7).astype(np.float32)
    whitened = whiten(normal, fit_whitening(normal, 0))
    assert whitened.mean(axis=0) == pytest.approx(np.zeros(6), abs=1e-3)
    assert np.cov(whitened.T) == pytest.approx(np.eye(6), abs=0.02)


@pytest.mark.parametrize(("normal", "dimensions"), [(300, 16), (3000, 4)])
def test_knn_is_the_distance_of_scikit_learn(normal, dimensions) -> None:
    known, new = vectors(normal, dimensions, 4), vectors(50, dimensions, 5)
    (theirs, _) = NearestNeighbors(n_neighbors=1).fit(known).kneighbors(new)
    assert scored("knn", outcome_of(known), outcome_of(new)) == pytest.approx(theirs[:, 0], rel=1e-4)


def test_a_normal_image_itself_is_at_no_distance(output: Any) -> None:
    assert scored("knn", output, output).max() == 0
    assert scored("combined", output, output).max() < 1e-3


def test_references_are_as_many_as_a_detector_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aecli.detection.nearest_normal.MOST_REFERENCES", 30)
    known = vectors(100, 4, 6)
    kept = knn.fit(known, 0)["references"]
    assert kept.shape == (30, 4)
    assert {row.tobytes() for row in kept} <= {row.tobytes() for row in known}
    assert not np.array_equal(kept, knn.fit(known, 1)["references"])


def test_combined_sees_codes_and_residuals_and_neither_drowns_the_other() -> None:
    """An image that is strange in one of them only, by as many deviations, is about as far."""
    random = np.random.default_rng(0)
    normal = outcome_of(random.normal(size=(500, 8)))
    codes = random.normal(size=(100, 8)).astype(np.float32)
    typical = np.exp(np.median(np.log(normal.residual_l2)))
    usual = np.full(100, typical, np.float32)
    images, restored = normal.images[:100], normal.reconstructions[:100]
    spread = np.log(normal.residual_l2).std()
    plain = scored("combined", normal, ModelOutput(images, codes, restored, usual))
    far = scored("combined", normal, ModelOutput(images, codes + 6, restored, usual))
    for sign in (1, -1):  # what is restored too well is as strange
        odd = usual * np.exp(np.float32(sign * 10 * spread))
        assert np.median(scored("combined", normal, ModelOutput(images, codes, restored, odd))) > 3 * np.median(plain)
    assert np.median(far) > 3 * np.median(plain)


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_combined_does_not_depend_on_the_scale_of_codes_and_residuals(scale) -> None:
    random = np.random.default_rng(0)
    normal, new = (outcome_of(random.normal(size=(some, 6)), some) for some in (200, 50))

    def scaled(some: ModelOutput) -> ModelOutput:
        factor = np.float32(scale)
        return ModelOutput(some.images, some.codes * factor, some.reconstructions, some.residual_l2 * factor)

    expected = scored("combined", normal, new)
    assert scored("combined", scaled(normal), scaled(new)) == pytest.approx(expected, rel=1e-2)


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
def test_nothing_is_whitened_by_damaged_statistics(damage) -> None:
    normal = vectors(50, 4, 0)
    with pytest.raises(ValueError, match=next(iter(damage))):
        mahalanobis.score(normal, dict(mahalanobis.fit(normal, 0)) | damage)
