"""`aecli decode`: images from codes, as a grid, a folder of files or an array."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from aecli.codes import load_codes
from aecli.errors import ExitStatus
from tests.command_line import Run, succeed


def test_decode_to_a_grid(conv_run: Path, codes_file: Path, tmp_path: Path) -> None:
    report = succeed("decode", codes_file, "--model", conv_run, "-o", tmp_path / "grid.png", "--json").document
    assert report["images"] == 359
    with Image.open(tmp_path / "grid.png") as grid:
        assert min(grid.size) > 18 * 8
        assert len(np.unique(np.asarray(grid))) > 50


def test_decode_to_a_folder(aecli: Run, conv_run: Path, codes_file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    words = ("decode", codes_file, "--model", conv_run, "-o", folder)
    succeed(*words)
    files = sorted(folder.iterdir())
    assert len(files) == 359
    assert files[0].name.startswith("000000-test_")
    with Image.open(files[0]) as image:
        assert (image.size, image.mode) == ((8, 8), "L")
    assert aecli(*words).status == ExitStatus.EXISTS
    (folder / "mine.txt").write_text("mine")
    succeed(*words, "--overwrite")
    assert len(list(folder.iterdir())) == 360


def test_decode_to_an_array_that_encode_reads(
    conv_run: Path, codes_file: Path, digits: NDArray[np.uint8], tmp_path: Path
) -> None:
    succeed("decode", codes_file, "--model", conv_run, "-o", tmp_path / "images.npz")
    labels = load_codes(codes_file).labels
    assert labels is not None
    with np.load(tmp_path / "images.npz", allow_pickle=False) as archive:
        assert archive["images"].dtype == np.uint8
        assert archive["labels"].tolist() == labels.tolist()
        assert np.corrcoef(archive["images"].ravel(), digits.ravel())[0, 1] > 0.6
    succeed("encode", tmp_path / "images.npz", "--model", conv_run, "-o", tmp_path / "again.npz")
    assert load_codes(tmp_path / "again.npz").meta.class_names == list("0123456789")
