"""Metrics of maps of scores: how well they separate the pixels of defects from all other pixels.

Maps are compared with masks at the size of the model's input. Memory is bounded by counting pixels in bins of their
values, whatever the size of the images: at most `TAIL_BINS` + `VALUE_BINS` numbers for all images together, and for the
bootstrap a quarter of that for each image.

The bins follow the values of the maps before they are resized: each holds about 1% of those that are as large or
larger. So all rates, also very small ones, are known to about 1% of themselves, and the metrics are those of values
rounded to their bins. In the tests, AUROC and AUPRO differ from exact ones by less than 0.0001, the largest F1 score by
less than 0.002.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.intervals import Estimate, with_certain_end
from aecli.data.resize import middle
from aecli.detection.map_resizing import resized_maps
from aecli.detection.overhang import NO_OVERHANG, Overhang
from aecli.detection.separation import DRAWS

FPR_LIMIT = 0.3
"""The false positive rate up to which per-region overlap is averaged."""
TAIL_BINS, VALUE_BINS = 2048, 512
"""Bins whose edges are quantiles that approach the largest value geometrically, and bins of equal width."""
MAX_SAMPLE = 1 << 20
"""Values that the edges of the bins are computed from."""
DRAWS_AT_ONCE = 50
JOINED_BINS = 4
"""Neighboring bins that are one in the bootstrap, for speed and memory."""

Counts = NDArray[np.float32]
Size = tuple[int, int]


@dataclass(frozen=True)
class PixelMetrics:
    """Metrics of a map's pixels, with 95% confidence intervals; pixels of defects are the positive class.

    The intervals are percentiles of a bootstrap over images, as the pixels of an image are not independent; or of a
    proportion of the images if no draw differs, see `with_certain_end`.
    """

    auroc: Estimate
    """Area under the ROC curve of all pixels."""
    aupro: Estimate
    """Area under the mean per-region overlap as a function of the false positive rate, up to 30%, divided by 0.3.

    The overlap of a region is the fraction of its pixels above the threshold. Regions are connected, also diagonally.
    Bergmann, Batzner, Fauser, Sattlegger and Steger, "The MVTec anomaly detection dataset", IJCV 2021.
    """
    f1_max: Estimate
    """Largest F1 score of any threshold."""
    normal: int
    """Normal images that were measured."""
    anomalous: int
    """Anomalous images with masks that were measured."""
    regions: int
    """Connected regions of the masks."""


def find_regions(mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return the number of each pixel's connected region, (H, W) from 1 on, and 0 outside the mask, (H, W)."""
    from scipy.ndimage import label

    regions, _ = label(mask, np.ones((3, 3), np.int8), np.int32)
    return np.asarray(regions, np.int32)


