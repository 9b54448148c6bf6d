"""Pictures on their way to a verdict: in order, in bounded pieces, without waiting for a slow source."""

import io
import os
import queue
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import aecli
from aecli.data.image_set import Failure
from aecli.detection import inputs
from aecli.detection.detector import default_detector
from aecli.detection.inputs import Item, as_they_come, chunked, items_of, names_from
from aecli.detection.inspection import AnomalyInspector, Detection
from aecli.errors import InputError
from aecli.inference.model import Model

SHAPE = (1, 8, 8)


@pytest.fixture
def inspection(model: Model) -> AnomalyInspector:
    return AnomalyInspector(model, default_detector(model.header, model.fingerprint))


def item(image: NDArray[Any] | None, name: str = "", wait: float = 0.0) -> Item:
    def read():
        time.sleep(wait)
        if image is None:
            raise InputError("damaged")
        return image, image.shape

    return Item(name, read)


def judged(inspection: AnomalyInspector, items: list[Item], most: int = 50) -> list[Detection | Failure]:
    return [each for found in inspection.judge(chunked(items, most)) for each in found]


# Judging


def test_verdicts_come_in_the_order_of_the_pictures(inspection, digits: NDArray[Any]) -> None:
    """Although some are read later than those after them."""
    items = [item(image, str(row), wait=0.02 if row % 40 == 0 else 0) for row, image in enumerate(digits[:120])]
    found = judged(inspection, items)
    assert [each.path for each in found] == [str(row) for row in range(120)]
    expected = inspection._model.score(digits[:120])
    assert [each.score for each in found] == pytest.approx(expected, rel=1e-4)
    assert all(np.array_equal(each.output.images[0], digits[row]) for row, each in enumerate(found))


def test_what_cannot_be_read_keeps_its_place_and_the_rest_goes_on(inspection, digits: NDArray[Any]) -> None:
    bad = {0, 7, 8, 59}
    items = [item(None if row in bad else digits[row], str(row)) for row in range(60)]
    found = judged(inspection, items, most=9)
    assert [each.name if isinstance(each, Failure) else each.path for each in found] == [str(row) for row in range(60)]
    assert {int(each.name) for each in found if isinstance(each, Failure)} == bad
    assert (inspection.failed, inspection.judged) == (4, 56)


def test_a_chunk_of_which_nothing_can_be_read_is_no_error(inspection) -> None:
    assert judged(inspection, [item(None, "a")]) == [Failure("a", "damaged")]
    assert judged(inspection, []) == []


def test_only_one_chunk_is_read_ahead(inspection, digits: NDArray[Any]) -> None:
    read: list[int] = []

    def counted(row: int) -> Item:
        def pixels():
            read.append(row)
            return digits[row], SHAPE

        return Item(str(row), pixels)

    found = inspection.judge(chunked((counted(row) for row in range(100)), 10))
    for done in range(1, 4):
        next(found)
        assert len(read) <= 10 * done


def test_the_larger_a_picture_the_smaller_a_chunk(inspection, model: Any) -> None:
    assert inspection.chunk_size * np.prod(model.image_shape) <= 1 << 20


def test_a_score_at_the_threshold_is_normal(inspection, digits: NDArray[Any]) -> None:
    (found,) = judged(inspection, [item(digits[0], "x")])
    for threshold, verdict in ((found.score, "normal"), (np.nextafter(found.score, 0), "anomaly")):
        detector = inspection._detector.with_threshold(float(threshold))
        (again,) = judged(AnomalyInspector(inspection._model, detector), [item(digits[0], "x")])
        assert again.verdict == verdict


def test_counts_and_notes(inspection, digits: NDArray[Any], tmp_path: Path) -> None:
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(tmp_path / "color.png")
    Image.fromarray(digits[0, 0]).save(tmp_path / "gray.png")
    found = judged(inspection, list(items_of([str(tmp_path)], SHAPE)))
    assert [Path(each.path).name for each in found] == ["color.png", "gray.png"]
    assert inspection.judged == inspection.normal + inspection.anomalies == 2
    recolored, sized = inspection.notes()
    assert "1 image converted from color to gray" in recolored
    assert "1 image resized from 30x20 to 8x8" in sized


def test_the_document_of_a_finding(inspection, digits: NDArray[Any]) -> None:
    (found,) = judged(inspection, [item(digits[0], "x")])
    assert found.to_dict() == {
        "path": "x",
        "score": found.score,
        "threshold": inspection._detector.header.threshold,
        "verdict": found.verdict,
    }


# Names


