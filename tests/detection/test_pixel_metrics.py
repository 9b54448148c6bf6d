"""Metrics of pixels: equal to scikit-learn's, anomalib's and those of a slow definition."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve, roc_auc_score

from aecli.detection.map_resizing import resized_maps
from aecli.detection.pixel_metrics import (
    FPR_LIMIT,
    TAIL_BINS,
    VALUE_BINS,
    PixelHistograms,
    PixelMetrics,
    bin_edges,
    find_regions,
)

SIZE = (48, 64)


@dataclass(frozen=True)
class Case:
    """Maps of images, and their masks; those of normal images are empty."""

    maps: NDArray[np.float32]
    """(N, h, w)"""
    masks: NDArray[np.bool_]
    """(N, H, W)"""

    @property
    def size(self) -> tuple[int, int]:
        return self.masks.shape[1], self.masks.shape[2]

    @property
    def pixels(self) -> NDArray[np.float32]:
        """The maps at the size of the masks, (N, H, W)."""
        return resized_maps(self.maps, self.size)

    def measure(self, seed: int = 0) -> PixelMetrics:
        histograms = PixelHistograms(self.maps.ravel())
        for score_map, mask in zip(self.maps, self.masks, strict=True):
            if mask.any():
                histograms.add_anomalous(score_map, find_regions(mask))
            else:
                histograms.add_normal(score_map, self.size)
        return histograms.metrics(seed)


def drawn_case(seed: int, grid: tuple[int, int], *, size: tuple[int, int] = SIZE, contrast: float = 2.0) -> Case:
    """Return 6 normal and 6 anomalous images with one or two rectangles, which their maps show in part."""
    random = np.random.RandomState(seed)  # its stream is frozen (NEP 19), so that `ANOMALIB` stays valid
    masks = np.zeros((12, *size), bool)
    signal = np.zeros((12, *size))
    for index in range(6, 12):
        for _ in range(random.randint(1, 3)):
            top, left = random.randint(0, size[0] - 8), random.randint(0, size[1] - 12)
            height, width = random.randint(2, 20), random.randint(2, 20)
            masks[index, top : top + height, left : left + width] = True
            signal[index, top : top + height, left : left + width] = contrast * random.uniform(0.3, 1)
    rows, columns = size[0] // grid[0], size[1] // grid[1]
    coarse = signal.reshape(12, grid[0], rows, grid[1], columns).mean(axis=(2, 4))
    maps = np.exp(0.5 * random.normal(size=coarse.shape) + coarse)
    return Case((maps / maps.max()).astype(np.float32), masks)


CASES = {
    "coarse": drawn_case(0, (6, 8)),
    "fine": drawn_case(1, SIZE),
    "faint": drawn_case(2, (12, 16), contrast=0.5),
    "clear": drawn_case(3, (24, 32), contrast=9.0),
    "no contrast": drawn_case(4, (12, 16), contrast=0.0),
    "inverted": drawn_case(5, (12, 16), contrast=-3.0),
    "large": drawn_case(6, (14, 14), size=(112, 112)),
    "few values": Case((drawn_case(7, (6, 8)).maps > 0.2).astype(np.float32), drawn_case(7, (6, 8)).masks),
}
ANOMALIB = {
    "coarse": 0.485208,
    "fine": 0.879834,
    "faint": 0.285094,
    "clear": 0.994125,
    "no contrast": 0.202743,
    "inverted": 0.004576,
    "large": 0.526845,
    "few values": 0.338472,
}
"""AUPRO of `CASES` by anomalib 2.7.0: `anomalib.metrics.aupro._AUPRO`, updated with the pixels and the masks."""


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


def aupro_of(pixels: NDArray[np.float32], masks: NDArray[np.bool_]) -> float:
    """Return AUPRO by its definition: the overlaps and the false positive rate at each value as threshold."""
    regions = [(find_regions(mask) == number) for mask in masks for number in range(1, find_regions(mask).max() + 1)]
    owners = [index for index, mask in enumerate(masks) for _ in range(find_regions(mask).max())]
    thresholds = np.concatenate([[np.inf], np.unique(pixels)[::-1]])
    others = np.sort(pixels[~masks])
    fpr = 1 - np.searchsorted(others, thresholds, side="left") / len(others)
    overlap = np.zeros(len(thresholds))
    for owner, region in zip(owners, regions, strict=True):
        inside = np.sort(pixels[owner][region])
        overlap += (1 - np.searchsorted(inside, thresholds, side="left") / len(inside)) / len(regions)
    grid = np.append(fpr[fpr < FPR_LIMIT], FPR_LIMIT)
    area: float = np.trapezoid(np.append(overlap[fpr < FPR_LIMIT], np.interp(FPR_LIMIT, fpr, overlap)), grid)
    return area / FPR_LIMIT


def f1_max_of(pixels: NDArray[np.float32], masks: NDArray[np.bool_]) -> float:
    precision, recall, _ = precision_recall_curve(masks.ravel(), pixels.ravel())
    return float((2 * precision * recall / np.maximum(precision + recall, 1e-12)).max())


def test_metrics_equal_those_of_scikit_learn_and_of_the_definition(case: Case) -> None:
    found = case.measure()
    assert found.auroc.value == pytest.approx(roc_auc_score(case.masks.ravel(), case.pixels.ravel()), abs=1e-4)
    assert found.f1_max.value == pytest.approx(f1_max_of(case.pixels, case.masks), abs=2e-3)
    assert found.aupro.value == pytest.approx(aupro_of(case.pixels, case.masks), abs=5e-4)
    assert (found.normal, found.anomalous) == (6, 6)
    assert found.regions == sum(find_regions(mask).max() for mask in case.masks)


@pytest.mark.parametrize("name", ANOMALIB)
def test_aupro_is_that_of_anomalib(name: str) -> None:
    assert CASES[name].measure().aupro.value == pytest.approx(ANOMALIB[name], abs=1e-4)


def test_a_map_that_marks_the_defects_alone_is_perfect() -> None:
    masks = drawn_case(8, SIZE).masks
    found = Case(masks.astype(np.float32), masks).measure()
    for estimate in (found.auroc, found.aupro, found.f1_max):
        assert (estimate.value, estimate.high) == pytest.approx((1, 1))
        assert 0.3 < estimate.low < 0.9  # of few images


def test_a_constant_map_is_as_good_as_chance() -> None:
    masks = drawn_case(8, SIZE).masks
    found = Case(np.full((12, 3, 4), 7, np.float32), masks).measure()
    assert found.auroc.value == pytest.approx(0.5)
    assert found.aupro.value == pytest.approx(0.15), "the mean overlap between 0 and 30%, which grows with the rate"
    assert found.f1_max.value == pytest.approx(2 * masks.mean() / (1 + masks.mean()))


def test_each_region_has_the_same_weight_whatever_its_size() -> None:
    """One of two regions is found: the larger one, then the smaller one."""
    mask = np.zeros(SIZE, bool)
    mask[2:22, 2:32] = mask[40:43, 50:53] = True
    empty = np.zeros((1, *SIZE), np.float32)
    found = []
    for rows, columns in ((slice(2, 22), slice(2, 32)), (slice(40, 43), slice(50, 53))):
        score_map = np.zeros(SIZE, np.float32)
        score_map[rows, columns] = 1
        found.append(Case(np.stack([score_map, empty[0]]), np.stack([mask, empty[0] > 0])).measure())
    large, small = found
    assert large.regions == small.regions == 2
    assert large.aupro.value == pytest.approx(small.aupro.value, abs=0.01) == pytest.approx(0.575, abs=0.01)
    assert large.auroc.value > 0.95
    assert small.auroc.value < 0.55


def test_regions_are_connected_diagonally() -> None:
    mask = np.array([[1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 0, 0], [1, 0, 0, 0]], bool)
    assert find_regions(mask).max() == 3


def test_intervals_come_from_a_bootstrap_over_images() -> None:
    case = CASES["coarse"]
    first, again, other = (case.measure(seed) for seed in (0, 0, 1))
    assert first == again
    assert first.auroc.value == other.auroc.value
    for estimate in (first.auroc, first.aupro, first.f1_max):
        assert 0 <= estimate.low <= estimate.value + 1e-6
        assert estimate.value <= estimate.high + 1e-6 <= 1 + 2e-6
    drawn = np.random.default_rng(5)
    areas = []
    for _ in range(40):
        kept = np.concatenate([drawn.integers(0, 6, 6), drawn.integers(6, 12, 6)])
        areas.append(roc_auc_score(case.masks[kept].ravel(), case.pixels[kept].ravel()))
    low, high = np.percentile(areas, [2.5, 97.5])
    assert (first.auroc.low, first.auroc.high) == pytest.approx((low, high), abs=0.35 * (high - low))


def test_memory_does_not_grow_with_the_size_of_the_images() -> None:
    small, large = (PixelHistograms(np.ones(2, np.float32)) for _ in range(2))
    small.add_normal(np.ones((4, 4), np.float32), (8, 8))
    large.add_normal(np.ones((4, 4), np.float32), (256, 256))
    assert small._normal[0].nbytes == large._normal[0].nbytes
    assert bin_edges(np.random.default_rng(0).gamma(2, 1, 50_000).astype(np.float32)).size <= TAIL_BINS + VALUE_BINS
