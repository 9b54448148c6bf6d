"""A file is read as Python reads it, but a length beyond its end allocates nothing."""

import tracemalloc
from pathlib import Path

import pytest

from aecli.storage.sized_reader import open_sized

CONTENT = bytes(range(256)) * 10


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "x"
    path.write_bytes(CONTENT)
    return path


def test_a_length_beyond_the_end_allocates_nothing(path: Path) -> None:
    tracemalloc.start()
    try:
        with open_sized(path) as file:
            file.seek(100)
            assert file.read(2**32) == CONTENT[100:]
            assert file.read(2**32) == b""
            file.seek(5000)
            assert file.read(2**32) == b""
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("size", [None, -1, 0, 1, 300, 2559, 2560, 2561])
def test_it_reads_what_a_file_reads(path: Path, size: int | None) -> None:
    with open_sized(path) as file, path.open("rb") as expected:
        for start in (0, 1, 2000, 3000):
            assert file.seek(start) == expected.seek(start)
            assert file.read(size) == expected.read(size)
            assert file.tell() == expected.tell()
