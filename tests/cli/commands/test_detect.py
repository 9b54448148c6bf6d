"""`aecli detect`: one line per image, verdicts, detectors and heatmaps."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from aecli.errors import ExitStatus
from tests.command_line import Result, Run

HIGH, LOW = ("--threshold", "1000"), ("--threshold", "0")


@pytest.fixture(scope="module")
def detector(conv_run: Path, digits: NDArray[np.uint8], tmp_path_factory: pytest.TempPathFactory, aecli: Run) -> Path:
    """Return a detector file with probabilities, as it was calibrated with anomalies."""
    folder = tmp_path_factory.mktemp("detector")
    path, negatives = folder / "detector.safetensors", folder / "negatives.npz"
    np.savez(negatives, images=255 - digits[:50])
    words = ("--normal", "digits:test", "--anomalous", negatives, "--score", "knn", "-o", path)
    assert aecli("calibrate", "--model", conv_run, *words, "-q").status == 0
    return path


def documents_and_summary(result: Result) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the JSON document of each image, and the summary of the last line."""
    *documents, last = result.documents
    return documents, last["summary"]


# Output


def test_there_is_one_line_per_image_in_the_given_order(detect: Run, image_folder: Path) -> None:
    result = detect(image_folder / "b", image_folder / "a" / "1.png", "digits:test@3")
    assert result.status == 0, result.err
    paths = [row[0] for row in result.rows]
    files = [*(image_folder / "b" / f"{index}.png" for index in (3, 4, 5)), image_folder / "a" / "1.png"]
    assert paths[:4] == list(map(str, files))
    assert all(path.startswith("digits:test/") for path in paths[4:])
    for _, score, threshold, verdict in result.rows:
        assert verdict == ("anomaly" if float(score) > float(threshold) else "normal")


def test_there_is_a_probability_if_the_detector_knows_anomalies(detect: Run, digit: Path, detector: Path) -> None:
    ((*_, probability),) = detect(digit, "--detector", detector).rows
    assert 0 <= float(probability) <= 1
    assert len(detect(digit).rows[0]) == len(detect(digit, "--detector", detector).rows[0]) - 1


def test_json_has_one_line_per_image_with_all_values(detect: Run, image_folder: Path, detector: Path) -> None:
    documents, _ = documents_and_summary(detect(image_folder, "--json", "--detector", detector))
    assert len(documents) == 6
    for document in documents:
        assert list(document) == ["path", "score", "threshold", "verdict", "probability"]
        assert 0 <= document["probability"] <= 1
        assert (document["verdict"] == "anomaly") == (document["score"] > document["threshold"])
    assert "probability" not in documents_and_summary(detect(image_folder, "--json"))[0][0]


def test_json_has_a_line_with_the_error_of_an_unreadable_image(detect: Run, digit: Path, tmp_path: Path) -> None:
    text_file = tmp_path / "text.png"
    text_file.write_text("not an image")
    result = detect(digit, text_file, "none.png", digit, "--json", *HIGH)
    assert result.status == ExitStatus.PARTIAL
    documents, _ = documents_and_summary(result)
    assert [document["path"] for document in documents] == [str(digit), str(text_file), "none.png", str(digit)]
    assert documents[1].keys() == documents[2].keys() == {"path", "error"}
    assert "image" in documents[1]["error"]
    assert "no such file" in documents[2]["error"]
    assert "none.png: no such file" in result.err


def test_the_last_line_of_json_is_the_summary_of_standard_error(detect: Run, image_folder: Path) -> None:
    result = detect(image_folder, "none.png", "--json", *LOW)
    _, summary = documents_and_summary(result)
    rate = summary.pop("images_per_second")
    printed = re.search(r"6 images, 6 anomalies \(residual above 0\), ([\d.,]+) images/s", result.err)
    assert printed
    assert float(printed[1].replace(",", "")) == pytest.approx(rate, abs=1)  # they are rounded separately
    assert summary == {"images": 6, "anomalies": 6, "failed": 1, "score": "residual", "threshold": 0.0}


def test_the_summary_is_on_standard_error_unless_quiet(detect: Run, digit: Path, image_folder: Path) -> None:
    assert "6 images, 6 anomalies (residual above 0)" in detect(image_folder, *LOW).err
    assert "1 image, 1 anomaly (" in detect(digit, *LOW).err
    assert detect(image_folder, *LOW, "-q").err == ""


@pytest.mark.slow
def test_a_terminal_gets_an_aligned_table_with_a_heading(conv_run: Path, image_folder: Path, tmp_path: Path) -> None:
    pty = pytest.importorskip("pty")
    (tmp_path / "long-name.png").write_bytes((image_folder / "a" / "0.png").read_bytes())
    (image_folder / "cut.png").write_bytes(b"\x89PNG")
    words = ["detect", "cut.png", "a/0.png", "../long-name.png", "--model", str(conv_run), "--threshold", "1000"]
    terminal, program_side = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "aecli", *words], stdout=program_side, stderr=subprocess.PIPE, cwd=image_folder
    ) as process:
        os.close(program_side)
        printed = b""
        try:
            while block := os.read(terminal, 4096):
                printed += block
        except OSError:  # Linux raises an error after the terminal was closed
            pass
        assert process.stderr
        err = process.stderr.read().decode()
    os.close(terminal)
    assert process.returncode == ExitStatus.PARTIAL, err
    heading, first, second = printed.decode().replace("\r", "").splitlines()
    assert heading.split() == ["path", "score", "threshold", "verdict"]
    assert second.startswith("../long-name.png  ")
    assert first.startswith("a/0.png           ")
    assert heading.index("verdict") == first.index("normal") == second.index("normal")
    assert "\x1b" not in printed.decode()


