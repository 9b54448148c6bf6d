"""`aecli detect`: pictures in, one line each out; what is said of them, and how."""

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
from tests.command_line import Run

HIGH, LOW = ("--threshold", "1000"), ("--threshold", "0")


@pytest.fixture(scope="module")
def detector(conv_run: Path, digits: NDArray[Any], tmp_path_factory: pytest.TempPathFactory, aecli: Run) -> Path:
    """Made with anomalies, so that it knows probabilities."""
    path = tmp_path_factory.mktemp("detector") / "detector.safetensors"
    np.savez(path.with_name("negatives.npz"), images=255 - digits[:50])
    words = ("--normal", "digits:test", "--anomalous", path.with_name("negatives.npz"), "--score", "knn", "-o", path)
    assert aecli("calibrate", "--model", conv_run, *words, "-q").status == 0
    return path


def told(result) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The documents of the pictures, and the last one, of all."""
    *documents, last = result.documents
    return documents, last["summary"]


# What is said


def test_one_line_a_picture_in_the_order_of_the_words(detect, pictures: Path) -> None:
    result = detect(pictures / "b", pictures / "a" / "1.png", "digits:test@3")
    assert result.status == 0, result.err
    paths = [row[0] for row in result.rows]
    assert paths[:4] == [*(str(pictures / "b" / f"{index}.png") for index in (3, 4, 5)), str(pictures / "a" / "1.png")]
    assert all(path.startswith("digits:test/") for path in paths[4:])
    for _, score, threshold, verdict, probability in result.rows:
        assert verdict == ("anomaly" if float(score) > float(threshold) else "normal")
        assert probability == ""


def test_json_has_a_line_a_picture_with_all_figures(detect, pictures: Path, detector: Path) -> None:
    documents, _ = told(detect(pictures, "--json", "--detector", detector))
    assert len(documents) == 6
    for document in documents:
        assert list(document) == ["path", "score", "threshold", "verdict", "probability"]
        assert 0 <= document["probability"] <= 1
        assert (document["verdict"] == "anomaly") == (document["score"] > document["threshold"])
    assert "probability" not in told(detect(pictures, "--json"))[0][0]


def test_json_has_a_line_for_a_picture_that_cannot_be_read_in_its_place(detect, digit, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("not an image")
    result = detect(digit, tmp_path / "text.png", "none.png", digit, "--json", *HIGH)
    assert result.status == ExitStatus.PARTIAL
    documents, _ = told(result)
    assert [document["path"] for document in documents] == [
        str(digit),
        str(tmp_path / "text.png"),
        "none.png",
        str(digit),
    ]
    assert documents[1] == {"path": str(tmp_path / "text.png"), "error": "not an image"}
    assert documents[2] == {"path": "none.png", "error": "no such file or folder"}
    assert "warning: left out: none.png: no such file or folder" in result.err


def test_the_last_line_of_json_is_the_sum_that_a_person_is_told(detect, pictures: Path) -> None:
    result = detect(pictures, "none.png", "--json", *LOW)
    _, summary = told(result)
    rate = summary.pop("images_per_second")
    said = re.search(r"6 pictures, 6 anomalies \(residual above 0\), ([\d,]+) pictures/s", result.err)
    assert said
    assert int(said[1].replace(",", "")) == pytest.approx(rate, abs=1)  # each is rounded for itself
    assert summary == {"images": 6, "anomalies": 6, "failed": 1, "score": "residual", "threshold": 0.0}


def test_the_sum_is_told_on_standard_error_unless_quiet(detect, pictures: Path) -> None:
    assert "6 pictures, 6 anomalies (residual above 0)" in detect(pictures, *LOW).err
    assert detect(pictures, *LOW, "-q").err == ""


def test_a_terminal_gets_an_aligned_table_with_a_heading(conv_run: Path, pictures: Path, tmp_path: Path) -> None:
    pty = pytest.importorskip("pty")
    (tmp_path / "long-name.png").write_bytes((pictures / "a" / "0.png").read_bytes())
    (pictures / "cut.png").write_bytes(b"\x89PNG")
    words = ["detect", "cut.png", "a/0.png", "../long-name.png", "--model", str(conv_run), "--threshold", "1000"]
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "aecli", *words], stdout=theirs, stderr=subprocess.PIPE, cwd=pictures
    ) as process:
        os.close(theirs)
        said = b""
        try:
            while piece := os.read(ours, 4096):
                said += piece
        except OSError:  # Linux's way to say that the terminal was closed
            pass
        assert process.stderr
        err = process.stderr.read().decode()
    os.close(ours)
    assert process.returncode == ExitStatus.PARTIAL, err
    heading, first, second = said.decode().replace("\r", "").splitlines()
    assert heading.split() == ["path", "score", "threshold", "verdict", "probability"]
    assert second.startswith("../long-name.png  ")
    assert first.startswith("a/0.png           ")
    assert heading.index("verdict") == first.index("normal") == second.index("normal")
    assert "\x1b" not in said.decode()


# Verdicts


def test_after_training_the_validation_residuals_judge(detect, digits: NDArray[Any], tmp_path: Path) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8)).save(tmp_path / "noise.png")
    rows = detect("digits:test", tmp_path / "noise.png").rows
    flagged = [row[0] for row in rows if row[3] == "anomaly"]
    assert flagged[-1] == str(tmp_path / "noise.png")
    assert len(flagged) < 0.05 * len(digits)


def test_anomalies_fail_only_where_asked(detect, digit) -> None:
    assert detect(digit, *LOW).status == 0
    assert detect(digit, *LOW, "--fail-on-anomaly").status == ExitStatus.ANOMALY
    assert detect(digit, *HIGH, "--fail-on-anomaly").status == 0
    assert detect(digit, "none.png", *LOW, "--fail-on-anomaly").status == ExitStatus.ANOMALY
    assert detect(digit, "none.png", *HIGH, "--fail-on-anomaly").status == ExitStatus.PARTIAL


def test_the_detector_of_the_run_folder_is_found(
    aecli: Run, conv_run: Path, detector: Path, digit, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "model.safetensors").symlink_to(conv_run / "model.safetensors")
    (run / "detector.safetensors").write_bytes(detector.read_bytes())
    found, named = (
        aecli("detect", digit, "--model", run),
        aecli("detect", digit, "--model", conv_run, "--detector", detector),
    )
    assert found.out == named.out
    assert "knn above" in found.err
    beside = aecli("detect", digit, "--model", run / "model.safetensors")
    assert (beside.out, beside.status) == (named.out, 0)
    (run / "detector.safetensors").write_bytes(b"damaged")
    result = aecli("detect", digit, "--model", run)
    assert (result.status, result.out) == (ExitStatus.INPUT, "")
    assert "not a detector" in result.err


# Words that make no sense


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ((), ExitStatus.USAGE, "no images"),
        (("--null", "digits:test"), ExitStatus.USAGE, "--null"),
        (("-", "--files-from", "-"), ExitStatus.USAGE, "both"),
        (("digits:test", "--threshold", "nan"), ExitStatus.USAGE, "not a threshold: nan"),
        (("digits:test", "--threshold", "inf"), ExitStatus.USAGE, "not a threshold: inf"),
        (("digits:test", "--threshold", "high"), ExitStatus.USAGE, "--threshold"),
        (("--files-from", "none"), ExitStatus.INPUT, "no such list of files: none"),
        (("digits:test", "--detector", "none"), ExitStatus.INPUT, "no such detector: none"),
        (("digits:test", "--heatmaps", "/dev/null"), ExitStatus.UNAVAILABLE, "/dev/null"),
        (("digits:test", "--device", "cuda:99"), ExitStatus.UNAVAILABLE, "cuda:99"),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, tuple) else "",
)
def test_words_that_make_no_sense_are_refused(words: Any, status, said, detect) -> None:
    result = detect(*words)
    assert (result.status, result.out) == (status, "")
    assert [line.split(": ")[0] for line in result.err.splitlines()] in (["error"], ["error", "hint"])
    assert said in result.err.splitlines()[0]


def test_other_files_are_no_detectors(
    aecli: Run, detect, conv_run: Path, mlp_run: Path, detector: Path, codes_file: Path, digit
) -> None:
    for path, said in {
        conv_run / "model.safetensors": "not a detector but a checkpoint",
        codes_file: "not a d",
    }.items():
        result = detect(digit, "--detector", path)
        assert (result.status, result.out) == (ExitStatus.INPUT, "")
        assert said in result.err
    result = aecli("detect", digit, "--model", mlp_run, "--detector", detector)
    assert result.status == ExitStatus.INPUT
    assert "made for another model" in result.err.splitlines()[0]
    assert "aecli calibrate" in result.err.splitlines()[1]


# Heatmaps


def test_every_picture_gets_a_heatmap_of_its_own(detect, pictures: Path, tmp_path: Path) -> None:
    for folder, digit in (("a", "0.png"), ("b", "3.png")):
        (pictures / folder / "same.png").write_bytes((pictures / folder / digit).read_bytes())
    result = detect(pictures, pictures / "a", "--heatmaps", tmp_path / "maps", "--json")
    documents, _ = told(result)
    paths = [Path(document["heatmap"]) for document in documents]
    assert len(set(paths)) == len(documents) == 12
    assert sorted(paths) == sorted((tmp_path / "maps").iterdir())
    for path in paths:
        with Image.open(path) as picture:
            assert picture.format == "PNG"


def test_heatmaps_never_replace_a_picture(detect, pictures: Path) -> None:
    before = {path: path.read_bytes() for path in pictures.rglob("*.png")}
    result = detect(pictures / "a" / "0.png", "--heatmaps", pictures / "a")
    assert (result.status, result.out) == (ExitStatus.USAGE, "")
    assert "among the pictures" in result.err
    assert {path: path.read_bytes() for path in pictures.rglob("*.png")} == before
