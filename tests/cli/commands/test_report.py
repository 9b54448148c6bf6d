"""`aecli report`: the page of a run, its options, and what goes wrong."""

import re
from pathlib import Path

import pytest

from aecli.errors import ExitStatus
from tests.command_line import Run, succeed

pytestmark = pytest.mark.slow


@pytest.fixture
def run(run_to_report: Path) -> Path:
    """Return a run folder that tests may change."""
    return run_to_report


def test_the_page_goes_into_the_run_folder(run: Path) -> None:
    result = succeed("report", run, "--sample", 20)
    page = run / "report.html"
    assert page.read_text("utf-8").startswith("<!doctype html>")
    path, line = result.out.splitlines()
    assert path == str(page)
    assert "144 validation images of digits:train" in line
    assert not result.err


def test_output_names_the_page_and_a_dash_is_standard_output(run: Path, tmp_path: Path) -> None:
    succeed("report", run, "--sample", 20, "-o", tmp_path / "page.html")
    assert not (run / "report.html").exists()
    result = succeed("report", run, "--sample", 20, "-o", "-")
    assert result.stdout == (tmp_path / "page.html").read_bytes()


def test_json_holds_what_was_measured(run: Path) -> None:
    document = succeed("report", run, "--sample", 20, "--json").document
    assert document["output"] == str(run / "report.html")
    assert document["bytes"] == (run / "report.html").stat().st_size
    assert document["images"]["count"] == 144
    assert document["reconstructions"]["mse"] > 0
    assert document["map"]["drawn"] == 20
    assert [row["labels"] for row in document["few_labels"]["accuracies"]] == [10] * 3 + [100] * 3 + [1000] * 3


@pytest.mark.long
def test_every_option_changes_the_report(run: Path, image_folder: Path) -> None:
    def report(*words: object) -> dict[str, object]:
        return succeed("report", run, "--sample", 20, "--labels", 10, "--json", *words).document

    default = report()
    assert report("--data", image_folder)["images"] != default["images"]
    assert report("--data", image_folder, "--labels-from", "none")["few_labels"] is None
    assert report("--sample", 30)["map"]["drawn"] == 30  # type: ignore[index]
    assert report("--method", "pca")["map"]["explained_variance"] > 0  # type: ignore[index]
    assert report("--labels", "20")["few_labels"] != default["few_labels"]
    assert report("--seed", 1)["few_labels"] != default["few_labels"]
    assert len(report("--examples", 2)["reconstructions"]["examples"]["best"]) == 2  # type: ignore[index]
    assert report("--device", "cpu")["reconstructions"] == default["reconstructions"]


def test_images_that_cannot_be_read_are_left_out(run: Path, image_folder: Path) -> None:
    (image_folder / "a" / "broken.png").write_bytes(b"\x89PNG")
    from tests.command_line import run_here

    result = run_here("report", run, "--data", image_folder)
    assert result.status == ExitStatus.PARTIAL
    assert "broken.png" in result.err
    assert (run / "report.html").exists()


def test_without_its_images_the_page_says_so(run: Path, aecli: Run) -> None:
    model = run / "model.safetensors"
    model.write_bytes(model.read_bytes().replace(b"digits:", b"digots:"))
    result = aecli("report", run)
    assert result.status == 0
    assert "digots" in result.err
    assert re.search(r"no images", (run / "report.html").read_text("utf-8"))


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("{run}", "-o", "page.txt"), ExitStatus.USAGE),
        (("{run}", "-o", "{run}"), ExitStatus.USAGE),
        (("{run}", "--examples", "0"), ExitStatus.USAGE),
        (("{run}", "--method", "some"), ExitStatus.USAGE),
        (("{run}", "--labels", "some"), ExitStatus.USAGE),
        (("{run}", "--sample", "2"), ExitStatus.USAGE),
        (("{run}", "--data", "nothing"), ExitStatus.INPUT),
        (("{run}/nothing",), ExitStatus.INPUT),
        (("{run}/metrics.csv",), ExitStatus.INPUT),
        (("{run}/..",), ExitStatus.INPUT),
        (("{run}", "--device", "nothing"), ExitStatus.UNAVAILABLE),
    ],
    ids=str,
)
def test_bad_input_is_one_line_and_leaves_no_page(
    run: Path, aecli: Run, words: tuple[str, ...], status: ExitStatus
) -> None:
    result = aecli("report", *(word.format(run=run) for word in words))
    assert result.status == status
    assert result.err.startswith("error: ")
    assert len(result.err.splitlines()) <= 2
    assert not (run / "report.html").exists()


def test_the_page_never_replaces_an_image(run: Path, image_folder: Path, aecli: Run) -> None:
    listed = image_folder / "list.html"
    listed.write_text("x", "utf-8")
    assert aecli("report", run, "--data", listed, "-o", listed).status != 0
    assert listed.read_text("utf-8") == "x"