def test_files_folders_and_words_become_pictures(pictures: Path, digits: NDArray[Any], tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", images=digits[:2])
    names = [str(pictures / "b" / "3.png"), str(pictures), str(tmp_path / "set.npz"), "digits:test@4"]
    items = list(items_of(names, SHAPE))
    assert [each.name for each in items[:7]] == [names[0], *(str(path) for path in sorted(pictures.rglob("*.png")))]
    assert [each.name for each in items[7:9]] == [f"{names[2]}:all/{index}" for index in range(2)]
    assert np.array_equal(items[0].read()[0], digits[3])
    assert np.array_equal(items[8].read()[0], digits[1])
    fours = aecli.load_images("digits:test@4")
    assert len(items) == 9 + len(fours)
    assert items[9].name == f"digits:{fours.names[0]}"


@pytest.mark.parametrize(
    "name", ["none.png", "", "dgits", "a" * 300 + ".png", "x\0y.png", "no/such/folder/", "digits@x"]
)
def test_what_means_nothing_is_an_item_that_cannot_be_read(name: str, digits: NDArray[Any]) -> None:
    (wrong, *_, last) = items_of([name, "digits:test@4"], SHAPE)
    assert wrong.name == name
    with pytest.raises(InputError):
        wrong.read()
    assert last.read()[1] == SHAPE


def test_the_same_picture_twice_is_judged_twice(inspection, pictures: Path) -> None:
    name = str(pictures / "a" / "0.png")
    first, second = judged(inspection, list(items_of([name, name], SHAPE)))
    assert first.score == pytest.approx(second.score)
    assert first.path == second.path == name


@pytest.mark.parametrize(
    ("text", "separator", "names"),
    [
        (b"a\nb\n", b"\n", ["a", "b"]),
        (b"a\r\nb", b"\n", ["a", "b"]),
        (b"\n\na b\n\n", b"\n", ["a b"]),
        (b"\0a\nb\0c\0", b"\0", ["a\nb", "c"]),
        (b"a\0\0b\r", b"\0", ["a", "b\r"]),
        (b"caf\xc3\xa9\nbad\xff", b"\n", ["café", "bad\udcff"]),
        (b"-\n--\n", b"\n", ["./-", "--"]),
        (b"x" * 200_000 + b"\ny", b"\n", ["x" * 200_000, "y"]),
        (b"\n" * 9, b"\n", []),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
def test_names_of_a_list(text: str, separator, names, stream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "list").write_bytes(text)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    path = Path("-") if stream else tmp_path / "list"
    assert list(names_from(path, separator=separator)) == names


@pytest.mark.parametrize("separator", [b"\n", b"\0"])
def test_names_come_as_they_are_written(separator, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    monkeypatch.setattr(sys, "stdin", open(reading, encoding="utf-8"))  # noqa: SIM115, PTH123
    came: queue.Queue[str] = queue.Queue()
    thread = threading.Thread(
        target=lambda: [came.put(name) for name in names_from(Path("-"), separator=separator)], daemon=True
    )
    thread.start()
    for name in (b"first", b"second"):
        os.write(writing, name + separator)
        assert came.get(timeout=10) == name.decode()
    os.close(writing)
    thread.join(10)
    assert not thread.is_alive()


@pytest.mark.parametrize("what", ["none", "folder", "empty"])
def test_a_list_that_is_none_is_refused(what, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty").touch()
    with pytest.raises(InputError, match="list of files"):
        list(names_from(tmp_path / what))


# A slow source


def test_what_is_there_is_taken_without_waiting_for_more(digits: NDArray[Any]) -> None:
    more = threading.Event()

    def slow():
        yield item(digits[0], "first")
        assert more.wait(10)
        yield item(digits[1], "second")

    chunks = as_they_come(slow(), 100)
    assert [each.name for each in next(chunks)] == ["first"]
    more.set()
    assert [each.name for chunk in chunks for each in chunk] == ["second"]


def test_all_come_in_order_and_in_chunks_of_at_most_so_many() -> None:
    items = [item(None, str(number)) for number in range(1000)]
    chunks = list(as_they_come(iter(items), 7))
    assert [each.name for chunk in chunks for each in chunk] == [each.name for each in items]
    assert all(0 < len(chunk) <= 7 for chunk in chunks)


def test_an_endless_source_is_not_read_far_ahead() -> None:
    taken: list[int] = []

    def endless():
        while True:
            taken.append(len(taken))
            yield item(None, str(len(taken)))

    next(as_they_come(endless(), 5))
    time.sleep(0.05)
    assert len(taken) <= 5 + 2 * 5 + 2


def test_an_error_of_the_source_comes_after_what_was_there_before(digits: NDArray[Any]) -> None:
    def failing():
        yield item(digits[0], "first")
        raise InputError("gone")

    chunks = as_they_come(failing(), 10)
    assert [each.name for each in next(chunks)] == ["first"]
    with pytest.raises(InputError, match="gone"):
        next(chunks)


def test_names_are_read_in_pieces(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(inputs, "PIECE", 3)
    (tmp_path / "list").write_bytes(b"one\ntwo\r\n\nthree")
    assert list(names_from(tmp_path / "list")) == ["one", "two", "three"]
