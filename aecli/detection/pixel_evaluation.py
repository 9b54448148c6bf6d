"""Measure the maps of fitted scores by the masks of anomalous images."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from aecli.data.conversion import Resize
from aecli.data.image_files import quiet
from aecli.data.image_set import ImageSet
from aecli.data.masks import UnusableMaskError
from aecli.detection.overhang import NO_OVERHANG, Overhang
from aecli.detection.pixel_metrics import PixelHistograms, PixelMetrics, find_regions
from aecli.runtime.counting import counted
from aecli.runtime.progress import Progress
from aecli.runtime.threads import map_ordered

Maps = NDArray[np.float32]
"""The scores at the positions of N images, (N, h, w); or an array of N objects (h, w), if these differ in size."""


@dataclass(frozen=True)
class EvaluationMaps:
    """The maps of the images that a score is evaluated on."""

    normal: Maps
    anomalous: Maps
    normal_images: NDArray[np.int64]
    """The indices of the normal images in their set."""
    anomalous_images: NDArray[np.int64]
    """The indices of the anomalous images in their set."""
    overhang: Overhang = NO_OVERHANG
    """How far the maps extend beyond the images."""

    @property
    def values(self) -> NDArray[np.float32]:
        """The values of all maps, (N,)."""
        return np.concatenate([score_map.ravel() for maps in (self.normal, self.anomalous) for score_map in maps])


@dataclass(frozen=True)
class PixelEvaluation:
    """The metrics of each score with maps, and what was left out."""

    metrics: Mapping[str, PixelMetrics] = field(default_factory=dict)
    """By the name of the score; empty if no mask can be used."""
    warnings: Sequence[str] = ()


def measure_pixels(
    maps: Mapping[str, EvaluationMaps],
    normal: ImageSet,
    anomalous: ImageSet,
    resize: Resize,
    seed: int,
    progress: Progress,
) -> PixelEvaluation:
    """Return the metrics of the maps of normal and of anomalous images by the masks of the latter.

    All pixels of normal images are normal. An anomalous image whose mask cannot be used is left out, with a warning.
    Masks are resized and maps upsampled to the size of the model's input, or for images in tiles, to the size of the
    image at which its tiles have that size. The padding around images is not part of them, and is not measured.

    Args:
        maps: The maps of the same images by the name of each score that has some.
        normal: The normal images.
        anomalous: The anomalous images, whose masks are read when they are needed.
        resize: How images become the model's input; masks are converted alike.
        seed: Random seed of the bootstrap.
        progress: Called with the number of anomalous images.
    """
    if not maps or anomalous.masks is None or not any(one.files for one in anomalous.masks):
        return PixelEvaluation()
    histograms = {name: PixelHistograms(each.values, each.overhang) for name, each in maps.items()}
    evaluated = next(iter(maps.values()))
    failures: list[UnusableMaskError] = []
    total = len(evaluated.anomalous_images)
    for index, regions in enumerate(_regions(anomalous, evaluated.anomalous_images, resize)):
        if isinstance(regions, UnusableMaskError):
            failures.append(regions)
        else:
            for name, histogram in histograms.items():
                size = measured_size(anomalous, evaluated.anomalous_images[index])
                histogram.add_anomalous(maps[name].anomalous[index], regions, size)
        progress("measuring pixels of images", index + 1, total)
    warnings = _warnings(failures, total)
    if len(failures) == total:
        return PixelEvaluation(warnings=warnings)
    for name, histogram in histograms.items():
        for score_map, image in zip(maps[name].normal, evaluated.normal_images, strict=True):
            histogram.add_normal(score_map, measured_size(normal, image), normal.inner_size(image))
    return PixelEvaluation({name: histogram.metrics(seed) for name, histogram in histograms.items()}, warnings)


def measured_size(images: ImageSet, index: int) -> tuple[int, int]:
    """Return the (H, W) at which the map of an image is compared with its masks."""
    _, height, width = images.image_shape
    if images.tiles is None:
        return height, width
    own_height, own_width = images.tiles.sizes[index].tolist()
    side = images.tiles.tiling.size
    return max(1, round(own_height * height / side)), max(1, round(own_width * width / side))


def _regions(
    images: ImageSet, indices: NDArray[np.int64], resize: Resize
) -> Iterator[NDArray[np.int32] | UnusableMaskError]:
    """Yield the regions of the masks of each image at `indices`, or why they cannot be used."""
    assert images.masks is not None
    owners = range(len(images)) if images.tiles is None else images.tiles.image_of.tolist()
    masks = dict(zip(owners, images.masks, strict=True))  # those of all tiles of an image are the same

    def read(index: int) -> NDArray[np.int32] | UnusableMaskError:
        try:
            mode = resize if images.tiles is None else "stretch"
            marked = masks[index].read(measured_size(images, index), mode, images.inner_size(index))
        except UnusableMaskError as error:
            return error
        return find_regions(marked)

    with quiet():
        yield from map_ordered(read, indices.tolist())


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
