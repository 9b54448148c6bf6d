"""`aecli compress-report`: sizes and qualities of codecs as a table, a JSON document and a plot."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from aecli.data import load
from aecli.errors import ExitStatus
from tests.command_line import Run, succeed

FEW = "digits:test@0,1"
"""Few images: each is compressed by a dozen methods."""


@pytest.mark.slow
def test_the_report_is_a_table_a_document_and_a_plot(conv_run: Path, tmp_path: Path) -> None:
    words = ("compress-report", FEW, "--model", conv_run)
    plot = tmp_path / "plot.png"
    rows = succeed(*words, "-o", plot).records
    with Image.open(plot) as image:
        assert min(image.size) > 500

    document = succeed(*words, "--json").document
    assert document["data"]["images"] == len(load(FEW))
    assert document["pca_fitted_on"]["word"] == "digits:train"
    assert document["model"]["fingerprint"].startswith("sha256:")
    assert [row["method"] for row in document["rows"]] == [row["method"] for row in rows]


@pytest.mark.slow
def test_an_entropy_coded_file_has_the_reported_size(conv_run: Path, tmp_path: Path) -> None:
    rows = succeed("compress-report", FEW, "--model", conv_run, "--json").document["rows"]
    sizes = {row["method"]: row["bytes"] for row in rows}
    for bits in (8, 6, 4, 3, 2):
        codes = tmp_path / f"{bits}.npz"
        succeed("encode", FEW, "--model", conv_run, "--bits", bits, "--entropy", "-o", codes)
        assert codes.stat().st_size == sizes[f"codes, {bits} bits, entropy-coded"]
        succeed("decode", codes, "--model", conv_run, "-o", tmp_path / "grid.png")


@pytest.mark.slow
def test_missing_training_images_are_a_warning(train: Callable[..., Path], image_folder: Path, tmp_path: Path) -> None:
    run = train(tmp_path / "digits", "--epochs", "1")
    run_without_images = tmp_path / "images-run"
    succeed("train", image_folder, "-o", run_without_images, "--epochs", "1")
    for file in image_folder.rglob("*.png"):
        file.unlink()
    lines = succeed("compress-report", FEW, "--model", run_without_images).err.splitlines()
    warnings = [line for line in lines if line.startswith("warning: ")]
    assert ["PCA" in warning for warning in warnings].count(True) == 1
    assert "warning" not in succeed("compress-report", FEW, "--model", run).err


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("digits:test --model none", ExitStatus.INPUT),
        ("nothing --model RUN", ExitStatus.INPUT),
        ("digits:test --model RUN -o plot.jpg", ExitStatus.USAGE),
        ("digits:test --model RUN --device cuda:9", ExitStatus.UNAVAILABLE),
    ],
)
def test_invalid_inputs_are_errors(
    words: str, status: ExitStatus, aecli: Run, conv_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = aecli("compress-report", *words.replace("RUN", str(conv_run)).split())
    assert result.status == status
    assert result.err.startswith("error: ")
    assert not result.stdout


@pytest.mark.slow
def test_models_are_compared_with_formats_and_each_other(conv_run: Path, mlp_run: Path, tmp_path: Path) -> None:
    words = ("compress-report", FEW, "--model", conv_run, "--model", mlp_run)
    result = succeed(*words, "--json", "-o", tmp_path / "plot.png")
    names = [model["name"] for model in result.document["models"]]
    assert len(set(names)) == 2
    families = {row["family"] for row in result.document["rows"]}
    for name in names:
        assert {name, f"{name}, entropy-coded"} <= families
    assert {"JPEG", "WebP", "JPEG 2000", "PCA", "one stream"} <= families
    pairs = {(each["model"], each["other"]): each for each in result.document["comparisons"]}
    assert (f"{names[0]}, entropy-coded", f"{names[1]}, entropy-coded") in pairs
    for each in pairs.values():
        if each["bd_rate_psnr"]:
            assert each["bd_rate_psnr"]["low"] < each["bd_rate_psnr"]["high"]
    row = next(row for row in result.document["rows"] if row["family"] == names[0])
    with_decoder = row["bytes_per_image_with_decoder"]
    assert with_decoder["1000"] == pytest.approx(row["bytes_per_image"] + row["decoder_bytes"] / 1000)
    assert result.document["summary"] in result.err
    assert result.document["fewest_bytes"]


def test_models_of_other_images_and_the_same_model_are_refused(
    aecli: Run, conv_run: Path, train: Callable[..., Path], tmp_path: Path
) -> None:
    other = train(tmp_path / "other", "--epochs", "1", "--image-size", "12")
    result = aecli("compress-report", FEW, "--model", conv_run, "--model", other)
    assert result.status == ExitStatus.INPUT
    assert "12x12" in result.err
    result = aecli("compress-report", FEW, "--model", conv_run, "--model", conv_run / "model.safetensors")
    assert result.status == ExitStatus.USAGE


def test_images_of_the_training_are_no_measure(
    aecli: Run, train: Callable[..., Path], image_folder: Path, tmp_path: Path
) -> None:
    run = tmp_path / "images-run"
    succeed("train", image_folder, "-o", run, "--epochs", "1", "--val", image_folder)
    result = aecli("compress-report", image_folder, "--model", run)
    assert result.status == ExitStatus.INPUT
    assert "trained on" in result.err


def test_a_damaged_image_is_skipped_with_a_warning(aecli: Run, conv_run: Path, image_folder: Path) -> None:
    (image_folder / "a" / "broken.png").write_bytes(b"not an image")
    result = aecli("compress-report", image_folder, "--model", conv_run, "--json")
    assert result.status == ExitStatus.PARTIAL
    assert "broken.png" in result.err
    assert (result.document["data"]["images"], result.document["failed"]) == (6, 1)


def test_a_plot_in_the_image_folder_is_refused(aecli: Run, conv_run: Path, image_folder: Path) -> None:
    for word in (image_folder, f"{image_folder}:all"):
        result = aecli("compress-report", word, "--model", conv_run, "-o", image_folder / "a" / "plot.png")
        assert result.status == ExitStatus.USAGE
        assert "images" in result.err
