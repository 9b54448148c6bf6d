"""A set in the layout of MVTec AD, from training to verdicts: the words are the root of the set."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from aecli.detection.detector import load_detector
from aecli.errors import ExitStatus
from tests.command_line import Result, Run, succeed
from tests.data.layout_writing import write_mvtec


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_mvtec(tmp_path_factory.mktemp("mvtec") / "cable")


@pytest.fixture(scope="module")
def run(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mvtec") / "run"
    result = succeed("train", root, "-o", folder, "--epochs", 2, "--device", "cpu")
    assert f"of {root}:train" in result.err
    assert "1 class: good" in result.err
    assert "passed over: 2 .txt" in result.err
    return folder


@pytest.fixture
def calibrate(aecli: Run, run: Path, tmp_path: Path) -> Callable[..., Result]:
    def call(*words: object) -> Result:
        return aecli("calibrate", "--model", run, "-o", tmp_path / "detector.safetensors", *words)

    return call


def test_detect_never_judges_masks(aecli: Run, run: Path, root: Path) -> None:
    result = aecli("detect", root, "--model", run)
    assert result.status == ExitStatus.DONE, result.err
    paths = [row[0] for row in result.rows]
    assert len(paths) == 62
    assert not [path for path in paths if "ground_truth" in path]
    assert "masks" in result.err
    assert "passed over: 2 .txt" in result.err


def test_a_threshold_of_few_validation_images_is_warned_of(aecli: Run, run: Path, root: Path) -> None:
    count = succeed("info", run, "--json").document["validation"]["images"]
    assert count < 10
    result = aecli("detect", root / "train", "--model", run, "-q")
    assert f"warning: the threshold comes from {count} validation images" in result.err
    assert f"about {1 / (count + 1):.0%} of new normal images" in result.err
    assert aecli("detect", root / "train", "--model", run, "-q", "--threshold", 100).err == ""


@pytest.mark.parametrize("both", [True, False])
def test_calibrate_finds_normal_and_anomalous_test_images(
    both: bool, calibrate: Run, aecli: Run, run: Path, root: Path, tmp_path: Path
) -> None:
    result = calibrate("--normal", root, "--anomalous", root) if both else calibrate("--data", root)
    assert result.status == ExitStatus.DONE, result.err
    assert result.err.count("passed over: 2 .txt") == 1
    assert "warning: the threshold comes from 12 normal images and 5 anomalous images" in result.err
    detector = tmp_path / "detector.safetensors"
    header = load_detector(detector).header
    assert (header.normal.word, header.normal.images) == (f"{root}:test@good", 12)
    assert header.anomalous is not None
    assert (header.anomalous.word, header.anomalous.images) == (f"{root}:test@broken", 10)
    specificity = header.measured["specificity"]
    assert specificity["high"] - specificity["low"] > 0.2
    found = aecli("detect", root / "test", "--model", run, "--detector", detector)
    assert "12 normal images" in found.err
    verdicts = {(Path(row[0]).parent.name, row[3]) for row in found.rows}
    assert ("broken", "anomaly") in verdicts


def test_normal_images_alone_are_the_normal_test_images(calibrate: Run, root: Path, tmp_path: Path) -> None:
    result = calibrate("--normal", root)
    assert result.status == ExitStatus.DONE, result.err
    assert "warning: 12 normal images" in result.err
    header = load_detector(tmp_path / "detector.safetensors").header
    assert (header.normal.word, header.anomalous) == (f"{root}:test@good", None)
    assert calibrate("--normal", f"{root}:all").status == ExitStatus.DONE
    assert load_detector(tmp_path / "detector.safetensors").header.normal.images == 62


@pytest.mark.parametrize(
    ("words", "status", "noun"),
    [
        (("--data", "digits"), ExitStatus.INPUT, "normal"),
        (("--data", "ROOT:test"), ExitStatus.INPUT, "normal"),
        (("--data", "ROOT", "--normal", "ROOT"), ExitStatus.USAGE, "--data"),
        (("--data", "ROOT", "--anomalous", "digits"), ExitStatus.USAGE, "--data"),
    ],
)
def test_a_set_that_does_not_tell_normal_from_anomalous_is_refused(
    words: tuple[str, ...], status: ExitStatus, noun: str, calibrate: Run, root: Path, tmp_path: Path
) -> None:
    result = calibrate(*(word.replace("ROOT", str(root)) for word in words))
    assert (result.status, result.out) == (status, "")
    assert noun in result.err.splitlines()[0]
    assert not list(tmp_path.iterdir())


def test_info_describes_the_set(aecli: Run, root: Path) -> None:
    document = aecli("info", root, "--json").document
    assert document["kind"] == "folder of images"
    assert (document["images"], document["splits"], document["masks"]) == (62, {"train": 40, "test": 22}, 10)
    assert document["class_names"] == ["broken", "good"]
    text = aecli("info", root).out
    for piece in ("train 40, test 22", "2: broken, good", "32x32 pixels, gray", "passed over: 2 .txt"):
        assert piece in text


# Masks

PIXEL_METRICS = ["pixel AUROC", "AUPRO", "pixel F1-max"]


def test_calibrate_measures_maps_by_the_masks_of_the_set(
    calibrate: Run, aecli: Run, root: Path, tmp_path: Path
) -> None:
    by_score = {record["score"]: record for record in calibrate("--data", root, "--score", "local").records}
    assert {name for name, record in by_score.items() if record["aupro"]} == {"local", "patch", "position"}
    assert float(by_score["local"]["pixel_auroc"]) > 0.9, "the white rectangle is not reconstructed"
    document = calibrate("--data", root, "--score", "local", "--json").document
    pixels = document["scores"][0]["pixels"]
    assert (pixels["normal"], pixels["anomalous"], pixels["regions"]) == (6, 5, 5)
    assert next(report for report in document["scores"] if report["score"] == "mse")["pixels"] is None
    lines = aecli("info", tmp_path / "detector.safetensors").out
    assert all(name in lines for name in PIXEL_METRICS)
    header = load_detector(tmp_path / "detector.safetensors").header
    assert header.measured["pixels"] == pixels


@pytest.mark.slow
@pytest.mark.long
def test_masks_can_be_in_another_folder(calibrate: Run, root: Path) -> None:
    words = ("--normal", root / "test/good", "--anomalous", root / "test/broken", "--score", "local")
    assert {record["aupro"] for record in calibrate(*words).records} == {""}
    found = calibrate(*words, "--masks", root / "ground_truth/broken", "--json").document["scores"][0]["pixels"]
    assert found["auroc"]["value"] > 0.9
    assert found["anomalous"] == 5


@pytest.mark.slow
@pytest.mark.long
def test_masks_that_cannot_be_used_are_one_warning(calibrate: Run, root: Path, tmp_path: Path) -> None:
    masks = shutil.copytree(root / "ground_truth/broken", tmp_path / "masks")
    for index in range(10):
        (masks / f"{index:03}_mask.png").write_bytes(b"" if index % 2 else b"no image")
    words = ("--normal", root / "test/good", "--anomalous", root / "test/broken", "--score", "local")
    nothing = calibrate(*words, "--masks", masks)
    assert (nothing.status, nothing.out) == (ExitStatus.INPUT, "")
    assert "_mask.png" in nothing.err.splitlines()[-2]
    assert not list(tmp_path.glob("*.safetensors"))
    for index in range(0, 10, 2):
        shutil.copy(root / f"ground_truth/broken/{index:03}_mask.png", masks)
    some = calibrate(*words, "--masks", masks, "-q")
    assert some.status == ExitStatus.DONE
    (warning,) = [line for line in some.err.splitlines() if "mask" in line]
    assert "of 5 anomalous images" in warning


@pytest.mark.parametrize(
    ("words", "status", "noun"),
    [
        (("--normal", "ROOT/test/good", "--masks", "ROOT/ground_truth"), ExitStatus.USAGE, "anomalous"),
        (("--data", "ROOT", "--masks", "ROOT/ground_truth", "--score", "mse"), ExitStatus.USAGE, "mse"),
        (("--data", "ROOT", "--masks", "ROOT/none"), ExitStatus.INPUT, "none"),
        (("--data", "ROOT", "--masks", "ROOT/train"), ExitStatus.INPUT, "no mask"),
    ],
)
def test_a_useless_folder_of_masks_is_refused(
    words: tuple[str, ...], status: ExitStatus, noun: str, calibrate: Run, root: Path, tmp_path: Path
) -> None:
    result = calibrate(*(word.replace("ROOT", str(root)) for word in words))
    assert (result.status, result.out) == (status, "")
    error = next(line for line in result.err.splitlines() if line.startswith("error"))
    assert noun in error
    assert not list(tmp_path.iterdir())
