"""What `aecli detect` takes: files, folders, lists and streams; what is damaged is told and the rest goes on."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aecli.errors import ExitStatus

# Where pictures come from


def test_a_folder_means_all_pictures_below_it(detect, pictures: Path, tmp_path: Path) -> None:
    layout = tmp_path / "layout"
    for split in ("train", "test"):
        (layout / split).mkdir(parents=True)
        (pictures / "a" / f"{['train', 'test'].index(split)}.png").rename(layout / split / "x.png")
    (pictures / "a" / "2.png").rename(layout / "beside.png")
    assert [row[0] for row in detect(layout).rows] == [
        str(layout / name) for name in ("beside.png", "test/x.png", "train/x.png")
    ]
    assert [row[0] for row in detect(f"{layout}:test").rows] == [str(layout / "test" / "x.png")]


def test_a_list_on_standard_input_or_in_a_file(detect, pictures: Path, tmp_path: Path) -> None:
    names = [str(pictures / "a" / f"{index}.png") for index in (2, 0, 1)]
    text = "\n".join(names).encode()
    (tmp_path / "list").write_bytes(text)
    from_stream = detect("--files-from", "-", stdin=text)
    assert [row[0] for row in from_stream.rows] == names
    assert detect("--files-from", tmp_path / "list").out == from_stream.out
    both = detect(pictures / "b" / "3.png", "--files-from", "-", stdin=text)
    assert [row[0] for row in both.rows] == [str(pictures / "b" / "3.png"), *names]


def test_names_that_are_hard_to_write_come_through_a_null_separated_list(
    detect, pictures: Path, tmp_path: Path
) -> None:
    odd = [os.fsencode(tmp_path) + b"/" + name for name in (b"new\nline.png", b"bad\xff.png", b"tab\t.png", b" .png")]
    for path in odd:
        Path(os.fsdecode(path)).write_bytes((pictures / "a" / "0.png").read_bytes())
    result = detect("--files-from", "-", "--null", stdin=b"\0".join(odd))
    assert result.status == 0, result.err
    names = [row[0].removeprefix(f"{tmp_path}/") for row in result.rows]
    assert names == ["new\\nline.png", "bad\\udcff.png", "tab\\t.png", " .png"]
    *documents, _ = detect("--files-from", "-", "-0", "--json", stdin=b"\0".join(odd)).documents
    assert [os.fsencode(document["path"]) for document in documents] == odd


def test_a_picture_on_standard_input(detect, digit) -> None:
    result = detect("-", stdin=digit.read_bytes())
    assert result.rows[0][0] == "-"
    assert result.rows[0][1:] == detect(digit).rows[0][1:]


def test_a_long_list_is_judged_in_pieces_of_bounded_size(detect, digit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aecli.detection.inspection.batch_size", lambda shape: 7)
    alone = detect(digit).rows[0]
    for words, stdin in (([digit] * 50, b""), (["--files-from", "-"], f"{digit}\n".encode() * 50)):
        result = detect(*words, stdin=stdin)
        assert [row[0] for row in result.rows] == [alone[0]] * 50
        assert all(float(row[1]) == pytest.approx(float(alone[1]), rel=1e-4) for row in result.rows)


# Bad pictures


def test_bad_pictures_are_told_and_the_rest_goes_on(
    detect, digit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("not an image")
    (tmp_path / "cut.png").write_bytes(digit.read_bytes()[:50])
    Image.new("1", (20_000, 20_000)).save(tmp_path / "huge.png")
    Image.new("L", (8, 8)).save(tmp_path / "moving.gif", save_all=True, append_images=[Image.new("L", (8, 8), 255)])
    np.save(tmp_path / "channels.npy", np.zeros((3, 8, 8, 5), np.uint8))
    (tmp_path / "no-pictures").mkdir()
    (tmp_path / "no-pictures" / "text.txt").write_text("x")
    os.mkfifo(tmp_path / "fifo.png")
    reasons = {
        "empty.png": "empty",
        "text.png": "not an image",
        "cut.png": "truncated after 50 bytes",
        "huge.png": "more than 100,000,000 pixels",
        "moving.gif": "several frames",
        "channels.npy": "1 or 3 channels",
        "no-pictures": "no image file",
        "fifo.png": "not a regular file",
        "/dev/null": "not a regular file",
        "none.png": "no such file or folder",
        "nonesuch": "unknown data set",
        "a" * 300 + ".png": "no such file or folder",
    }
    result = detect(*reasons, digit)
    assert result.status == ExitStatus.PARTIAL
    assert [row[0] for row in result.rows] == [str(digit)]
    *told, summary = result.err.splitlines()
    assert len(told) == len(reasons)
    for line, (name, reason) in zip(told, reasons.items(), strict=True):
        assert line.startswith(f"warning: left out: {name}: ")
        assert reason in line
        assert line.count(name) == 1 or name in {"nonesuch", "no-pictures"}
    assert summary.startswith("1 picture, ")


def test_pictures_of_other_kinds_are_converted_and_that_is_told(detect, tmp_path: Path) -> None:
    Image.new("CMYK", (8, 8)).save(tmp_path / "cmyk.jpg")
    Image.new("RGBA", (9, 9)).save(tmp_path / "alpha.png")
    Image.fromarray(np.full((8, 8), 40_000, np.uint16)).save(tmp_path / "deep.png")
    Image.new("L", (1, 1)).save(tmp_path / "dot.png")
    result = detect(tmp_path)
    assert result.status == 0
    assert len(result.rows) == 4
    assert "2 images converted from color to gray" in result.err
    assert "2 images resized from 2 sizes (1x1 to 9x9) to 8x8" in result.err


def test_where_nothing_can_be_judged_is_an_error(detect, tmp_path: Path) -> None:
    result = detect(tmp_path / "none.png")
    assert (result.status, result.out) == (ExitStatus.INPUT, "")
    assert "error: no picture could be judged of 1" in result.err
    for empty in (b"", b"\n\n"):
        result = detect("--files-from", "-", stdin=empty)
        assert (result.status, result.err) == (ExitStatus.INPUT, "error: the list is empty\n")


# A process of its own


def test_an_error_ends_it_although_the_list_is_still_open(
    conv_run: Path, codes_file: Path, digit, tmp_path: Path
) -> None:
    """A thread that waits for the rest of the list must not keep the process, nor abort it."""
    (tmp_path / "detector.safetensors").write_bytes(damaged_detector(conv_run))
    command = [sys.executable, "-m", "aecli", "detect", "--files-from", "-", "--model", str(conv_run)]
    with subprocess.Popen(
        [*command, "--detector", str(tmp_path / "detector.safetensors")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin
        assert process.stderr
        process.stdin.write(f"{digit}\n".encode())
        process.stdin.flush()
        err = process.stderr.read().decode()  # ends with the process, while its input is open
        assert process.wait(60) == ExitStatus.INPUT, err
    assert err == "error: damaged detector: its statistics lack 'references' of score knn\n"


def damaged_detector(run: Path) -> bytes:
    from safetensors.numpy import save

    from aecli.checkpoint import METADATA_KEY, DataSource, read_fingerprint
    from aecli.detection.detector import DetectorHeader

    fingerprint = read_fingerprint(run / "model.safetensors")
    header = DetectorHeader("knn", 1.0, fingerprint, DataSource("digits", "sha256:0", 1))
    return save({"nothing": np.zeros(1, np.float32)}, metadata={METADATA_KEY: header.to_json()})


def test_a_standard_input_that_is_closed_is_empty(python: Callable[..., str], conv_run: Path) -> None:
    """As `aecli ... <&-` leaves it."""
    code = """
import sys
from aecli.cli.main import main
for words in (["-"], ["--files-from", "-"]):
    sys.stdin = None
    try:
        main(["detect", *words, "--model", sys.argv[1]])
    except SystemExit as stop:
        print(stop.code)
"""
    assert python(code, conv_run).split() == ["4", "4"]
