"""`aecli info` on compressed images: a file, a folder and a set; without the model."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aecli.codes.aec import AecHeader, AecImage
from aecli.codes.aec_set import AecSet, AecSetMeta
from aecli.errors import ExitStatus
from aecli.reports.describe import describe
from tests.command_line import Run, succeed

IMAGE = AecImage(AecHeader("0123abcd", 2, 3, 30, 20), np.arange(25, dtype=np.uint32))


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Return an archive of two images of other sizes and rates, and a damaged one."""
    folder = tmp_path / "archive" / "a"
    folder.mkdir(parents=True)
    (folder / "1.png.aec").write_bytes(IMAGE.to_bytes())
    small = replace(IMAGE, header=replace(IMAGE.header, rate=0, height=5, width=5))
    (folder / "2.png.aec").write_bytes(small.to_bytes())
    (folder / "3.png.aec").write_bytes(IMAGE.to_bytes()[:-1])
    (folder / "notes.txt").write_text("x")
    return tmp_path / "archive"


def test_a_file(archive: Path) -> None:
    document = succeed("info", archive / "a" / "1.png.aec", "--json").document
    assert (document["height"], document["width"], document["channels"], document["rate"]) == (30, 20, 3, 2)
    assert document["bytes"] == (archive / "a" / "1.png.aec").stat().st_size
    text = succeed("info", archive / "a" / "1.png.aec").out
    assert "20x30" in text
    assert "0123abcd" in text


def test_a_damaged_file_is_an_error(aecli: Run, archive: Path) -> None:
    result = aecli("info", archive / "a" / "3.png.aec")
    assert result.status == ExitStatus.INPUT
    assert "damaged" in result.err


def test_a_folder(archive: Path) -> None:
    details = describe(archive).to_dict()
    assert (details["images"], details["pixels"]) == (2, 625)
    assert details["rates"] == {"0": 1, "2": 1}
    assert details["models"] == {"0123abcd": 2}
    assert list(details["damaged"]) == ["a/3.png.aec"]
    text = describe(archive).as_text()
    assert "5x5 to 20x30" in text
    assert "a/3.png.aec" in text
    assert ".txt" in text


def test_a_folder_of_damaged_files(archive: Path) -> None:
    for path in archive.rglob("*.aec"):
        path.write_bytes(b"x")
    assert describe(archive).to_dict()["images"] == 0


def test_a_set(tmp_path: Path) -> None:
    meta = AecSetMeta("sha256:" + "ab" * 32, 1, 3, (1, 8, 8), "digits:test", ["a", "b"])
    path = tmp_path / "set.npz"
    path.write_bytes(AecSet(meta, IMAGE.words, labels=np.array([0, 1, 1])).to_bytes())
    details = describe(path).to_dict()
    assert (details["count"], details["rate"], details["bytes"]) == (3, 1, path.stat().st_size)
    assert "2 classes" in describe(path).as_text()
