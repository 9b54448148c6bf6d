"""Text files of any origin: byte order marks, UTF-16, Windows line ends, and files that are not text."""

import codecs
import csv
from pathlib import Path

import pytest

from aecli.errors import InputError
from aecli.storage.text import open_text, read_blocks, read_text

TEXT = "path,label\ncafé/1.png,\U0001f600\n"
ENCODED = {
    "utf-8": TEXT.encode(),
    "utf-8 with a mark": codecs.BOM_UTF8 + TEXT.encode(),
    "utf-16 little-endian": codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"),
    "utf-16 big-endian": codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "text"


@pytest.mark.parametrize("content", ENCODED.values(), ids=ENCODED)
def test_a_text_is_read_without_its_byte_order_mark(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert read_text(path, "table") == TEXT
    with open_text(path, "table", newline="") as file:
        assert list(csv.reader(file))[1] == ["café/1.png", "\U0001f600"]


def test_windows_line_ends_become_newlines_unless_they_are_kept(path: Path) -> None:
    path.write_bytes(codecs.BOM_UTF8 + b"a\r\nb\r\n")
    assert read_text(path, "list") == "a\nb\n"
    with open_text(path, "list", newline="") as file:
        assert file.read() == "a\r\nb\r\n"


def test_a_mark_inside_of_a_text_stays(path: Path) -> None:
    path.write_bytes(b"a\n" + codecs.BOM_UTF8 + b"b")
    assert read_text(path, "list") == "a\n\ufeffb"


@pytest.mark.parametrize(
    "content",
    [
        *("café".encode("latin-1"), "path,label".encode("utf-16-le"), b"\x89PNG\r\n\x1a\n\0\0"),
        *(codecs.BOM_UTF16_LE + b"a", b"a" * 100_000 + b"\xff"),
    ],
)
def test_other_encodings_are_refused_by_name(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"table.*UTF-8.*text$"):
        read_text(path, "table")


@pytest.mark.parametrize("content", [None, b""])
def test_missing_and_empty_files_are_refused(path: Path, content: bytes | None) -> None:
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match="table"):
        read_text(path, "table")


@pytest.mark.parametrize("content", ENCODED.values(), ids=ENCODED)
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_blocks_of_any_size_are_read_without_the_mark(content: bytes, size: int) -> None:
    blocks = iter([content[start : start + size] for start in range(0, len(content), size)])
    assert b"".join(read_blocks(lambda: next(blocks, b""))).decode() == TEXT


@pytest.mark.parametrize("start", [b"", b"\xef", b"\xef\xbb", b"\xff", b"\xef\xbba", b"\xfe\xfd"])
def test_bytes_that_only_start_like_a_mark_stay(start: bytes) -> None:
    blocks = iter([bytes([byte]) for byte in start])
    assert b"".join(read_blocks(lambda: next(blocks, b""))) == start


def test_the_first_block_is_not_delayed() -> None:
    def read() -> bytes:
        if not arrived:
            pytest.fail("reads on before the first block is used")
        return arrived.pop()

    arrived = [b"a"]
    assert next(read_blocks(read)) == b"a"
