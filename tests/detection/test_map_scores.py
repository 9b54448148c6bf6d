"""Scores of maps: equal in value to plain implementations of their formulas."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from scipy.spatial.distance import mahalanobis as scipy_mahalanobis
from sklearn.covariance import LedoitWolf

from aecli.detection.reductions import check_reduction, reduce_maps
from aecli.detection.score_application import apply_score
from aecli.detection.scores import find_score, local, patch, pooled, position
from aecli.detection.separation import auroc
from aecli.errors import UsageError
from aecli.inference.model import ModelOutput
from tests.command_line import Run
from tests.detection.drawn_defects import draw_each


def random_codes(count: int, channels: int, height: int, width: int, seed: int) -> NDArray[np.float32]:
    """Return (N, C, h, w) codes that are correlated between channels, with another mean at each position."""
    shape = np.random.default_rng(9).normal(size=(channels, channels))
    means = 3 * np.random.default_rng(8).normal(size=(channels, height, width))
    drawn = np.random.default_rng(seed).normal(size=(count, height, width, channels)) @ shape
    codes: NDArray[np.float32] = (drawn.transpose(0, 3, 1, 2) + means).astype(np.float32)
    return codes


def output_of(images: NDArray[np.uint8], reconstructions: NDArray[np.floating]) -> ModelOutput:
    """Return images (N, C, H, W) and reconstructions as the output of a model."""
    count = len(images)
    return ModelOutput(
        images, np.zeros((count, 1), np.float32), reconstructions.astype(np.float32), np.zeros(count, np.float32)
    )


# position


@pytest.mark.parametrize(("count", "channels"), [(200, 5), (6, 5), (10, 40)])
def test_position_is_the_mahalanobis_distance_at_each_position(count: int, channels: int) -> None:
    """With fewer images than channels, too: the covariance is shrunk."""
    normal, new = random_codes(count, channels, 3, 2, 0), random_codes(7, channels, 3, 2, 1)
    covariances = np.array([[np.cov(normal[:, :, row, column].T) for column in range(2)] for row in range(3)])
    overall = covariances.mean(axis=(0, 1))
    identity = np.trace(overall) / channels * np.eye(channels)
    shrunk = 0.9 * covariances + 0.1 * overall + 0.0025 * identity
    expected = [
        [
            [
                scipy_mahalanobis(
                    image[:, row, column], normal[:, :, row, column].mean(0), np.linalg.inv(shrunk[row, column])
                )
                for column in range(2)
            ]
            for row in range(3)
        ]
        for image in new
    ]
    maps = position.maps(new, position.fit(normal, 0))
    assert maps.dtype == np.float32
    assert maps == pytest.approx(np.array(expected), rel=1e-3)


def test_position_finds_a_code_that_is_usual_elsewhere() -> None:
    """A code of another position is unusual here, although `patch` finds it in its bank."""
    normal, new = random_codes(50, 4, 4, 4, 0), random_codes(1, 4, 4, 4, 1)
    new[0, :, 0, 0] = normal[0, :, 3, 3]
    by_position, by_patch = (score.maps(new, score.fit(normal, 0))[0] for score in (position, patch))
    assert np.unravel_index(by_position.argmax(), by_position.shape) == (0, 0)
    assert by_patch[0, 0] == pytest.approx(0, abs=0.01)


# patch


def test_patch_is_the_distance_to_the_nearest_code_of_the_bank() -> None:
    normal, new = random_codes(30, 6, 3, 4, 0), random_codes(5, 6, 3, 4, 1)
    statistics = patch.fit(normal, 0)
    points = new.transpose(0, 2, 3, 1).reshape(-1, 6)
    expected = cdist(points, statistics["bank"]).min(axis=1).reshape(5, 3, 4)
    assert patch.maps(new, statistics) == pytest.approx(expected, abs=1e-2)
    assert len(statistics["bank"]) == 30 * 3 * 4


def test_patch_is_the_same_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    normal, new = random_codes(30, 6, 3, 4, 0), random_codes(5, 6, 3, 4, 1)
    statistics = patch.fit(normal, 0)
    whole = patch.maps(new, statistics)
    monkeypatch.setattr(patch, "CHUNK", 1000)
    assert patch.maps(new, statistics) == pytest.approx(whole, abs=1e-3)


def test_the_bank_is_chosen_by_k_center_greedy_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patch, "BANK", 25)
    normal = random_codes(40, 5, 2, 3, 0)
    bank = patch.fit(normal, 0)["bank"]
    assert bank.shape == (25, 5)
    points = normal.transpose(0, 2, 3, 1).reshape(-1, 5).astype(np.float64)
    assert {row.tobytes() for row in bank} <= {row.tobytes() for row in points.astype(np.float32)}
    for chosen in range(1, 25):
        to_chosen = cdist(points, bank[:chosen]).min(axis=1)
        assert cdist(bank[chosen : chosen + 1], bank[:chosen]).min() == pytest.approx(to_chosen.max(), rel=1e-3)


def test_the_bank_is_chosen_from_a_sample_of_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    original = patch._coreset

    def watched(points: NDArray[np.float32], size: int, first: int) -> NDArray[np.float32]:
        seen.append(len(points))
        return original(points, size, first)

    monkeypatch.setattr(patch, "_coreset", watched)
    monkeypatch.setattr(patch, "SAMPLE", 100)
    patch.fit(random_codes(40, 5, 2, 3, 0), 0)
    assert seen == [100]


# pooled


def test_pooled_is_the_mahalanobis_distance_of_the_mean_code() -> None:
    normal, new = random_codes(60, 6, 3, 4, 0), random_codes(9, 6, 3, 4, 1)
    fitted = LedoitWolf().fit(normal.mean(axis=(2, 3)).astype(np.float64))
    expected = np.sqrt(fitted.mahalanobis(new.mean(axis=(2, 3))))
    scores = pooled.score(pooled.measure(code_output(new)), pooled.fit(pooled.measure(code_output(normal)), 0))
    assert scores == pytest.approx(expected, rel=2e-3)


def code_output(codes: NDArray[np.float32]) -> ModelOutput:
    return ModelOutput(np.zeros((len(codes), 1, 1, 1), np.uint8), codes, None, np.zeros(len(codes), np.float32))


@pytest.mark.parametrize("name", ["position", "patch", "pooled"])
def test_statistics_of_another_shape_are_refused(name: str) -> None:
    score = find_score(name)
    statistics = score.fit(score.measure(code_output(random_codes(20, 4, 3, 3, 0))), 0)
    other = score.measure(code_output(random_codes(5, 3, 2, 2, 1)))
    with pytest.raises(ValueError, match=r"shape|channels"):
        apply_score(score, other, statistics, "max")


# local


def noisy_output(images: NDArray[np.uint8], seed: int) -> ModelOutput:
    """Return images (N, 1, H, W) and reconstructions that are more or less noisy in the left half, as of texture."""
    random = np.random.default_rng(seed)
    noise = random.normal(0, 3, images.shape)
    noise[..., : images.shape[-1] // 2] *= random.uniform(5, 15, (len(images), 1, 1, 1))
    clean = np.broadcast_to(np.float64(100), images.shape)
    return output_of(images, clean + noise)


def test_local_is_the_error_of_a_block_relative_to_that_of_normal_images() -> None:
    random = np.random.default_rng(0)
    normal, new = (
        output_of(
            random.integers(0, 256, (count, 3, 48, 40), dtype=np.uint8), random.uniform(0, 255, (count, 3, 48, 40))
        )
        for count in (8, 2)
    )

    def block_error(output: ModelOutput, image: int, row: int, column: int) -> float:
        block = np.s_[image, :, 3 * row : 3 * row + 3, 3 * column : 3 * column + 3]
        return float(np.square(output.images[block] - output.reconstructions[block]).mean())

    usual = np.array(
        [
            [np.mean([block_error(normal, image, row, column) for image in range(8)]) for column in range(14)]
            for row in range(16)
        ]
    )
    found = local.maps(local.measure(new), local.fit(local.measure(normal), 0))
    floor = 0.03 * usual.mean()
    for row, column in ((0, 0), (7, 5), (15, 13)):
        ratio = (block_error(new, 1, row, column) + floor) / (usual[row, column] + floor)
        assert found[1, row, column] == pytest.approx(np.sqrt(ratio), rel=1e-3)
    assert found.shape == (2, 16, 14)


@pytest.mark.parametrize("kind", ["scratch", "block"])
def test_local_finds_defects_that_hardly_change_the_residual(kind: str) -> None:
    """A defect in the plain half changes the image's error little beside what the other half adds to it."""
    images = np.full((120, 1, 64, 64), 100, np.uint8)
    normal, new = noisy_output(images, 0), noisy_output(images, 1)
    drawn, masks = draw_each(kind, images, 2)
    defective = noisy_output(drawn, 3)
    statistics = local.fit(local.measure(normal), 0)
    maps = [local.maps(local.measure(output), statistics) for output in (new, defective)]
    plain = ~masks[:, :, :32].any(axis=(1, 2))
    assert auroc(reduce_maps(maps[0], "max"), reduce_maps(maps[1][plain], "max")) > 0.95
    by_error = [np.square(output.images - output.reconstructions).mean(axis=(1, 2, 3)) for output in (new, defective)]
    assert auroc(by_error[0], by_error[1][plain]) < 0.9
    highest = maps[1][plain].reshape(plain.sum(), -1).argmax(axis=1)
    in_blocks = masks[plain].reshape(-1, 16, 4, 16, 4).any(axis=(2, 4)).reshape(len(highest), -1)
    assert in_blocks[np.arange(len(highest)), highest].mean() > 0.95


