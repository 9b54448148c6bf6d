"""`aecli calibrate`: images in; a detector, figures and a picture out."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from numpy.typing import NDArray
from PIL import Image

from aecli.detection.detector import load_detector
from aecli.detection.scores import score_names
from aecli.errors import ExitStatus
from tests.command_line import Run

NORMAL = ("--normal", "digits:test@-1")
ANOMALOUS = ("--anomalous", "digits:test@1")


@pytest.fixture
def calibrate(aecli: Run, conv_run: Path, tmp_path: Path) -> Callable[..., Any]:
    def run(*words: str | Path):
        return aecli("calibrate", "--model", conv_run, "-o", tmp_path / "detector.safetensors", *words)

    return run


def test_normal_images_alone_give_a_threshold_and_what_it_lets_pass(calibrate, tmp_path: Path) -> None:
    result = calibrate(*NORMAL, "--quantile", "0.95")
    assert result.status == 0, result.err
    heading, row = (line.split("\t") for line in result.out.splitlines())
    assert heading == ["score", "threshold", "specificity"]
    assert row[0] == "combined"
    assert float(row[2].split()[0]) > 0.85
    header = load_detector(tmp_path / "detector.safetensors").header
    assert header.quantile == 0.95
    assert row[1] == f"{header.threshold:.6g}"
    assert "fitted on 161 normal images, measured on 162 normal others" in result.err


def test_anomalies_bring_more_columns(calibrate) -> None:
    heading, *rows = (line.split("\t") for line in calibrate(*NORMAL, *ANOMALOUS).out.splitlines())
    assert heading[2:] == ["specificity", "recall", "AUROC", "average precision", "FPR at 95 % TPR"]
    assert sorted(row[0] for row in rows) == score_names()
    assert all(all(row) and len(row) == len(heading) for row in rows)


def test_anomalies_give_every_figure_for_every_score(calibrate, tmp_path: Path) -> None:
    result = calibrate(*NORMAL, *ANOMALOUS, "--json")
    document = json.loads(result.out)
    assert sorted(report["score"] for report in document["scores"]) == score_names()
    for report in document["scores"]:
        for figure in ("specificity", "recall"):
            assert 0 <= report[figure]["low"] <= report[figure]["value"] <= report[figure]["high"] <= 1
        assert list(report["separation"]) == ["auroc", "average_precision", "fpr_at_95_tpr"]
    header = document["detector"]
    assert header["score"] == document["scores"][0]["score"]
    assert header["anomalous"]["word"] == "digits:test@1"
    assert header["measured"] | {"images": None} == document["scores"][0] | {"images": None}
    assert document["fitted"] == {"normal": 161, "anomalous": 18}
    assert document["measured"] == {"normal": 162, "anomalous": 18}
    assert load_detector(tmp_path / "detector.safetensors").header.threshold == header["threshold"]


def test_what_it_makes_is_what_detect_takes(calibrate, aecli: Run, conv_run: Path, tmp_path: Path) -> None:
    """Where anomalies are known too: detect tells their probability."""
    assert calibrate(*NORMAL, *ANOMALOUS, "--score", "combined").status == 0
    detector = tmp_path / "detector.safetensors"
    result = aecli("detect", "digits:test", "--model", conv_run, "--detector", detector, "--json")
    *documents, _ = map(json.loads, result.out.splitlines())
    assert all(0 <= document["probability"] <= 1 for document in documents)
    assert {document["threshold"] for document in documents} == {load_detector(detector).header.threshold}


def test_warnings_come_on_standard_error_quiet_or_not(calibrate) -> None:
    result = calibrate("--normal", "digits:train", "-q")
    assert "warning: the model was trained on digits:train" in result.err
    low = calibrate(*NORMAL, *ANOMALOUS, "--score", "residual", "-q", "--json")
    told = json.loads(low.out)["warnings"]
    assert [line.removeprefix("warning: ") for line in low.err.splitlines()] == told


def test_without_a_name_the_detector_goes_into_the_run_folder(aecli: Run, conv_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    shutil.copy(conv_run / "model.safetensors", run)
    assert aecli("calibrate", "--model", run, *NORMAL, "--score", "knn").status == 0
    assert "knn above" in aecli("detect", "digits:test", "--model", run).err
    result = aecli("calibrate", "--model", run / "model.safetensors", *NORMAL)
    assert result.status == ExitStatus.USAGE
    assert "-o DETECTOR.safetensors" in result.err


def test_the_plot_is_written_beside(calibrate, tmp_path: Path) -> None:
    assert calibrate(*NORMAL, *ANOMALOUS, "--plot", tmp_path / "plot.png").status == 0
    with Image.open(tmp_path / "plot.png") as picture:
        assert picture.format == "PNG"


def test_the_plot_never_lies_among_the_images(calibrate, pictures: Path) -> None:
    before = {path: path.read_bytes() for path in pictures.rglob("*") if path.is_file()}
    for plot in ("a/0.png", "new.png"):
        for words in (("--normal", pictures), (*NORMAL, "--anomalous", f"{pictures}:all")):
            result = calibrate(*words, "--plot", pictures / plot)
            assert (result.status, result.out) == (ExitStatus.USAGE, "")
            assert "among the images" in result.err
    assert {path: path.read_bytes() for path in pictures.rglob("*") if path.is_file()} == before


def test_standard_output_takes_one_file_alone(calibrate, tmp_path: Path) -> None:
    detector = calibrate(*NORMAL, "-o", "-")
    assert detector.status == 0
    (tmp_path / "piped.safetensors").write_bytes(detector.stdout)
    assert calibrate(*NORMAL).status == 0
    assert detector.stdout == (tmp_path / "detector.safetensors").read_bytes()
    assert load_detector(tmp_path / "piped.safetensors").header.score == "combined"
    assert calibrate(*NORMAL, "--plot", "-").stdout.endswith(b"IEND\xaeB`\x82")
    both = calibrate(*NORMAL, "-o", "-", "--plot", "-")
    assert (both.status, both.stdout) == (ExitStatus.USAGE, b"")


def test_damaged_pictures_are_left_out_and_told(calibrate, digits: NDArray[Any], tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for index, image in enumerate(digits[:30]):
        Image.fromarray(image[0]).save(folder / f"{index}.png")
    (folder / "cut.png").write_bytes((folder / "0.png").read_bytes()[:50])
    result = calibrate("--normal", folder)
    assert result.status == ExitStatus.PARTIAL
    assert "warning: left out: cut.png: truncated after 50 bytes" in result.err
    assert load_detector(tmp_path / "detector.safetensors").header.normal.images == 30


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ((), ExitStatus.USAGE, "normal"),
        (("--normal", "dgits"), ExitStatus.INPUT, "did you mean 'digits'"),
        (("--normal", "digits:test@x"), ExitStatus.INPUT, "unknown class"),
        ((*NORMAL, "--anomalous", "none.png"), ExitStatus.INPUT, "none.png"),
        ((*NORMAL, "--anomalous", NORMAL[1]), ExitStatus.INPUT, "the same"),
        ((*NORMAL, "--score", "knm"), ExitStatus.USAGE, "did you mean 'knn'"),
        ((*NORMAL, "--quantile", "99"), ExitStatus.USAGE, "between 0 and 1"),
        ((*NORMAL, "--quantile", "nan"), ExitStatus.USAGE, "between 0 and 1"),
        ((*NORMAL, "--seed", "-1"), ExitStatus.USAGE, "--seed"),
        ((*NORMAL, "--seed", "99999999999"), ExitStatus.USAGE, "--seed"),
        ((*NORMAL, "-o", "detector.txt"), ExitStatus.USAGE, ".safetensors"),
        ((*NORMAL, "--plot", "plot.pdf"), ExitStatus.USAGE, ".png"),
        ((*NORMAL, "--device", "cuda:99"), ExitStatus.UNAVAILABLE, "cuda:99"),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, tuple) else "",
)
def test_words_that_make_no_sense_are_refused(words: Any, status, said, calibrate, tmp_path: Path) -> None:
    result = calibrate(*words)
    assert (result.status, result.out) == (status, "")
    assert [line.split(": ")[0] for line in result.err.splitlines()] in (["error"], ["error", "hint"])
    assert said in result.err.splitlines()[0]
    assert not list(tmp_path.rglob("*.safetensors"))


def test_the_model_is_never_replaced(aecli: Run, conv_run: Path) -> None:
    before = (conv_run / "model.safetensors").read_bytes()
    result = aecli("calibrate", "--model", conv_run, *NORMAL, "-o", conv_run / "model.safetensors")
    assert result.status == ExitStatus.USAGE
    assert (conv_run / "model.safetensors").read_bytes() == before


# info


def test_info_tells_what_a_detector_is(calibrate, aecli: Run, conv_run: Path, tmp_path: Path) -> None:
    detector = tmp_path / "detector.safetensors"
    calibrate(*NORMAL, *ANOMALOUS, "--score", "knn", "--quantile", "0.9")
    told = dict(line.strip().split("  ", 1) for line in aecli("info", detector).out.splitlines()[1:])
    told = {name: value.strip() for name, value in told.items()}
    header = load_detector(detector).header
    assert told["score"].startswith("knn, the distance")
    assert told["threshold"] == f"{header.threshold:.6g}, which 90 % of normal images should pass"
    assert told["normal"].startswith("323 images of digits:test@-1")
    assert told["anomalous"].startswith("36 images of digits:test@1")
    assert told["AUROC"].startswith(f"{header.measured['separation']['auroc']['value']:.4f} (")
    assert {"specificity", "recall", "average precision", "FPR at 95 % TPR"} < told.keys()
    document = json.loads(aecli("info", detector, "--json").out)
    assert document["kind"] == "detector"
    assert document["model_fingerprint"] == told["model"]
    assert told["model"] == json.loads(aecli("info", conv_run, "--json").out)["fingerprint"]


def test_info_of_a_detector_of_normal_images_alone(calibrate, aecli: Run, tmp_path: Path) -> None:
    calibrate(*NORMAL)
    out = aecli("info", tmp_path / "detector.safetensors").out
    assert "which 99 % of normal images should pass" in out
    assert "AUROC" not in out
    assert "anomalous     none" in out
