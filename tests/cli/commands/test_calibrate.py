"""`aecli calibrate`: a detector, metrics and a plot from images."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from aecli.detection.detector import load_detector
from aecli.detection.scores import score_names
from aecli.errors import ExitStatus
from tests.command_line import Result, Run

NORMAL = ("--normal", "digits:test@-1")
ANOMALOUS = ("--anomalous", "digits:test@1")


@pytest.fixture
def calibrate(aecli: Run, conv_run: Path, tmp_path: Path) -> Run:
    """Return a function that runs `aecli calibrate` with the convolutional model and writes detector.safetensors."""

    def run(*words: object) -> Result:
        return aecli("calibrate", "--model", conv_run, "-o", tmp_path / "detector.safetensors", *words)

    return run


# Results


def test_normal_images_give_a_threshold_and_its_specificity(calibrate: Run, tmp_path: Path) -> None:
    result = calibrate(*NORMAL, "--quantile", "0.95")
    assert result.status == 0, result.err
    (row,) = result.records
    assert row["score"] == "combined"
    assert float(row["specificity_low"]) < float(row["specificity"]) < float(row["specificity_high"])
    assert float(row["specificity"]) > 0.85
    assert row["auroc"] == row["recall"] == ""
    header = load_detector(tmp_path / "detector.safetensors").header
    assert header.quantile == 0.95
    assert float(row["threshold"]) == header.threshold
    assert "161 normal" in result.err
    assert "162 normal" in result.err


def test_anomalies_add_metrics_and_scores(calibrate: Run) -> None:
    records = calibrate(*NORMAL, *ANOMALOUS).records
    assert sorted(record["score"] for record in records[:-2]) == score_names()
    assert [record["baseline"] for record in records] == ["false"] * (len(records) - 2) + ["true"] * 2
    for record in records:
        for metric in ("specificity", "recall", "auroc", "average_precision", "fpr_at_95_tpr", "f1_max"):
            low, value, high = (float(record[metric + part]) for part in ("_low", "", "_high"))
            assert low <= value <= high


def test_json_has_the_metrics_of_each_score(calibrate: Run, tmp_path: Path) -> None:
    document = calibrate(*NORMAL, *ANOMALOUS, "--json").document
    assert sorted(report["score"] for report in document["scores"]) == score_names()
    assert sorted(report["score"] for report in document["baselines"]) == ["mean gray", "standardized pixels"]
    for report in document["scores"] + document["baselines"]:
        for metric in ("specificity", "recall"):
            assert 0 <= report[metric]["low"] <= report[metric]["value"] <= report[metric]["high"] <= 1
        assert list(report["separation"]) == ["auroc", "average_precision", "fpr_at_95_tpr", "f1_max"]
    header = document["detector"]
    assert header["score"] == document["scores"][0]["score"]
    assert header["anomalous"]["word"] == "digits:test@1"
    assert header["measured"] | {"images": None} == document["scores"][0] | {"images": None}
    assert document["fitted"] == {"normal": 161, "anomalous": 18}
    assert document["measured"] == {"normal": 162, "anomalous": 18}
    assert load_detector(tmp_path / "detector.safetensors").header.threshold == header["threshold"]


def test_detect_uses_the_detector(calibrate: Run, aecli: Run, conv_run: Path, tmp_path: Path) -> None:
    """With known anomalies, `detect` reports probabilities."""
    assert calibrate(*NORMAL, *ANOMALOUS, "--score", "combined").status == 0
    detector = tmp_path / "detector.safetensors"
    result = aecli("detect", "digits:test", "--model", conv_run, "--detector", detector, "--json")
    *documents, _ = result.documents
    assert all(0 <= document["probability"] <= 1 for document in documents)
    assert {document["threshold"] for document in documents} == {load_detector(detector).header.threshold}


def test_warnings_are_printed_even_if_quiet(calibrate: Run) -> None:
    result = calibrate("--normal", "digits:train", "-q")
    assert "warning" in result.err
    assert "images of digits:train" in result.err
    low = calibrate(*NORMAL, *ANOMALOUS, "--score", "residual", "-q", "--json")
    warnings = low.document["warnings"]
    assert [line.removeprefix("warning: ") for line in low.err.splitlines()] == warnings


# Files


def test_the_default_output_is_in_the_run_folder(aecli: Run, conv_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    shutil.copy(conv_run / "model.safetensors", run)
    assert aecli("calibrate", "--model", run, *NORMAL, "--score", "knn").status == 0
    assert "knn" in aecli("detect", "digits:test", "--model", run).err
    result = aecli("calibrate", "--model", run / "model.safetensors", *NORMAL)
    assert result.status == ExitStatus.USAGE
    assert "-o DETECTOR.safetensors" in result.err


def test_the_plot_is_a_png_file(calibrate: Run, tmp_path: Path) -> None:
    assert calibrate(*NORMAL, *ANOMALOUS, "--plot", tmp_path / "plot.png").status == 0
    with Image.open(tmp_path / "plot.png") as plot:
        assert plot.format == "PNG"


def test_the_plot_is_not_written_among_the_images(calibrate: Run, image_folder: Path) -> None:
    before = {path: path.read_bytes() for path in image_folder.rglob("*") if path.is_file()}
    for plot in ("a/0.png", "new.png"):
        for words in (("--normal", image_folder), (*NORMAL, "--anomalous", f"{image_folder}:all")):
            result = calibrate(*words, "--plot", image_folder / plot)
            assert (result.status, result.out) == (ExitStatus.USAGE, "")
            assert "images" in result.err
    assert {path: path.read_bytes() for path in image_folder.rglob("*") if path.is_file()} == before


def test_standard_output_takes_one_file(calibrate: Run, tmp_path: Path) -> None:
    detector = calibrate(*NORMAL, "-o", "-")
    assert detector.status == 0
    (tmp_path / "piped.safetensors").write_bytes(detector.stdout)
    assert calibrate(*NORMAL).status == 0
    assert detector.stdout == (tmp_path / "detector.safetensors").read_bytes()
    assert load_detector(tmp_path / "piped.safetensors").header.score == "combined"
    assert calibrate(*NORMAL, "--plot", "-").stdout.endswith(b"IEND\xaeB`\x82")
    both = calibrate(*NORMAL, "-o", "-", "--plot", "-")
    assert (both.status, both.stdout) == (ExitStatus.USAGE, b"")


def test_damaged_images_are_skipped_with_a_warning(calibrate: Run, digits: NDArray[np.uint8], tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for index, image in enumerate(digits[:30]):
        Image.fromarray(image[0]).save(folder / f"{index}.png")
    (folder / "cut.png").write_bytes((folder / "0.png").read_bytes()[:50])
    result = calibrate("--normal", folder)
    assert result.status == ExitStatus.PARTIAL
    assert "cut.png: truncated" in result.err
    assert load_detector(tmp_path / "detector.safetensors").header.normal.images == 30


def test_the_model_is_not_replaced(aecli: Run, conv_run: Path) -> None:
    before = (conv_run / "model.safetensors").read_bytes()
    result = aecli("calibrate", "--model", conv_run, *NORMAL, "-o", conv_run / "model.safetensors")
    assert result.status == ExitStatus.USAGE
    assert (conv_run / "model.safetensors").read_bytes() == before


# Errors


@pytest.mark.parametrize(
    ("words", "status", "noun"),
    [
        ((), ExitStatus.USAGE, "normal"),
        (("--normal", "dgits"), ExitStatus.INPUT, "'digits'"),
        (("--normal", "digits:test@x"), ExitStatus.INPUT, "class"),
        ((*NORMAL, "--anomalous", "none.png"), ExitStatus.INPUT, "none.png"),
        ((*NORMAL, "--anomalous", NORMAL[1]), ExitStatus.INPUT, "same"),
        ((*NORMAL, "--score", "knm"), ExitStatus.USAGE, "'knn'"),
        ((*NORMAL, "--quantile", "99"), ExitStatus.USAGE, "--quantile"),
        ((*NORMAL, "--quantile", "nan"), ExitStatus.USAGE, "--quantile"),
        ((*NORMAL, "--seed", "-1"), ExitStatus.USAGE, "--seed"),
        ((*NORMAL, "--seed", "99999999999"), ExitStatus.USAGE, "--seed"),
        ((*NORMAL, "-o", "detector.txt"), ExitStatus.USAGE, ".safetensors"),
        ((*NORMAL, "--plot", "plot.gif"), ExitStatus.USAGE, ".png"),
        ((*NORMAL, "--device", "cuda:99"), ExitStatus.UNAVAILABLE, "cuda:99"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_invalid_options_are_refused(
    words: tuple[str, ...], status: ExitStatus, noun: str, calibrate: Run, tmp_path: Path
) -> None:
    result = calibrate(*words)
    assert (result.status, result.out) == (status, "")
    assert [line.split(": ")[0] for line in result.err.splitlines()] in (["error"], ["error", "hint"])
    assert noun in result.err.splitlines()[0]
    assert not list(tmp_path.rglob("*.safetensors"))


# `aecli info`


def test_info_describes_a_detector(calibrate: Run, aecli: Run, conv_run: Path, tmp_path: Path) -> None:
    detector = tmp_path / "detector.safetensors"
    calibrate(*NORMAL, *ANOMALOUS, "--score", "knn", "--quantile", "0.9")
    lines = dict(line.strip().split("  ", 1) for line in aecli("info", detector).out.splitlines()[1:])
    values = {name: value.strip() for name, value in lines.items()}
    header = load_detector(detector).header
    assert values["score"].startswith("knn, ")
    assert values["threshold"].startswith(f"{header.threshold:.6g}, ")
    assert "90" in values["threshold"]
    assert values["normal"].startswith("323 images of digits:test@-1")
    assert values["anomalous"].startswith("36 images of digits:test@1")
    assert values["AUROC"].startswith(f"{header.measured['separation']['auroc']['value']:.4f} (")
    assert {"specificity", "recall", "average precision", "FPR at 95% TPR"} < values.keys()
    document = aecli("info", detector, "--json").document
    assert document["kind"] == "detector"
    assert document["model_fingerprint"] == values["model"]
    assert values["model"] == aecli("info", conv_run, "--json").document["fingerprint"]


def test_info_describes_a_detector_of_normal_images_only(calibrate: Run, aecli: Run, tmp_path: Path) -> None:
    calibrate(*NORMAL)
    lines = aecli("info", tmp_path / "detector.safetensors").out.splitlines()
    assert "99" in next(line for line in lines if "threshold" in line)
    assert not [line for line in lines if "AUROC" in line]
    assert next(line for line in lines if "anomalous" in line).split() == ["anomalous", "none"]
