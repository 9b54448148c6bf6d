"""`aecli search`: from images or code files to tables, JSON lines, grids and pages."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aecli.codes import load_codes, save_codes
from aecli.errors import ExitStatus
from aecli.plots.formats import is_page
from tests.analyses.digit_codes import digit_codes
from tests.command_line import Run, succeed


@pytest.fixture(scope="module")
def codes(mlp_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the codes of the test digits by `mlp_run`; tests must not change the file."""
    path = tmp_path_factory.mktemp("codes") / "codes.npz"
    succeed("encode", "digits:test", "--model", mlp_run, "-o", path)
    return path


def test_images_find_themselves_first(aecli: Run, codes: Path, mlp_run: Path, image_folder: Path) -> None:
    result = aecli("search", image_folder, "--in", codes, "--model", mlp_run, "-k", 3)
    assert result.status == 0, result.err
    rows = result.rows
    assert result.heading == ["query", "rank", "name", "label", "distance"]
    assert len(rows) == 18
    for index in range(6):
        query, rank, name, label, distance = rows[3 * index]
        assert query.endswith(f"{index}.png")
        assert (rank, name, float(distance)) == ("1", f"test/{load_codes(codes).names[index].split('/')[1]}", 0)
        assert label
    assert "6 queries in 359 codes, euclidean, exact" in result.err


def test_json_has_one_line_for_each_query_and_a_summary(aecli: Run, codes: Path, mlp_run: Path) -> None:
    *documents, last = aecli("search", "digits:test@0", "--in", codes, "-m", mlp_run, "-k", 2, "--json").documents
    assert all(len(document["neighbors"]) == 2 for document in documents)
    assert documents[0]["query"].startswith("digits:test/")
    assert (last["summary"]["queries"], last["summary"]["method"], last["summary"]["recall"]) == (
        len(documents),
        "exact",
        1.0,
    )
    assert [each["distance"] for each in documents[0]["neighbors"]] == sorted(
        each["distance"] for each in documents[0]["neighbors"]
    )


def test_code_files_need_no_model_and_are_not_their_own_neighbors(aecli: Run, codes: Path) -> None:
    *documents, _ = aecli("search", codes, "--in", codes, "-k", 1, "--json").documents
    assert len(documents) == 359
    assert all(document["neighbors"][0]["name"] != document["query"] for document in documents)


def test_the_metric_changes_distances(aecli: Run, codes: Path) -> None:
    plain, cosine = (
        aecli("search", codes, "--in", codes, "-k", 2, *words).rows for words in ((), ("--metric", "cosine"))
    )
    assert all(0 <= float(row[4]) <= 2 for row in cosine[1:])
    assert [row[4] for row in plain] != [row[4] for row in cosine]


def test_an_index_reports_its_recall(aecli: Run, codes: Path) -> None:
    pytest.importorskip("faiss")
    result = aecli("search", codes, "--in", codes, "--method", "approximate")
    assert result.status == 0, result.err
    assert re.search(r"approximate, recall [01]\.\d{4} on a sample", result.err)


def test_one_image_comes_from_standard_input(aecli: Run, codes: Path, mlp_run: Path, digit: Path) -> None:
    result = aecli("search", "-", "--in", codes, "-m", mlp_run, "-k", 1, stdin=digit.read_bytes())
    assert [row[0] for row in result.rows] == ["-"]


def test_images_that_cannot_be_read_are_left_out(aecli: Run, codes: Path, mlp_run: Path, image_folder: Path) -> None:
    (image_folder / "a" / "0.png").write_bytes(b"not an image")
    result = aecli("search", image_folder, "--in", codes, "-m", mlp_run, "-k", 1, "--json")
    assert result.status == ExitStatus.PARTIAL
    assert "left out" in result.err
    (failed,) = [document for document in result.documents if "error" in document]
    assert failed["query"].endswith("0.png")
    assert "0.png" not in failed["error"]


