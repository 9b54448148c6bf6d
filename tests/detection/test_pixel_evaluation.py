"""Maps are measured by the masks of the images that they belong to, and masks that cannot be used are left out."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from sklearn.metrics import roc_auc_score

from aecli.data.conversion import Conversion
from aecli.data.encoded import FileOnDisk
from aecli.data.masks import ImageMasks
from aecli.detection.map_resizing import resized_maps
from aecli.detection.pixel_evaluation import EvaluationMaps, measure_pixels
from aecli.runtime.progress import silent

SIZE = (24, 32)
CONVERSION = Conversion((1, *SIZE))


@pytest.fixture
def drawn(tmp_path: Path) -> tuple[EvaluationMaps, list[ImageMasks], NDArray[np.bool_]]:
    """Return maps of 3 normal images and of every second one of 8 anomalous images, whose masks have twice the size."""
    random = np.random.default_rng(0)
    masks = np.zeros((8, *SIZE), bool)
    files = []
    for index, mask in enumerate(masks):
        mask[2 * index : 2 * index + 6, 3 * index : 3 * index + 8] = True
        path = tmp_path / f"{index}_mask.png"
        Image.fromarray(mask.repeat(2, 0).repeat(2, 1)).save(path)
        files.append(ImageMasks(f"{index}.png", None, (FileOnDisk(path),)))
    maps = random.gamma(2, 1, (11, 6, 8)).astype(np.float32)
    indices = np.array([1, 3, 5, 7])
    return EvaluationMaps(maps[:3], maps[3 + indices], indices), files, masks


def test_each_map_is_compared_with_its_own_mask(
    drawn: tuple[EvaluationMaps, list[ImageMasks], NDArray[np.bool_]],
) -> None:
    maps, files, masks = drawn
    calls: list[tuple[str, int, int]] = []
    found = measure_pixels(
        {"a": maps, "b": maps}, files, CONVERSION, 0, lambda stage, done, total: calls.append((stage, done, total))
    )
    assert found.warnings == []
    assert found.metrics["a"] == found.metrics["b"]
    assert (found.metrics["a"].normal, found.metrics["a"].anomalous) == (3, 4)
    pixels = resized_maps(np.concatenate([maps.normal, maps.anomalous]), SIZE)
    marked = np.concatenate([np.zeros((3, *SIZE), bool), masks[maps.anomalous_images]])
    assert found.metrics["a"].auroc.value == pytest.approx(roc_auc_score(marked.ravel(), pixels.ravel()), abs=1e-4)
    assert calls[-1] == ("measuring pixels", 4, 4)


def test_images_whose_masks_cannot_be_used_are_left_out_with_a_warning_for_each_reason(
    drawn: tuple[EvaluationMaps, list[ImageMasks], NDArray[np.bool_]], tmp_path: Path
) -> None:
    maps, files, _ = drawn
    alone = measure_pixels(
        {"a": EvaluationMaps(maps.normal, maps.anomalous[:1], maps.anomalous_images[:1])}, files, CONVERSION, 0, silent
    )
    files[3], files[5] = ImageMasks("3.png"), ImageMasks("5.png")
    (tmp_path / "7_mask.png").write_text("no image")
    found = measure_pixels({"a": maps}, files, CONVERSION, 0, silent)
    missing, unreadable = found.warnings
    assert "2 of 4 anomalous images" in missing
    assert "missing" in missing
    assert "1 of 4" in unreadable
    assert "7_mask.png" in unreadable
    assert found.metrics["a"].anomalous == 1
    assert found.metrics["a"].aupro.value == pytest.approx(alone.metrics["a"].aupro.value, abs=5e-3)
    files[1] = ImageMasks("1.png")
    nothing = measure_pixels({"a": maps}, files, CONVERSION, 0, silent)
    assert not nothing.metrics
    assert "3 of 4" in nothing.warnings[0]


def test_nothing_is_measured_without_masks_or_maps(
    drawn: tuple[EvaluationMaps, list[ImageMasks], NDArray[np.bool_]],
) -> None:
    maps, files, _ = drawn
    for each, masks in (({}, files), ({"a": maps}, None), ({"a": maps}, [ImageMasks("x.png")] * 8)):
        found = measure_pixels(each, masks, CONVERSION, 0, silent)
        assert not found.metrics
        assert not found.warnings
