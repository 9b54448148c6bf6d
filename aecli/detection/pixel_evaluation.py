"""Measure the maps of fitted scores by the masks of anomalous images."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from aecli.data.conversion import Conversion
from aecli.data.image_files import quiet
from aecli.data.masks import ImageMasks, UnusableMaskError
from aecli.detection.pixel_metrics import PixelHistograms, PixelMetrics, find_regions
from aecli.runtime.counting import counted
from aecli.runtime.progress import Progress
from aecli.runtime.threads import map_ordered

Maps = NDArray[np.float32]
"""The scores at the positions of N images, (N, h, w)."""


@dataclass(frozen=True)
class EvaluationMaps:
    """The maps of the images that a score is evaluated on."""

    normal: Maps
    anomalous: Maps
    anomalous_images: NDArray[np.int64]
    """The indices of the anomalous images in their set."""


@dataclass(frozen=True)
class PixelEvaluation:
    """The metrics of each score with maps, and what was left out."""

    metrics: Mapping[str, PixelMetrics] = field(default_factory=dict)
    """By the name of the score; empty if no mask can be used."""
    warnings: Sequence[str] = ()


def measure_pixels(
    maps: Mapping[str, EvaluationMaps],
    masks: Sequence[ImageMasks] | None,
    conversion: Conversion,
    seed: int,
    progress: Progress,
) -> PixelEvaluation:
    """Return the metrics of the maps of normal and of anomalous images by the masks of the latter.

    All pixels of normal images are normal. An anomalous image whose mask cannot be used is left out, with a warning.

    Args:
        maps: The maps of the same images by the name of each score that has some.
        masks: The masks of all anomalous images of the set, read when they are needed; None without masks.
        conversion: How images become the model's input, of a complete shape. Masks are converted alike, and maps
            upsampled to its size.
        seed: Random seed of the bootstrap.
        progress: Called with the number of anomalous images.
    """
    if not maps or masks is None or not any(one.files for one in masks):
        return PixelEvaluation()
    evaluated = [masks[index] for index in next(iter(maps.values())).anomalous_images]
    _, height, width = conversion.shape
    assert height is not None
    assert width is not None
    size = height, width
    histograms = {
        name: PixelHistograms(np.concatenate([each.normal, each.anomalous]), size) for name, each in maps.items()
    }
    failures: list[UnusableMaskError] = []
    for index, regions in enumerate(_regions(evaluated, size, conversion)):
        if isinstance(regions, UnusableMaskError):
            failures.append(regions)
        else:
            for name, histogram in histograms.items():
                histogram.add_anomalous(maps[name].anomalous[index], regions)
        progress("measuring pixels", index + 1, len(evaluated))
    warnings = _warnings(failures, len(evaluated))
    if len(failures) == len(evaluated):
        return PixelEvaluation(warnings=warnings)
    for name, histogram in histograms.items():
        for score_map in maps[name].normal:
            histogram.add_normal(score_map)
    return PixelEvaluation({name: histogram.metrics(seed) for name, histogram in histograms.items()}, warnings)


def _regions(
    masks: Sequence[ImageMasks], size: tuple[int, int], conversion: Conversion
) -> Iterator[NDArray[np.int32] | UnusableMaskError]:
    """Yield the regions of each mask, or why it cannot be used."""

    def read(one: ImageMasks) -> NDArray[np.int32] | UnusableMaskError:
        try:
            return find_regions(one.read(size, conversion.resize))
        except UnusableMaskError as error:
            return error

    with quiet():
        yield from map_ordered(read, masks)


def _warnings(failures: Sequence[UnusableMaskError], total: int) -> list[str]:
    """Return one warning for each kind of failure, with the first one."""
    kinds: dict[str, list[UnusableMaskError]] = {}
    for failure in failures:
        kinds.setdefault(failure.kind, []).append(failure)
    return [
        f"{len(group):,} of {counted(total, 'anomalous image')} left out of the pixel metrics, as "
        f"{'its mask is' if len(group) == 1 else 'their masks are'} {kind}: {group[0].where}: {group[0].reason}"
        for kind, group in kinds.items()
    ]
