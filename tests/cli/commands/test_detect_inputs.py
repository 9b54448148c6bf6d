"""`aecli detect`: image files, folders, lists and standard input, and unreadable images among them."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aecli.errors import ExitStatus
from tests.command_line import Run

# Kinds of inputs


def test_a_folder_yields_all_images_below_it(detect: Run, image_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    for index, split in enumerate(("train", "test")):
        (folder / split).mkdir(parents=True)
        (image_folder / "a" / f"{index}.png").rename(folder / split / "x.png")
    (image_folder / "a" / "2.png").rename(folder / "other.png")
    names = ("other.png", "test/x.png", "train/x.png")
    assert [row[0] for row in detect(folder).rows] == [str(folder / name) for name in names]
    assert [row[0] for row in detect(f"{folder}:test").rows] == [str(folder / "test" / "x.png")]


def test_a_list_is_read_from_standard_input_or_a_file(detect: Run, image_folder: Path, tmp_path: Path) -> None:
    names = [str(image_folder / "a" / f"{index}.png") for index in (2, 0, 1)]
    content = "\n".join(names).encode()
    (tmp_path / "list").write_bytes(content)
    from_stream = detect("--files-from", "-", stdin=content)
    assert [row[0] for row in from_stream.rows] == names
    assert [row[0] for row in detect("--files-from", tmp_path / "list").rows] == names
    with_argument = detect(image_folder / "b" / "3.png", "--files-from", "-", stdin=content)
    assert [row[0] for row in with_argument.rows] == [str(image_folder / "b" / "3.png"), *names]


def test_a_list_may_begin_with_the_heading_of_detect(
    detect: Run, image_folder: Path, monkeypatch: pytest.MonkeyPatch, digit: Path
) -> None:
    printed = detect(image_folder / "a").out
    column = "\n".join(line.split("\t")[0] for line in printed.splitlines())
    assert column.startswith("path\n")
    again = detect("--files-from", "-", stdin=column.encode())
    assert [row[0] for row in again.rows] == [line.split("\t")[0] for line in printed.splitlines()[1:]]
    monkeypatch.chdir(image_folder)
    (image_folder / "path").write_bytes(digit.read_bytes())
    assert detect("--files-from", "-", stdin=column.encode()).rows[0][0] == "path", "a file of that name is an image"


@pytest.mark.parametrize("style", ["tsv", "csv"])
def test_what_detect_prints_is_a_list_of_images(style: str, detect: Run, image_folder: Path, tmp_path: Path) -> None:
    found = detect(image_folder / "a", "--format", style)
    (tmp_path / f"found.{style}").write_text(found.out)
    names = [row[0] for row in detect(tmp_path / f"found.{style}").rows]
    assert names == [str(image_folder / "a" / f"{index}.png") for index in range(3)]


def test_a_null_separated_list_takes_any_file_name(detect: Run, image_folder: Path, tmp_path: Path) -> None:
    paths = [os.fsencode(tmp_path) + b"/" + name for name in (b"new\nline.png", b"bad\xff.png", b"tab\t.png", b" .png")]
    for path in paths:
        Path(os.fsdecode(path)).write_bytes((image_folder / "a" / "0.png").read_bytes())
    result = detect("--files-from", "-", "--null", stdin=b"\0".join(paths))
    assert result.status == 0, result.err
    names = [row[0].removeprefix(f"{tmp_path}/") for row in result.rows]
    assert names == ["new\\nline.png", "bad\\udcff.png", "tab\\t.png", " .png"]
    *documents, _ = detect("--files-from", "-", "-0", "--json", stdin=b"\0".join(paths)).documents
    assert [os.fsencode(document["path"]) for document in documents] == paths


def test_one_image_is_read_from_standard_input(detect: Run, digit: Path) -> None:
    result = detect("-", stdin=digit.read_bytes())
    assert result.rows[0][0] == "-"
    assert result.rows[0][1:] == detect(digit).rows[0][1:]


def test_pages_are_scored_one_by_one(detect: Run, digit: Path, tmp_path: Path) -> None:
    path = tmp_path / "stack.tif"
    with Image.open(digit) as image:
        image.save(path, save_all=True, append_images=[image.rotate(90), image.rotate(180)])
    refused = detect(path)
    assert refused.status is not ExitStatus.DONE
    assert "--pages" in refused.err
    first = float(detect(digit).rows[0][1])
    ((name, score, *_),) = detect(path, "--pages", "first").rows
    assert name == f"{path}#1"
    assert float(score) == pytest.approx(first, rel=1e-4)
    rows = detect(path, "--pages", "all").rows
    assert [row[0] for row in rows] == [f"{path}#{number}" for number in (1, 2, 3)]
    assert float(rows[0][1]) == pytest.approx(first, rel=1e-4) != float(rows[1][1])
    assert detect("-", "--pages", "all", stdin=path.read_bytes()).status is not ExitStatus.DONE


def test_many_images_are_processed_in_chunks(detect: Run, digit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aecli.detection.inspection.batch_size", lambda shape: 7)
    alone = detect(digit).rows[0]
    words: Sequence[str | Path]
    for words, stdin in (([digit] * 50, b""), (["--files-from", "-"], f"{digit}\n".encode() * 50)):
        result = detect(*words, stdin=stdin)
        assert [row[0] for row in result.rows] == [alone[0]] * 50
        assert all(float(row[1]) == pytest.approx(float(alone[1]), rel=1e-4) for row in result.rows)


# Unreadable images


def test_unreadable_images_are_skipped_with_a_warning(
    detect: Run, digit: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("not an image")
    (tmp_path / "cut.png").write_bytes(digit.read_bytes()[:50])
    Image.new("1", (20_000, 20_000)).save(tmp_path / "huge.png")
    Image.new("L", (8, 8)).save(tmp_path / "moving.gif", save_all=True, append_images=[Image.new("L", (8, 8), 255)])
    np.save(tmp_path / "channels.npy", np.zeros((3, 8, 8, 5), np.uint8))
    (tmp_path / "without-images").mkdir()
    (tmp_path / "without-images" / "text.txt").write_text("x")
    os.mkfifo(tmp_path / "fifo.png")
    reasons = {
        "empty.png": "empty",
        "text.png": "not an image",
        "cut.png": "truncated",
        "huge.png": "pixels",
        "moving.gif": "frames",
        "channels.npy": "channels",
        "without-images": "no image",
        "fifo.png": "regular file",
        "/dev/null": "regular file",
        "none.png": "no such file",
        "nonesuch": "unknown data set",
        "a" * 300 + ".png": "no such file",
    }
    result = detect(*reasons, digit)
    assert result.status == ExitStatus.PARTIAL
    assert [row[0] for row in result.rows] == [str(digit)]
    *warnings, summary = result.err.splitlines()
    assert len(warnings) == len(reasons)
    for line, (name, reason) in zip(warnings, reasons.items(), strict=True):
        assert line.startswith("warning: ")
        assert f": {name}: " in line
        assert reason in line
        assert line.count(name) == 1 or name in {"nonesuch", "without-images"}
    assert summary.startswith("1 image, ")


def test_images_of_other_modes_and_sizes_are_converted_with_a_note(detect: Run, tmp_path: Path) -> None:
    Image.new("CMYK", (8, 8)).save(tmp_path / "cmyk.jpg")
    Image.new("RGBA", (9, 9)).save(tmp_path / "alpha.png")
    Image.fromarray(np.full((8, 8), 40_000, np.uint16)).save(tmp_path / "deep.png")
    Image.new("L", (1, 1)).save(tmp_path / "dot.png")
    result = detect(tmp_path)
    assert result.status == 0
    assert len(result.rows) == 4
    assert "2 images converted" in result.err
    assert "2 images resized" in result.err


def test_it_is_an_error_if_no_image_can_be_scored(detect: Run, tmp_path: Path) -> None:
    for count, noun in ((1, "the image"), (3, "3 images")):
        result = detect(*[tmp_path / "none.png"] * count)
        assert (result.status, result.out) == (ExitStatus.INPUT, "")
        (error,) = [line for line in result.err.splitlines() if line.startswith("error: ")]
        assert noun in error
    for empty in (b"", b"\n\n"):
        result = detect("--files-from", "-", stdin=empty)
        assert result.status == ExitStatus.INPUT
        assert "empty" in result.err


def test_json_ends_with_a_summary_even_if_no_image_can_be_scored(detect: Run, tmp_path: Path) -> None:
    result = detect(tmp_path / "none.png", tmp_path / "list.csv", "--json", "--fail-on-anomaly")
    *failures, last = result.documents
    assert result.status == ExitStatus.INPUT
    assert [failure["path"] for failure in failures] == [str(tmp_path / "none.png"), str(tmp_path / "list.csv")]
    assert all(failure["error"] for failure in failures)
    assert (last["summary"]["images"], last["summary"]["anomalies"], last["summary"]["failed"]) == (0, 0, 2)
    empty = detect("--files-from", "-", "--json", stdin=b"\n")
    assert empty.status == ExitStatus.INPUT
    assert empty.document["summary"]["images"] == 0


def test_the_images_of_a_list_are_scored(detect: Run, image_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(f"path;label\n{image_folder}/b/3.png;x\nnone.png;x\n", "utf-8-sig")
    result = detect(tmp_path / "list.csv")
    assert result.status == ExitStatus.PARTIAL
    assert [row[0] for row in result.rows] == [str(image_folder / "b" / "3.png")]
    assert f"none.png: no such image ({tmp_path}/list.csv, line 3)" in result.err


# In a new process


@pytest.mark.slow
def test_an_error_ends_the_process_while_the_list_is_open(conv_run: Path, digit: Path, tmp_path: Path) -> None:
    """The thread that waits for more of the list must neither keep the process alive nor abort it."""
    detector = tmp_path / "detector.safetensors"
    detector.write_bytes(damaged_detector(conv_run))
    command = [sys.executable, "-m", "aecli", "detect", "--files-from", "-", "--model", str(conv_run)]
    with subprocess.Popen(
        [*command, "--detector", str(detector)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stderr
        process.stdin.write(f"{digit}\n".encode())
        process.stdin.flush()
        err = process.stderr.read().decode()  # returns when the process ends, while its input is open
        assert process.wait(60) == ExitStatus.INPUT, err
    (line,) = err.splitlines()
    assert line.startswith("error: damaged detector")


def damaged_detector(run: Path) -> bytes:
    """Return a detector file for the model without the statistics of its score."""
    from safetensors.numpy import save

    from aecli.checkpoint import METADATA_KEY, DataSource, read_fingerprint
    from aecli.detection.detector import DetectorHeader

    fingerprint = read_fingerprint(run / "model.safetensors")
    header = DetectorHeader("knn", 1.0, fingerprint, DataSource("digits", "sha256:0", 1))
    return save({"nothing": np.zeros(1, np.float32)}, metadata={METADATA_KEY: header.to_json()})


@pytest.mark.slow
def test_a_closed_standard_input_is_empty(python: Callable[..., str], conv_run: Path) -> None:
    """As after `aecli ... <&-`."""
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
