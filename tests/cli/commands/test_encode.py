"""`aecli encode`: code files from image folders, arrays and data sets."""

import os
from pathlib import Path

import numpy as np
import pytest

from aecli.codes import load_codes
from aecli.errors import ExitStatus
from tests.command_line import Run, succeed


def test_encode_a_folder_of_images(conv_run: Path, image_folder: Path, tmp_path: Path) -> None:
    report = succeed("encode", image_folder, "--model", conv_run, "-o", tmp_path / "c.npz", "--json").document
    assert (report["codes"], report["code_shape"], report["failed"]) == (6, [4, 2, 2], 0)
    codes = load_codes(tmp_path / "c.npz")
    assert codes.names.tolist() == [f"{'ab'[index // 3]}/{index}.png" for index in range(6)]
    assert codes.meta.class_names == ["a", "b"]
    assert codes.labels is not None
    assert codes.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert report["model"] == codes.meta.model_fingerprint


def test_a_damaged_image_is_skipped_with_a_warning(
    aecli: Run, conv_run: Path, image_folder: Path, tmp_path: Path
) -> None:
    damaged = image_folder / "a" / "1.png"
    damaged.write_bytes(damaged.read_bytes()[:50])
    result = aecli("encode", image_folder, "--model", conv_run, "-o", tmp_path / "c.npz")
    assert result.status == ExitStatus.PARTIAL
    assert load_codes(tmp_path / "c.npz").names.tolist() == ["a/0.png", "a/2.png", "b/3.png", "b/4.png", "b/5.png"]
    (warning,) = [line for line in result.err.splitlines() if line.startswith("warning: ")]
    assert "1.png" in warning


def test_a_folder_without_a_readable_image_is_an_error(aecli: Run, conv_run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bad"
    folder.mkdir()
    for index in range(3):
        (folder / f"{index}.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    result = aecli("encode", folder, "--model", conv_run, "-o", tmp_path / "c.npz")
    assert result.status == ExitStatus.INPUT, result
    assert not (tmp_path / "c.npz").exists()


def test_resizing_and_color_conversion_are_noted_once(conv_run: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "large.npy", np.zeros((4, 20, 20, 3), np.uint8))
    words = ("encode", tmp_path / "large.npy", "--model", conv_run, "-o", tmp_path / "c.npz")
    notes = succeed(*words).err.splitlines()
    assert len(notes) == len(set(notes)) == 2
    assert any("resized" in note for note in notes)
    assert any("gray" in note for note in notes)
    quiet = succeed(*words, "-q")
    assert (quiet.out, quiet.err) == ("", "")


@pytest.mark.parametrize("bits", [32, 16, 8])
def test_the_size_of_the_codes_is_proportional_to_bits(bits: int, conv_run: Path, tmp_path: Path) -> None:
    path = tmp_path / "c.npz"
    succeed("encode", "digits:test", "--model", conv_run, "-o", path, "--bits", bits)
    with np.load(path) as archive:
        assert archive["codes"].nbytes == 359 * 16 * bits // 8


def test_encode_twice_writes_identical_files(conv_run: Path, tmp_path: Path) -> None:
    for name in ("a.npz", "b.npz"):
        succeed("encode", "digits:test", "--model", conv_run, "-o", tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_entropy_coding_requires_quantized_codes(aecli: Run, conv_run: Path, tmp_path: Path) -> None:
    path = tmp_path / "codes.npz"
    result = aecli("encode", "digits:test", "--model", conv_run, "--entropy", "-o", path)
    assert result.status == ExitStatus.USAGE
    assert "32 bits" in result.err.lower()
    assert not path.exists()


def test_encode_updates_the_modification_time_of_the_output(conv_run: Path, tmp_path: Path) -> None:
    path = tmp_path / "c.npz"
    path.write_bytes(b"old")
    os.utime(path, (0, 0))
    succeed("encode", "digits:test", "--model", conv_run, "-o", path)
    assert path.stat().st_mtime > 1e9
