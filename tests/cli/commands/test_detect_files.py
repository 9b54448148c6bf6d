"""`aecli detect`: heatmaps, maps and the page of results."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aecli.errors import ExitStatus
from tests.command_line import Run, succeed
from tests.tiny_backbone import FEATURES, write_photographs, write_weights

LOW, HIGH = ("--threshold", "0"), ("--threshold", "1000")


def test_heatmaps_show_the_image_of_the_file_upright(detect: Run, tmp_path: Path) -> None:
    pixels = np.zeros((200, 300), np.uint8)
    pixels[:60, :60] = 255
    turned = Image.fromarray(np.ascontiguousarray(np.rot90(pixels)))
    exif = turned.getexif()
    exif[0x0112] = 6  # to be turned clockwise
    turned.save(tmp_path / "turned.png", exif=exif)
    (document,) = detect(tmp_path / "turned.png", "--heatmaps", tmp_path / "maps", *HIGH, "--json").documents[:1]
    shown = np.asarray(Image.open(document["heatmap"]).convert("L"))[-200:, :300]
    assert np.abs(shown.astype(int) - pixels).mean() < 3


def test_maps_are_written_in_the_chosen_format(detect: Run, image_folder: Path, tmp_path: Path) -> None:
    tiffs, arrays = tmp_path / "tiff", tmp_path / "npy"
    result = detect(image_folder / "a", "--maps", tiffs, "--json")
    assert [document["map"] for document in result.documents[:-1]] == [str(path) for path in sorted(tiffs.iterdir())]
    assert detect(image_folder / "a", "--maps", arrays, "--maps-format", "npy").status == 0
    for tiff, array in zip(sorted(tiffs.iterdir()), sorted(arrays.iterdir()), strict=True):
        assert (tiff.suffix, array.suffix) == (".tiff", ".npy")
        values = np.load(array)
        assert (values.dtype, values.shape) == (np.float32, (8, 8))
        assert np.array_equal(np.asarray(Image.open(tiff)), values)


def test_the_report_holds_what_is_shown_and_its_size_is_printed(
    detect: Run, image_folder: Path, tmp_path: Path
) -> None:
    page = tmp_path / "new" / "report.html"
    result = detect(image_folder, "none.png", "--report", page, *LOW)
    assert result.status == ExitStatus.PARTIAL
    assert f"{page}: 6 images, 6 images enlarged, " in result.err
    text = page.read_text("utf-8")
    assert text.count("<li data-score") == 6
    assert "none.png: no such" in text
    assert detect(image_folder, "--report", page, *LOW, "--top", "2", "-q").err == ""
    assert page.read_text("utf-8").count("<li data-score") == 2
    assert detect(image_folder, "--report", page, *HIGH, "--only", "normal").status == 0
    assert page.read_text("utf-8").count("<li data-score") == 6


def test_without_an_image_to_show_the_report_says_so(detect: Run, image_folder: Path, tmp_path: Path) -> None:
    """A report of the day before would otherwise stay."""
    for words in (("none.png",), (image_folder, "--only", "anomalies", *HIGH)):
        (tmp_path / "report.html").write_text("of the day before")
        detect(*words, "--report", tmp_path / "report.html")
        assert "0 images" in (tmp_path / "report.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "status", "noun"),
    [
        (("--report", "."), ExitStatus.USAGE, "HTML"),
        (("--report", "-"), ExitStatus.USAGE, "HTML"),
        (("--report", "report.png"), ExitStatus.USAGE, "HTML"),
        (("--report", "folder.html"), ExitStatus.USAGE, "folder.html"),
        (("--report", "/dev/null/report.html"), ExitStatus.UNAVAILABLE, "/dev/null"),
        (("--heatmaps", "folder.htm"), ExitStatus.USAGE, "folder.htm"),
        (("--heatmaps", "/dev/null"), ExitStatus.UNAVAILABLE, "/dev/null"),
        (("--maps", "/dev/null/maps"), ExitStatus.UNAVAILABLE, "/dev/null"),
        (("--maps", "maps", "--maps-format", "png"), ExitStatus.USAGE, "png"),
        (("--maps-format", "npy"), ExitStatus.USAGE, "--maps"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_invalid_outputs_are_refused_before_the_first_image(
    words: tuple[str, ...],
    status: ExitStatus,
    noun: str,
    detect: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "folder.html").mkdir()
    monkeypatch.chdir(tmp_path)
    result = detect("digits:test", *words)
    assert (result.status, result.out) == (status, "")
    assert [line.split(": ")[0] for line in result.err.splitlines()] in (["error"], ["error", "hint"])
    assert noun in result.err.splitlines()[0]
    assert [path.name for path in tmp_path.iterdir()] == ["folder.html"]


@pytest.mark.parametrize("option", ["--heatmaps", "--maps"])
def test_files_are_not_written_among_the_images(option: str, detect: Run, image_folder: Path) -> None:
    before = {path: path.read_bytes() for path in image_folder.rglob("*") if path.is_file()}
    result = detect(image_folder / "a" / "0.png", option, image_folder / "a")
    assert (result.status, result.out) == (ExitStatus.USAGE, "")
    assert "among the images" in result.err
    assert option in result.err
    assert {path: path.read_bytes() for path in image_folder.rglob("*") if path.is_file()} == before


@pytest.mark.slow
def test_a_model_of_features_shows_maps_unless_its_score_has_none(aecli: Run, tmp_path: Path) -> None:
    photographs, run = write_photographs(tmp_path / "photographs", 24), tmp_path / "run"
    weights = write_weights(tmp_path / "weights.safetensors")
    succeed("train", photographs, "-o", run, *FEATURES, "--init-from", weights)
    words = ("detect", photographs, "--model", run, "--heatmaps", tmp_path / "heatmaps", "--maps", tmp_path / "maps")
    assert aecli(*words, "--report", tmp_path / "report.html").status == 0
    assert len(list((tmp_path / "heatmaps").iterdir())) == len(list((tmp_path / "maps").iterdir())) == 24
    with Image.open(next((tmp_path / "maps").iterdir())) as image:
        assert image.size == (48, 40)
    succeed("calibrate", "--model", run, "--normal", photographs, "--score", "pooled")
    result = aecli(*words)
    assert result.status == ExitStatus.USAGE
    assert "pooled" in result.err.splitlines()[0]
    assert aecli(*words[:4], "--report", tmp_path / "report.html").status == 0
    assert "class=overlay" not in (tmp_path / "report.html").read_text("utf-8")


def test_a_damaged_image_is_not_part_of_the_files(detect: Run, image_folder: Path, tmp_path: Path) -> None:
    (image_folder / "a" / "cut.png").write_bytes((image_folder / "a" / "0.png").read_bytes()[:60])
    result = detect(image_folder / "a", "--heatmaps", tmp_path / "maps", "--report", tmp_path / "report.html")
    assert result.status == ExitStatus.PARTIAL
    assert len(list((tmp_path / "maps").iterdir())) == 3
    assert "cut.png" in (tmp_path / "report.html").read_text("utf-8")
