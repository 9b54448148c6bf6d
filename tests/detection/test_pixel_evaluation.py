"""Maps are measured by the masks of the images that they belong to, and masks that cannot be used are left out."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from sklearn.metrics import roc_auc_score

from aecli.data.encoded import FileOnDisk
from aecli.data.image_set import ImageSet
from aecli.data.masks import ImageMasks
from aecli.data.tiling import TiledSet, Tiling
from aecli.detection.map_resizing import resized_maps
from aecli.detection.pixel_evaluation import EvaluationMaps, PixelEvaluation, measure_pixels, measured_size
from aecli.runtime.progress import Progress, silent

SIZE = (24, 32)


@dataclass(frozen=True)
class Drawn:
    """Maps of normal and of some anomalous images, and the masks of the latter."""

    maps: EvaluationMaps
    normal: ImageSet
    anomalous: ImageSet
    marked: NDArray[np.bool_]
    """(N, H, W)"""

    def measure(self, masks: Mapping[int, ImageMasks] | None = None, progress: Progress = silent) -> PixelEvaluation:
        """Measure the maps, with other masks of some images."""
        assert self.anomalous.masks is not None
        changed = {**dict(enumerate(self.anomalous.masks)), **(masks or {})}
        anomalous = replace(self.anomalous, masks=tuple(changed.values()))
        return measure_pixels({"a": self.maps, "b": self.maps}, self.normal, anomalous, "stretch", 0, progress)


@pytest.fixture
def drawn(tmp_path: Path) -> Drawn:
    """Return maps of 3 normal images and of every second one of 8 anomalous images, whose masks have twice the size."""
    marked = np.zeros((8, *SIZE), bool)
    masks = []
    for index, mask in enumerate(marked):
        mask[2 * index : 2 * index + 6, 3 * index : 3 * index + 8] = True
        path = tmp_path / f"{index}_mask.png"
        Image.fromarray(mask.repeat(2, 0).repeat(2, 1)).save(path)
        masks.append(ImageMasks(f"{index}.png", None, (FileOnDisk(path),)))
    maps = np.random.default_rng(0).gamma(2, 1, (11, 6, 8)).astype(np.float32)
    indices = np.array([1, 3, 5, 7])
    normal, anomalous = (
        ImageSet(np.zeros((count, 1, *SIZE), np.uint8), np.arange(count).astype(str), "drawn") for count in (3, 8)
    )
    evaluated = EvaluationMaps(maps[:3], maps[3 + indices], np.arange(3), indices)
    return Drawn(evaluated, normal, replace(anomalous, masks=tuple(masks)), marked)


def test_each_map_is_compared_with_its_own_mask(drawn: Drawn) -> None:
    calls: list[tuple[str, int, int]] = []
    found = drawn.measure(progress=lambda stage, done, total: calls.append((stage, done, total)))
    assert not found.warnings
    assert found.metrics["a"] == found.metrics["b"]
    assert (found.metrics["a"].normal, found.metrics["a"].anomalous) == (3, 4)
    pixels = resized_maps(np.concatenate([drawn.maps.normal, drawn.maps.anomalous]), SIZE)
    marked = np.concatenate([np.zeros((3, *SIZE), bool), drawn.marked[drawn.maps.anomalous_images]])
    assert found.metrics["a"].auroc.value == pytest.approx(roc_auc_score(marked.ravel(), pixels.ravel()), abs=1e-4)
    assert calls[-1] == ("measuring pixels of images", 4, 4)


def test_images_whose_masks_cannot_be_used_are_left_out_with_a_warning_for_each_reason(
    drawn: Drawn, tmp_path: Path
) -> None:
    (tmp_path / "7_mask.png").write_text("no image")
    masks = {index: ImageMasks(f"{index}.png") for index in (3, 5)}
    found = drawn.measure(masks)
    missing, unreadable = found.warnings
    assert "2 of 4 anomalous images" in missing
    assert "missing" in missing
    assert "1 of 4" in unreadable
    assert "7_mask.png" in unreadable
    assert found.metrics["a"].anomalous == 1
    first = replace(drawn.maps, anomalous=drawn.maps.anomalous[:1], anomalous_images=drawn.maps.anomalous_images[:1])
    alone = replace(drawn, maps=first).measure().metrics["a"]
    assert found.metrics["a"].aupro.value == pytest.approx(alone.aupro.value, abs=5e-3)
    nothing = drawn.measure({**masks, 1: ImageMasks("1.png")})
    assert not nothing.metrics
    assert "3 of 4" in nothing.warnings[0]


@pytest.mark.parametrize("padded", ["both", "normal", "anomalous"])
def test_padding_is_not_measured(drawn: Drawn, tmp_path: Path, padded: str) -> None:
    """Images of 48x32 pixels are padded to 32x24 pixels, at the left and the right."""
    masks = {}
    for index, mask in enumerate(drawn.marked):
        path = tmp_path / f"square{index}.png"
        Image.fromarray(mask[:, 8:24].repeat(2, 0).repeat(2, 1)).save(path)
        masks[index] = ImageMasks(f"{index}.png", None, (FileOnDisk(path),))
    inner = (24, 16)
    normal, anomalous = (
        replace(images, inner=np.tile(inner, (len(images), 1)) if padded in (kind, "both") else None)
        for kind, images in (("normal", drawn.normal), ("anomalous", drawn.anomalous))
    )
    anomalous = replace(anomalous, masks=tuple(masks.values()))
    found = measure_pixels({"a": drawn.maps}, normal, anomalous, "pad", 0, silent).metrics["a"]
    pixels = resized_maps(np.concatenate([drawn.maps.normal, drawn.maps.anomalous]), SIZE)
    marked = np.zeros((7, *SIZE), bool)
    marked[3:, :, 8:24] = drawn.marked[drawn.maps.anomalous_images][:, :, 8:24]
    is_image = np.zeros((7, *SIZE), bool)
    is_image[:, :, 8:24] = True
    is_image[:3] |= padded == "anomalous"
    is_image[3:] |= padded == "normal"
    expected = roc_auc_score(marked[is_image], pixels[is_image])
    assert found.auroc.value == pytest.approx(expected, abs=1e-4)


def test_images_in_tiles_are_measured_as_wholes(drawn: Drawn, tmp_path: Path) -> None:
    """Images of 60x40 pixels in tiles of 20 pixels, which the model takes with 10 pixels."""
    sizes = np.array([[40, 60], [40, 60]])
    tiles = TiledSet.of(Tiling(20, 0), sizes)
    mask = np.zeros((40, 60), bool)
    mask[10:20, 30:60] = True
    Image.fromarray(mask).save(tmp_path / "wide.png")
    masks = [ImageMasks("a.png"), ImageMasks("b.png", None, (FileOnDisk(tmp_path / "wide.png"),))]
    images = ImageSet(
        np.zeros((len(tiles), 1, 10, 10), np.uint8),
        np.arange(len(tiles)).astype(str),
        "tiles",
        masks=tuple(masks[image] for image in tiles.image_of),
        tiles=tiles,
    )
    assert measured_size(images, 1) == (20, 30)
    score_map = mask[::4, ::4].astype(np.float32)
    maps = np.empty(1, object)
    maps[0] = score_map
    evaluated = EvaluationMaps(maps * 0, maps, np.array([0]), np.array([1]))  # type: ignore[arg-type]
    found = measure_pixels({"a": evaluated}, images, images, "pad", 0, silent).metrics["a"]
    pixels = resized_maps(score_map[None], (20, 30))
    marked = np.concatenate([np.zeros((20, 30), bool), mask[1::2, 1::2]])
    expected = roc_auc_score(marked.ravel(), np.concatenate([pixels[0] * 0, pixels[0]]).ravel())
    assert found.auroc.value == pytest.approx(expected, abs=1e-4) == pytest.approx(1, abs=0.01)


def test_nothing_is_measured_without_masks_or_maps(drawn: Drawn) -> None:
    none = drawn.measure({index: ImageMasks(f"{index}.png") for index in range(8)})
    without_masks = replace(drawn, anomalous=replace(drawn.anomalous, masks=None)).anomalous
    for found in (
        none,
        measure_pixels({}, drawn.normal, drawn.anomalous, "stretch", 0, silent),
        measure_pixels({"a": drawn.maps}, drawn.normal, without_masks, "stretch", 0, silent),
    ):
        assert not found.metrics
        assert not found.warnings
