"""`aecli tsne -o map.html`: the page, and what colors it."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aecli.codes import load_codes, save_codes
from aecli.errors import ExitStatus
from tests.command_line import Run

ONE_PER_CODE = ("codes", "names", "residual_l2", "labels")
QUICK = ("--method", "pca", "--sample", "60")


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return tmp_path / "map.html"


def data_in(page: Path) -> dict[str, Any]:
    (content,) = re.findall('class="explorer-data">(.*?)</script>', page.read_text("utf-8"), re.DOTALL)
    data: dict[str, Any] = json.loads(content)
    return data


def test_the_suffix_chooses_a_page(aecli: Run, codes_file: Path, page: Path) -> None:
    result = aecli("tsne", codes_file, "-o", page, *QUICK)
    assert (result.status, result.err) == (0, "")
    assert "60 of 359 codes" in result.out
    assert page.read_text("utf-8").startswith("<!doctype html>")
    data = data_in(page)
    assert len(data["names"]) == 60
    assert data["sprites"] is None


def test_images_become_thumbnails(aecli: Run, codes_file: Path, page: Path) -> None:
    result = aecli("tsne", codes_file, "-o", page, "--images", "digits:test", *QUICK)
    assert result.status == 0, result.err
    sprites = data_in(page)["sprites"]
    assert (sprites["width"], sprites["height"]) == (8, 8)
    assert sprites["sheets"][0].startswith("data:image/")


def test_several_code_files_are_panels(aecli: Run, codes_file: Path, page: Path) -> None:
    assert aecli("tsne", codes_file, codes_file, "-o", page, *QUICK).status == 0
    data = data_in(page)
    assert len(data["panels"]) == 2
    assert len(data["names"]) == 60


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_scores_are_those_that_detect_printed(
    aecli: Run, codes_file: Path, conv_run: Path, page: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    scores = tmp_path / "verdicts.tsv"
    scores.write_bytes(aecli("detect", "digits:test", "--model", conv_run, *options).stdout)
    result = aecli("tsne", codes_file, "-o", page, "--scores", scores, *QUICK)
    assert result.status == 0, result.err
    assert set(data_in(page)["panels"][0]["measures"]) == {"residual", "score"}
    piped = aecli("tsne", codes_file, "-o", page, "--scores", "-", *QUICK, stdin=scores.read_bytes())
    assert piped.status == 0, piped.err
    assert set(data_in(page)["panels"][0]["measures"]) == {"residual", "score"}


def test_points_of_a_map_are_in_the_page_of_codes_placed_onto_it(aecli: Run, codes_file: Path, page: Path) -> None:
    points = page.with_suffix(".npz")
    assert aecli("tsne", codes_file, "-o", page, "--coordinates", points, *QUICK).status == 0
    assert data_in(page)["panels"][0]["onto"] is None
    result = aecli("tsne", codes_file, "-o", page, "--onto", points)
    assert result.status == 0, result.err
    assert data_in(page)["panels"][0]["onto"]["type"] == "f4"


def test_the_code_of_one_image_is_placed_in_a_page(aecli: Run, codes_file: Path, page: Path) -> None:
    points, one = page.with_suffix(".npz"), page.with_name("one.npz")
    assert aecli("tsne", codes_file, "-o", page, "--coordinates", points, *QUICK).status == 0
    codes = load_codes(codes_file)
    save_codes(replace(codes, **{name: getattr(codes, name)[:1] for name in ONE_PER_CODE}), one)
    result = aecli("tsne", one, "-o", page, "--onto", points)
    assert result.status == 0, result.err
    assert data_in(page)["names"] == codes.names[:1].tolist()


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        ("-o plot.png --scores verdicts.tsv", ExitStatus.USAGE, "--scores"),
        ("-o map.html --scores none.tsv", ExitStatus.INPUT, "none.tsv"),
        ("-o map.html --scores other.tsv", ExitStatus.INPUT, "no score of these images"),
        ("-o map.html --scores codes.npz", ExitStatus.INPUT, "codes.npz"),
        ("-o map.html --dpi 100", ExitStatus.USAGE, "--dpi"),
        ("-o verdicts.html --scores verdicts.html", ExitStatus.USAGE, "replace an input"),
        ("-o map.jpg", ExitStatus.USAGE, ".jpg"),
    ],
)
def test_bad_input_is_one_line_and_leaves_no_page(
    aecli: Run,
    codes_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: str,
    status: ExitStatus,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("codes.npz").write_bytes(codes_file.read_bytes())
    Path("verdicts.tsv").write_text("digits:test/0\t1.0\t2.0\tnormal\n")
    Path("verdicts.html").write_text("digits:test/0\t1.0\t2.0\tnormal\n")
    Path("other.tsv").write_text("other.png\t1.0\t2.0\tnormal\n")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    result = aecli("tsne", "codes.npz", *words.split(), *QUICK)
    assert result.status == status, result.err
    assert message in result.err
    assert result.err.startswith("error: ")
    assert result.err.count("\n") <= 2
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