# Verdicts


def test_the_default_threshold_separates_noise_from_digits(
    detect: Run, digits: NDArray[np.uint8], tmp_path: Path
) -> None:
    noise = tmp_path / "noise.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8)).save(noise)
    flagged = [row[0] for row in detect("digits:test", noise).rows if row[3] == "anomaly"]
    assert flagged[-1] == str(noise)
    assert len(flagged) < 0.05 * len(digits)


def test_fail_on_anomaly_sets_the_exit_status(detect: Run, digit: Path) -> None:
    assert detect(digit, *LOW).status == 0
    assert detect(digit, *LOW, "--fail-on-anomaly").status == ExitStatus.ANOMALY
    assert detect(digit, *HIGH, "--fail-on-anomaly").status == 0
    assert detect(digit, "none.png", *LOW, "--fail-on-anomaly").status == ExitStatus.ANOMALY
    assert detect(digit, "none.png", *HIGH, "--fail-on-anomaly").status == ExitStatus.PARTIAL


def test_the_detector_in_the_run_folder_is_used(
    aecli: Run, conv_run: Path, detector: Path, digit: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "model.safetensors").symlink_to(conv_run / "model.safetensors")
    (run / "detector.safetensors").write_bytes(detector.read_bytes())
    implicit = aecli("detect", digit, "--model", run)
    explicit = aecli("detect", digit, "--model", conv_run, "--detector", detector)
    assert implicit.out == explicit.out
    assert "knn" in implicit.err
    by_model_file = aecli("detect", digit, "--model", run / "model.safetensors")
    assert (by_model_file.out, by_model_file.status) == (explicit.out, 0)
    (run / "detector.safetensors").write_bytes(b"damaged")
    result = aecli("detect", digit, "--model", run)
    assert (result.status, result.out) == (ExitStatus.INPUT, "")
    assert "not a detector" in result.err


# Errors


@pytest.mark.parametrize(
    ("words", "status", "noun"),
    [
        ((), ExitStatus.USAGE, "no images"),
        (("--null", "digits:test"), ExitStatus.USAGE, "--null"),
        (("-", "--files-from", "-"), ExitStatus.USAGE, "standard input"),
        (("digits:test", "--threshold", "nan"), ExitStatus.USAGE, "threshold"),
        (("digits:test", "--threshold", "inf"), ExitStatus.USAGE, "threshold"),
        (("digits:test", "--threshold", "high"), ExitStatus.USAGE, "--threshold"),
        (("--files-from", "none"), ExitStatus.INPUT, "list of files"),
        (("digits:test", "--detector", "none"), ExitStatus.INPUT, "detector"),
        (("digits:test", "--heatmaps", "/dev/null"), ExitStatus.UNAVAILABLE, "/dev/null"),
        (("digits:test", "--device", "cuda:99"), ExitStatus.UNAVAILABLE, "cuda:99"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_invalid_options_are_refused(words: tuple[str, ...], status: ExitStatus, noun: str, detect: Run) -> None:
    result = detect(*words)
    assert (result.status, result.out) == (status, "")
    assert [line.split(": ")[0] for line in result.err.splitlines()] in (["error"], ["error", "hint"])
    assert noun in result.err.splitlines()[0]


def test_files_that_are_not_detectors_are_refused(detect: Run, conv_run: Path, codes_file: Path, digit: Path) -> None:
    for path in (conv_run / "model.safetensors", codes_file):
        result = detect(digit, "--detector", path)
        assert (result.status, result.out) == (ExitStatus.INPUT, "")
        assert "not a detector" in result.err


def test_a_detector_of_another_model_is_refused(aecli: Run, mlp_run: Path, detector: Path, digit: Path) -> None:
    result = aecli("detect", digit, "--model", mlp_run, "--detector", detector)
    assert result.status == ExitStatus.INPUT
    error, hint = result.err.splitlines()
    assert "another model" in error
    assert "aecli calibrate" in hint


# Heatmaps


def test_each_image_has_its_own_heatmap(detect: Run, image_folder: Path, tmp_path: Path) -> None:
    for folder, name in (("a", "0.png"), ("b", "3.png")):
        (image_folder / folder / "same.png").write_bytes((image_folder / folder / name).read_bytes())
    result = detect(image_folder, image_folder / "a", "--heatmaps", tmp_path / "heatmaps", "--json")
    documents, _ = documents_and_summary(result)
    paths = [Path(document["heatmap"]) for document in documents]
    assert len(set(paths)) == len(documents) == 12
    assert sorted(paths) == sorted((tmp_path / "heatmaps").iterdir())
    for path in paths:
        with Image.open(path) as heatmap:
            assert heatmap.format == "PNG"


def test_heatmaps_do_not_replace_images(detect: Run, image_folder: Path) -> None:
    before = {path: path.read_bytes() for path in image_folder.rglob("*.png")}
    result = detect(image_folder / "a" / "0.png", "--heatmaps", image_folder / "a")
    assert (result.status, result.out) == (ExitStatus.USAGE, "")
    assert "among the images" in result.err
    assert {path: path.read_bytes() for path in image_folder.rglob("*.png")} == before