class PixelHistograms:
    """Counts the pixels of maps by their values."""

    def __init__(self, values: NDArray[np.float32], overhang: Overhang = NO_OVERHANG):
        """Choose the bins, given the values of all maps that will be added, or of some of them, (N,)."""
        self._edges, self._overhang = bin_edges(values), overhang
        self._totals = np.zeros((3, len(self._edges) + 1))  # other pixels, those of defects, overlaps of regions
        self._normal: list[Counts] = []
        self._anomalous: list[Counts] = []
        self._regions: list[int] = []

    def add_normal(self, score_map: NDArray[np.float32], size: Size, inner: Size | None = None) -> None:
        """Count the pixels of a normal image of `size`, (H, W), with this map, (h, w).

        With `inner`, (H, W), those around the part of that size in the middle are padding, and do not count.
        """
        counts = self._counts(self._bins(score_map, size, inner))
        self._totals[0] += counts
        self._normal.append(_joined(counts))

    def add_anomalous(
        self, score_map: NDArray[np.float32], regions: NDArray[np.int32], size: Size | None = None
    ) -> None:
        """Count the pixels of an anomalous image with this map, (h, w), and with the `find_regions` of its mask.

        With `size`, (H, W), the regions are those of the middle of an image of that size, and the rest is padding.
        """
        inner = (regions.shape[0], regions.shape[1])
        bins, flat = self._bins(score_map, size or inner, inner), regions.ravel()
        in_defect = flat > 0
        areas = np.bincount(flat)
        shares = 1 / areas[flat[in_defect]]
        counts = np.stack(
            [self._counts(bins[~in_defect]), self._counts(bins[in_defect]), self._counts(bins[in_defect], shares)]
        )
        self._totals += counts
        self._anomalous.append(_joined(counts))
        self._regions.append(len(areas) - 1)

    def metrics(self, seed: int) -> PixelMetrics:
        """Return the metrics of all images that were added, at least one of each kind; the seed is the bootstrap's."""
        normal, anomalous, regions = np.stack(self._normal), np.stack(self._anomalous), np.array(self._regions)
        counts = len(normal), len(anomalous)

        def joined_metrics(normal_weights: Counts, weights: Counts) -> NDArray[np.float64]:
            """Return the metrics from joined bins if each image counts as often as its weight, (B, N) and (B, M)."""
            others, defects, overlaps = np.einsum("bm,mtk->tbk", weights, anomalous, optimize=True).astype(np.float64)
            return _metrics(others + normal_weights @ normal, defects, overlaps / (weights @ regions)[:, None])

        others, defects, overlaps = self._totals[:, None]
        metrics = _metrics(others, defects, overlaps / regions.sum())
        random = np.random.default_rng(seed)
        drawn = np.concatenate(
            [
                joined_metrics(*(_draws(random, count, min(DRAWS_AT_ONCE, DRAWS - done)) for count in counts))
                for done in range(0, DRAWS, DRAWS_AT_ONCE)
            ],
            axis=1,
        )
        drawn += metrics - joined_metrics(*(np.ones((1, count), np.float32) for count in counts))
        low, high = np.percentile(drawn.clip(0, 1), [2.5, 97.5], axis=1)
        values = zip(metrics[:, 0], low, high, strict=True)
        auroc, aupro, f1_max = (with_certain_end(Estimate(*map(float, each)), min(counts)) for each in values)
        return PixelMetrics(auroc, aupro, f1_max, *counts, int(regions.sum()))

    def _bins(self, score_map: NDArray[np.float32], size: Size, inner: Size | None) -> NDArray[np.int64]:
        """Return the bin of each pixel, or of each one of the `inner` part, (H W,); 0 is that of the largest values."""
        (pixels,) = resized_maps(score_map[None], size, self._overhang)
        pixels = pixels if inner is None else middle(pixels, inner)
        return len(self._edges) - np.searchsorted(self._edges, pixels.ravel(), side="right")

    def _counts(self, bins: NDArray[np.int64], weights: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        return np.bincount(bins, weights, minlength=len(self._edges) + 1).astype(np.float64)


def _joined(counts: NDArray[np.float64]) -> Counts:
    """Return counts (..., K) with `JOINED_BINS` neighboring bins as one; integers below 2**24 are exact."""
    return np.add.reduceat(counts, np.arange(0, counts.shape[-1], JOINED_BINS), axis=-1).astype(np.float32)


def bin_edges(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the edges between the bins of (N,) values, ascending; the outer bins are open."""
    low, high = values.min(), values.max()
    values = values[:: -(-len(values) // MAX_SAMPLE)]
    above = np.geomspace(1, 1 / (64 * len(values)), TAIL_BINS)
    quantiles = np.quantile(values, 1 - above)
    return np.unique(np.concatenate([quantiles, np.linspace(low, high, VALUE_BINS)]).astype(np.float32))


def _draws(random: np.random.Generator, count: int, draws: int) -> Counts:
    """Return how often each of `count` images is drawn with replacement, (draws, count)."""
    return random.multinomial(count, np.full(count, 1 / count), draws).astype(np.float32)


def _metrics(
    others: NDArray[np.float64], defects: NDArray[np.float64], overlaps: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return AUROC, AUPRO and the largest F1 score of B draws, (3, B).

    The arguments are (B, K), from the bin of the largest values down: the number of other pixels and of pixels of
    defects in each bin, and the mean fraction of a region's pixels.
    """
    false, true = (np.cumsum(_with_start(counts), axis=1) for counts in (others, defects))
    overlap = np.cumsum(_with_start(overlaps), axis=1)
    fpr, tpr = false / false[:, -1:], true / true[:, -1:]
    f1 = 2 * true / np.maximum(true + false + true[:, -1:], 1)
    return np.stack([_area(fpr, tpr, 1), _area(fpr, overlap, FPR_LIMIT) / FPR_LIMIT, f1.max(axis=1)])


def _area(x: NDArray[np.float64], y: NDArray[np.float64], limit: float) -> NDArray[np.float64]:
    """Return the area under B polygonal curves, (B, K) with ascending x from 0 to 1, for x up to `limit`, (B,)."""
    steps, rises = np.diff(x, axis=1), np.diff(y, axis=1)
    inside = np.clip((limit - x[:, :-1]) / np.where(steps > 0, steps, 1), 0, 1)  # the part of each step
    area: NDArray[np.float64] = (steps * inside * (y[:, :-1] + rises * inside / 2)).sum(axis=1)
    return area


def _with_start(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([np.zeros((len(counts), 1)), counts], axis=1)