# Reductions


def test_reductions_are_those_of_numpy() -> None:
    maps = np.random.default_rng(0).normal(size=(5, 7, 9)).astype(np.float32)
    flat = maps.reshape(5, -1)
    assert np.array_equal(reduce_maps(maps, "max"), flat.max(1))
    assert reduce_maps(maps, "mean") == pytest.approx(flat.mean(1), abs=1e-6)
    assert reduce_maps(maps, "0.9") == pytest.approx(np.quantile(flat, 0.9, axis=1), abs=1e-6)


@pytest.mark.parametrize("reduction", ["median", "", "0", "1", "1.5", "-0.1", "nan", "inf"])
def test_unknown_reductions_are_refused(reduction: str) -> None:
    with pytest.raises(UsageError, match="--map-reduction"):
        check_reduction(reduction)
    with pytest.raises(ValueError, match="reduction"):
        reduce_maps(np.zeros((1, 2, 2), np.float32), reduction)


@pytest.mark.slow
def test_the_reduction_of_maps_changes_verdicts(aecli: Run, conv_run: Path, tmp_path: Path) -> None:
    verdicts = {}
    for reduction in ("max", "mean", "0.8"):
        detector = tmp_path / f"{reduction}.safetensors"
        words = ("calibrate", "--model", conv_run, "--normal", "digits:test", "--score", "local", "-o", detector)
        assert aecli(*words, "--map-reduction", reduction, "--quantile", "0.9").status == 0
        documents = aecli("detect", "digits:test", "--model", conv_run, "--detector", detector, "--json").documents
        verdicts[reduction] = [document["verdict"] for document in documents[:-1]]
    assert verdicts["max"] != verdicts["mean"] != verdicts["0.8"] != verdicts["max"]
    refused = aecli(*words, "--map-reduction", "median")
    assert refused.status == 2
    assert "median" in refused.err