@pytest.mark.parametrize("name", [pytest.param("found.png", marks=pytest.mark.slow), "found.html", "found.htm"])
def test_grids_and_pages_show_the_images(
    name: str, aecli: Run, codes: Path, mlp_run: Path, image_folder: Path, tmp_path: Path
) -> None:
    output = tmp_path / name
    result = aecli("search", image_folder, "--in", codes, "-m", mlp_run, "-k", 3, "-o", output)
    assert result.status == 0, result.err
    assert f"wrote {output}: 6 queries" in result.err
    if is_page(output):
        page = output.read_text("utf-8")
        assert page.count("<img ") == 6 * 4
        assert page.count("<section>") == 6
    else:
        with Image.open(output) as image:
            assert min(image.size) > 400
    named = aecli(
        "search", image_folder, "--in", codes, "-m", mlp_run, "-k", 3, "-o", output, "--images", "digits:test"
    )
    assert named.status == 0, named.err


def test_without_images_a_page_says_so_and_a_grid_is_an_error(aecli: Run, codes: Path, tmp_path: Path) -> None:
    loaded = load_codes(codes)
    moved = tmp_path / "moved.npz"
    hostile = np.array([f"<script>{index}</script>" for index in range(len(loaded))])
    meta = replace(loaded.meta, data=str(tmp_path / "<b>gone"), class_names=["<i>"] * 10)
    save_codes(replace(loaded, names=hostile, meta=meta), moved)
    page = tmp_path / "page.html"
    result = aecli("search", moved, "--in", moved, "-o", page)
    assert result.status == 0, result.err
    assert "no images" in result.err
    content = page.read_text("utf-8")
    assert "The images are not shown" in content
    assert "<img" not in content
    assert not re.search("<script|<i>|<b>", content)
    assert "&lt;script&gt;0&lt;/script&gt;" in content
    grid = aecli("search", moved, "--in", moved, "-o", tmp_path / "grid.png")
    assert grid.status == ExitStatus.INPUT
    assert "--images" in grid.err
    assert not (tmp_path / "grid.png").exists()


def test_only_the_first_queries_are_drawn(aecli: Run, codes: Path, tmp_path: Path) -> None:
    result = aecli("search", codes, "--in", codes, "-k", 1, "-o", tmp_path / "page.html")
    assert "the first 100 of 359 queries" in result.err
    assert "These are the first 100 of 359 queries" in (tmp_path / "page.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "status", "noun"),
    [
        ("{codes} --in none.npz", ExitStatus.INPUT, "none.npz"),
        ("none.png --in {codes} -m {run}", ExitStatus.INPUT, "none.png"),
        ("digits:test --in {codes}", ExitStatus.USAGE, "--model"),
        ("digits:test --in {other} -m {run}", ExitStatus.INPUT, "another model"),
        ("{codes} --in {codes} -k 0", ExitStatus.USAGE, "--neighbors"),
        ("{codes} --in {codes} -k 359", ExitStatus.USAGE, "359"),
        ("{codes} --in {codes} -o {codes}", ExitStatus.USAGE, "codes.npz"),
        ("{codes} --in {codes} --images digits", ExitStatus.USAGE, "--images"),
        ("{codes} --in {codes} -o {out}/x.png --images letters:test", ExitStatus.INPUT, "letters:test"),
        ("{codes} --in {codes} --metric nonsense", ExitStatus.USAGE, "nonsense"),
        ("{codes} --in {run}/model.safetensors", ExitStatus.INPUT, "model.safetensors"),
    ],
)
def test_bad_input_is_one_error(
    words: str,
    status: ExitStatus,
    noun: str,
    aecli: Run,
    codes: Path,
    mlp_run: Path,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    other = tmp_path_factory.mktemp("other") / "other.npz"
    save_codes(digit_codes(), other)
    result = aecli("search", *words.format(codes=codes, run=mlp_run, other=other, out=tmp_path).split())
    assert result.status == status, result.err
    assert noun in result.err
    assert result.out == ""
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
