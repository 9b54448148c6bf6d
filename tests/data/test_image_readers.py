"""Readers of images: DATA words, lists of paths, and chunks that do not wait for a slow list."""

import io
import os
import queue
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import aecli
from aecli.data import Failure
from aecli.data.conversion import Conversion
from aecli.data.image_files import ConvertedImage
from aecli.data.image_readers import chunks_as_available, image_readers, in_few_sizes, read_list, try_read
from aecli.data.iteration import ImageReader
from aecli.errors import InputError

SHAPE = (1, 8, 8)


def black_image() -> ConvertedImage:
    return ConvertedImage(np.zeros(SHAPE, np.uint8), SHAPE)


def named_reader(name: str) -> ImageReader:
    return ImageReader(name, black_image)


def names_of(chunks: Iterator[list[ImageReader]]) -> list[str]:
    return [reader.name for chunk in chunks for reader in chunk]


# DATA words


def test_files_folders_and_data_words_yield_readers(
    image_folder: Path, digits: NDArray[np.uint8], tmp_path: Path
) -> None:
    np.savez(tmp_path / "set.npz", images=digits[:2])
    words = [str(image_folder / "b" / "3.png"), str(image_folder), str(tmp_path / "set.npz"), "digits:test@4"]
    readers = list(image_readers(words, Conversion(SHAPE)))
    files = sorted(map(str, image_folder.rglob("*.png")))
    assert [reader.name for reader in readers[:7]] == [words[0], *files]
    assert [reader.name for reader in readers[7:9]] == [f"{words[2]}:all/{index}" for index in range(2)]
    assert np.array_equal(readers[0].read().pixels, digits[3])
    assert np.array_equal(readers[8].read().pixels, digits[1])
    fours = aecli.load_images("digits:test@4")
    assert len(readers) == 9 + len(fours)
    assert readers[9].name == f"digits:{fours.names[0]}"


@pytest.mark.parametrize(
    "word", ["none.png", "", "dgits", "a" * 300 + ".png", "x\0y.png", "no/such/folder/", "digits@x"]
)
def test_a_word_that_cannot_be_resolved_yields_a_failing_reader(word: str) -> None:
    failing, *_, last = image_readers([word, "digits:test@4"], Conversion(SHAPE))
    assert failing.name == word
    with pytest.raises(InputError):
        failing.read()
    assert last.read().native == SHAPE


@pytest.mark.parametrize("name", ["text.png", "channels.npy", "none.png"])
def test_a_failure_gives_the_reason_without_the_name_of_the_image(name: str, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("not an image")
    np.save(tmp_path / "channels.npy", np.zeros((3, 8, 8, 5), np.uint8))
    word = str(tmp_path / name)
    (reader,) = image_readers([word], Conversion(SHAPE))
    failure = try_read(reader.name, reader.read)
    assert isinstance(failure, Failure)
    assert failure.name == word
    assert failure.reason
    assert not failure.reason.startswith(("cannot read", word))
    assert not failure.reason.endswith(word)


def test_what_can_be_read_is_returned() -> None:
    assert isinstance(try_read("black", black_image), ConvertedImage)


# Lists


@pytest.mark.parametrize(
    ("content", "separator", "paths"),
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
        (b"\xef\xbb\xbfa\r\nb\r\n", b"\n", ["a", "b"]),
        (b"a\n\xef\xbb\xbfb\n", b"\n", ["a", "\ufeffb"]),
        (b"\xef\xbb\xbfa\0b", b"\0", ["\ufeffa", "b"]),
        ("\ufeffcafé\r\nb".encode("utf-16-le"), b"\n", ["café", "b"]),
    ],
)
@pytest.mark.parametrize("stream", [True, False], ids=["standard input", "file"])
def test_paths_of_a_list(
    content: bytes, separator: bytes, paths: list[str], stream: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "list").write_bytes(content)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    path = Path("-") if stream else tmp_path / "list"
    assert list(read_list(path, separator=separator)) == paths


