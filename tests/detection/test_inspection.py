"""Inspection: results in the order of the images, bounded memory, and failures that do not stop the rest."""

import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from aecli.data.image_files import ConvertedImage
from aecli.data.image_readers import chunked
from aecli.data.image_set import Failure
from aecli.data.iteration import ImageReader
from aecli.detection.detector import Detector, default_detector
from aecli.detection.inspection import AnomalyInspector, Detection
from aecli.errors import InputError
from aecli.inference.model import Model

SHAPE = (1, 8, 8)
Results = list[Detection | Failure]


@pytest.fixture
def detector(model: Model) -> Detector:
    return default_detector(model.header, model.fingerprint)


@pytest.fixture
def inspector(model: Model, detector: Detector) -> AnomalyInspector:
    return AnomalyInspector(model, detector)


def reader(pixels: NDArray[np.uint8] | None, name: str, seconds: float = 0.0) -> ImageReader:
    """Return a reader that takes so long; it fails if there are no pixels."""

    def read() -> ConvertedImage:
        time.sleep(seconds)
        if pixels is None:
            raise InputError("damaged")
        return ConvertedImage(pixels, SHAPE)

    return ImageReader(name, read)


def inspect_all(inspector: AnomalyInspector, readers: Iterable[ImageReader], chunk_size: int = 50) -> Results:
    return [result for results in inspector.inspect_chunks(chunked(readers, chunk_size)) for result in results]


def detections(results: Results) -> list[Detection]:
    assert not [result for result in results if isinstance(result, Failure)]
    return [result for result in results if isinstance(result, Detection)]


# Chunks of images


def test_results_are_in_the_order_of_the_images(
    inspector: AnomalyInspector, model: Model, digits: NDArray[np.uint8]
) -> None:
    """Even if some images take longer to read than later ones."""
    readers = [reader(image, str(index), 0.02 if index % 40 == 0 else 0) for index, image in enumerate(digits[:120])]
    results = detections(inspect_all(inspector, readers))
    assert [result.path for result in results] == [str(index) for index in range(120)]
    assert [result.score for result in results] == pytest.approx(model.score(digits[:120]), rel=1e-4)
    assert all(np.array_equal(result.output.images[0], digits[index]) for index, result in enumerate(results))


def test_a_failure_keeps_its_place_and_does_not_stop_the_rest(
    inspector: AnomalyInspector, digits: NDArray[np.uint8]
) -> None:
    damaged = {0, 7, 8, 59}
    readers = [reader(None if index in damaged else digits[index], str(index)) for index in range(60)]
    results = inspect_all(inspector, readers, chunk_size=9)
    names = [result.name if isinstance(result, Failure) else result.path for result in results]
    assert names == [str(index) for index in range(60)]
    assert {int(result.name) for result in results if isinstance(result, Failure)} == damaged
    assert (inspector.failed, inspector.scored) == (4, 56)


def test_a_chunk_may_consist_of_failures(inspector: AnomalyInspector) -> None:
    assert inspect_all(inspector, [reader(None, "a")]) == [Failure("a", "damaged")]
    assert inspect_all(inspector, []) == []


def test_at_most_one_chunk_is_read_ahead(inspector: AnomalyInspector, digits: NDArray[np.uint8]) -> None:
    read: list[int] = []

    def recording(index: int) -> ImageReader:
        def pixels() -> ConvertedImage:
            read.append(index)
            return ConvertedImage(digits[index], SHAPE)

        return ImageReader(str(index), pixels)

    chunks = inspector.inspect_chunks(chunked((recording(index) for index in range(100)), 10))
    for done in range(1, 4):
        next(chunks)
        assert len(read) <= 10 * done


def test_the_chunk_size_bounds_the_memory(inspector: AnomalyInspector, model: Model) -> None:
    assert inspector.chunk_size * np.prod(model.image_shape) <= 1 << 20


def test_a_score_equal_to_the_threshold_is_normal(model: Model, detector: Detector, digits: NDArray[np.uint8]) -> None:
    def inspect_at(threshold: float) -> Detection:
        inspector = AnomalyInspector(model, detector.with_threshold(threshold))
        (result,) = detections(inspect_all(inspector, [reader(digits[0], "x")]))
        return result

    score = inspect_at(1.0).score
    assert inspect_at(score).verdict == "normal"
    assert inspect_at(float(np.nextafter(score, 0))).verdict == "anomaly"


def test_a_detection_as_a_document(inspector: AnomalyInspector, detector: Detector, digits: NDArray[np.uint8]) -> None:
    (result,) = detections(inspect_all(inspector, [reader(digits[0], "x")]))
    threshold = detector.header.threshold
    expected = {"path": "x", "score": result.score, "threshold": threshold, "verdict": result.verdict}
    assert result.to_dict() == expected


# DATA words and lists


def test_counts_and_notes(inspector: AnomalyInspector, digits: NDArray[np.uint8], tmp_path: Path) -> None:
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(tmp_path / "color.png")
    Image.fromarray(digits[0, 0]).save(tmp_path / "gray.png")
    (results,) = inspector.inspect([str(tmp_path)])
    assert [Path(result.path).name for result in detections(results)] == ["color.png", "gray.png"]
    assert inspector.scored == inspector.normal + inspector.anomalies == 2
    assert inspector.images_per_second > 0
    recolored, resized, reshaped = inspector.report().notes
    assert recolored.startswith("1 image converted")
    assert resized.startswith("1 image resized")
    assert "1 image " in reshaped


def test_an_image_given_twice_is_inspected_twice(inspector: AnomalyInspector, image_folder: Path) -> None:
    name = str(image_folder / "a" / "0.png")
    (results,) = inspector.inspect([name, name])
    first, second = detections(results)
    assert first.score == pytest.approx(second.score)
    assert first.path == second.path == name


def test_words_come_before_those_of_a_list(inspector: AnomalyInspector, image_folder: Path, tmp_path: Path) -> None:
    names = [str(image_folder / "a" / f"{index}.png") for index in range(3)]
    (tmp_path / "list").write_bytes("\0".join(names[1:]).encode())
    (results,) = inspector.inspect(names[:1], tmp_path / "list", null_separated=True)
    assert [result.path for result in detections(results)] == names


def test_progress_counts_scored_and_failed_images(
    inspector: AnomalyInspector, image_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aecli.detection.inspection.batch_size", lambda shape: 4)
    reports: list[tuple[int, int]] = []

    def listen(stage: str, done: int, total: int) -> None:
        reports.append((done, total))

    for _ in inspector.inspect([str(image_folder), "none.png"], progress=listen):
        pass
    assert reports == [(4, 7), (7, 7)]


@pytest.mark.parametrize(("words", "noun"), [(["none.png"], "image"), (["none.png"] * 3, "3 images"), ([], "list")])
def test_an_inspection_without_any_score_is_an_error(words: list[str], noun: str, inspector: AnomalyInspector) -> None:
    list(inspector.inspect(words))
    with pytest.raises(InputError, match=noun):
        inspector.require_scored()
    assert inspector.failed == len(words)
