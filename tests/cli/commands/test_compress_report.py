import json
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from tests.command_line import Run


def test_the_table_the_document_and_the_plot(aecli: Run, conv_run: Path, tmp_path: Path) -> None:
    words = ("compress-report", "digits:test", "--model", conv_run)
    plot = tmp_path / "plot.png"
    table = aecli(*words, "-o", plot)
    assert table.status == 0, table.err
    lines = [line.split("\t") for line in table.out.splitlines()]
    assert lines[0][0] == "format"
    assert {len(line) for line in lines} == {10}
    assert min(Image.open(plot).size) > 500

    result = aecli(*words, "--json")
    document = json.loads(result.out)
    assert document["data"]["images"] == 359
    assert document["pca_fitted_on"]["word"] == "digits:train"
    assert document["model"]["fingerprint"].startswith("sha256:")
    assert len(document["rows"]) == len(lines) - 1


def test_the_compact_file_has_the_size_that_the_report_names(aecli: Run, conv_run: Path, tmp_path: Path) -> None:
    rows = json.loads(aecli("compress-report", "digits:test", "--model", conv_run, "--json").out)["rows"]
    sizes = {row["method"]: row["bytes"] for row in rows}
    for bits in (8, 6, 4, 3, 2):
        compact = tmp_path / f"{bits}.npz"
        words = ("encode", "digits:test", "--model", conv_run, "--bits", str(bits), "--entropy", "-o", compact)
        assert aecli(*words).status == 0
        assert compact.stat().st_size == sizes[f"codes, {bits} bits, entropy-coded"]
        assert aecli("decode", compact, "--model", conv_run, "-o", tmp_path / "grid.png").status == 0


def test_a_missing_training_set_is_said(aecli: Run, train: Callable[..., Path], pictures: Path, tmp_path: Path) -> None:
    run = train(tmp_path / "run", "--epochs", "1")
    moved = tmp_path / "own" / "run"
    assert aecli("train", pictures, "-o", moved, "--epochs", "1").status == 0
    for file in pictures.rglob("*.png"):
        file.unlink()
    result = aecli("compress-report", "digits:test", "--model", moved)
    assert result.status == 0
    assert "warning: PCA is fitted on the test images" in result.err
    assert "warning" not in aecli("compress-report", "digits:test", "--model", run).err


def test_entropy_needs_few_bits(aecli: Run, conv_run: Path, tmp_path: Path) -> None:
    out = tmp_path / "codes.npz"
    result = aecli("encode", "digits:test", "--model", conv_run, "--entropy", "-o", out)
    assert result.status == 2
    assert "32 bits" in result.err
    assert not out.exists()


def test_bad_input(aecli: Run, conv_run: Path, tmp_path: Path) -> None:
    for words, status in (
        (("digits:test", "--model", tmp_path / "none"), 4),
        (("nothing", "--model", conv_run), 4),
        (("digits:test", "--model", conv_run, "-o", tmp_path / "plot.jpg"), 2),
        (("digits:test", "--model", conv_run, "--device", "cuda:9"), 6),
    ):
        result = aecli("compress-report", *words)
        assert result.status == status
        assert result.err.startswith("error: ")
        assert not result.stdout


def test_a_damaged_picture_is_left_out(aecli: Run, conv_run: Path, pictures: Path) -> None:
    (pictures / "a" / "broken.png").write_bytes(b"no picture")
    result = aecli("compress-report", pictures, "--model", conv_run, "--json")
    assert result.status == 3
    assert "broken.png" in result.err
    document = json.loads(result.out)
    assert (document["data"]["images"], document["failed"]) == (6, 1)


def test_no_plot_lies_among_the_images(aecli: Run, conv_run: Path, pictures: Path) -> None:
    for word in (pictures, f"{pictures}:all"):
        result = aecli("compress-report", word, "--model", conv_run, "-o", pictures / "a" / "plot.png")
        assert result.status == 2
        assert "among the images" in result.err