@pytest.mark.parametrize("separator", [b"\n", b"\0"])
def test_paths_on_standard_input_are_yielded_as_they_arrive(separator: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    stdin = os.fdopen(reading, encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", stdin)
    arrived: queue.Queue[str] = queue.Queue()

    def collect() -> None:
        for path in read_list(Path("-"), separator=separator):
            arrived.put(path)

    thread = threading.Thread(target=collect, daemon=True)
    thread.start()
    for path in (b"first", b"second"):
        os.write(writing, path + separator)
        assert arrived.get(timeout=10) == path.decode()
    os.close(writing)
    thread.join(10)
    assert not thread.is_alive()
    stdin.close()


def test_a_list_is_read_in_blocks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("aecli.data.image_readers.BLOCK_BYTES", 3)
    (tmp_path / "list").write_bytes(b"one\ntwo\r\n\nthree")
    assert list(read_list(tmp_path / "list")) == ["one", "two", "three"]


def test_a_list_without_separators_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("aecli.data.image_readers.MAX_PATH_BYTES", 1000)
    (tmp_path / "list").write_bytes(b"x" * 100_000)
    with pytest.raises(InputError, match="list of files"):
        list(read_list(tmp_path / "list"))


def test_a_heading_is_skipped_unless_there_is_such_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list").write_text("path\na\npath\n")
    assert list(read_list(tmp_path / "list", heading="path")) == ["a", "path"]
    assert list(read_list(tmp_path / "list")) == ["path", "a", "path"]
    (tmp_path / "path").touch()
    assert list(read_list(tmp_path / "list", heading="path")) == ["path", "a", "path"]


@pytest.mark.parametrize("name", ["none", "folder", "empty"])
def test_a_missing_or_empty_list_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty").touch()
    with pytest.raises(InputError, match="list of files"):
        list(read_list(tmp_path / name))


# Chunks of a slow list


def test_a_chunk_does_not_wait_for_more_readers() -> None:
    more = threading.Event()

    def slow() -> Iterator[ImageReader]:
        yield named_reader("first")
        assert more.wait(10)
        yield named_reader("second")

    chunks = chunks_as_available(slow(), 100)
    assert [reader.name for reader in next(chunks)] == ["first"]
    more.set()
    assert names_of(chunks) == ["second"]


def test_chunks_are_in_order_and_of_bounded_size() -> None:
    names = [str(number) for number in range(1000)]
    chunks = list(chunks_as_available(map(named_reader, names), 7))
    assert names_of(iter(chunks)) == names
    assert all(0 < len(chunk) <= 7 for chunk in chunks)


def test_chunks_of_all_sizes_become_chunks_of_few_sizes() -> None:
    names = [str(number) for number in range(100)]
    readers = [*map(named_reader, names)]
    split = [chunk for size in range(101) for chunk in in_few_sizes([readers[:size]], 100)]
    assert {len(chunk) for chunk in split} == {1, 2, 4, 8, 16, 32, 64, 100}
    chunks = [list(chunk) for chunk in in_few_sizes([readers[:7], readers[7:93], readers[93:]], 100)]
    assert names_of(iter(chunks)) == names


def test_an_endless_list_is_not_read_far_ahead() -> None:
    taken: list[int] = []

    def endless() -> Iterator[ImageReader]:
        while True:
            taken.append(len(taken))
            yield named_reader(str(len(taken)))

    next(chunks_as_available(endless(), 5))
    time.sleep(0.05)
    assert len(taken) <= 5 + 2 * 5 + 2


def test_an_error_of_the_list_is_raised_after_the_readers_before_it() -> None:
    def failing() -> Iterator[ImageReader]:
        yield named_reader("first")
        raise InputError("gone")

    chunks = chunks_as_available(failing(), 10)
    assert [reader.name for reader in next(chunks)] == ["first"]
    with pytest.raises(InputError, match="gone"):
        next(chunks)
