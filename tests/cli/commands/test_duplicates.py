"""`aecli duplicates`: groups, lists of paths, grids, pages and exit statuses."""

import shutil
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
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with 60 digits, and copies of two of them in a folder `more`; tests must not change it."""
    from aecli.data import load

    root = tmp_path_factory.mktemp("images") / "digits"
    (root / "more").mkdir(parents=True)
    for index, pixels in enumerate(load("digits:test").images[:60]):
        Image.fromarray(pixels[0]).save(root / f"{index:02d}.png")
    shutil.copy(root / "07.png", root / "more" / "a copy.png")
    shutil.copy(root / "31.png", root / "more" / "b.png")
    return root


@pytest.fixture(scope="module")
def codes(folder: Path, mlp_run: Path) -> Path:
    """Return the codes of the folder."""
    path = folder.parent / "codes.npz"
    succeed("encode", folder, "--model", mlp_run, "-o", path, "--labels-from", "none")
    return path


def test_copies_are_found_and_grouped(aecli: Run, codes: Path) -> None:
    result = aecli("duplicates", codes)
    assert result.status == 0, result.err
    rows = result.rows
    assert result.heading == ["group", "kind", "name", "label", "distance"]
    assert [row[:4] for row in rows] == [
        ["1", "exact", "07.png", ""],
        ["1", "exact", "more/a copy.png", ""],
        ["2", "exact", "31.png", ""],
        ["2", "exact", "more/b.png", ""],
    ]
    assert {float(row[4]) for row in rows} == {0}
    assert "2 groups, 4 exact copies" in result.err


def test_the_list_names_what_to_remove(aecli: Run, codes: Path, folder: Path) -> None:
    expected = [str(folder / "more" / "a copy.png"), str(folder / "more" / "b.png")]
    assert aecli("duplicates", codes, "--list").out.splitlines() == expected
    assert aecli("duplicates", codes, "--list", "-0").out.split("\0") == [*expected, ""]


def test_json_is_one_document(aecli: Run, codes: Path) -> None:
    document = aecli("duplicates", codes, "--json").document
    assert document["files"] == [str(codes)]
    assert [group["kind"] for group in document["groups"]] == ["exact", "exact"]
    assert (document["exact"], document["near"], document["codes"]) == (4, 0, [62])


def test_leaks_between_two_sets_are_found(aecli: Run, codes: Path, mlp_run: Path, folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.npz"
    succeed("encode", folder / "more", "--model", mlp_run, "-o", other)
    result = aecli("duplicates", codes, other)
    assert result.heading == ["group", "kind", "file", "name", "label", "distance"]
    assert {row[2] for row in result.rows} == {str(codes), str(other)}
    listed = aecli("duplicates", codes, other, "--list").out.splitlines()
    assert sorted(listed) == [str(folder / "more" / "a copy.png"), str(folder / "more" / "b.png")]
    page = tmp_path / "page.html"
    assert aecli("duplicates", codes, other, "-o", page, "--images", folder, "--images", folder / "more").status == 0
    assert "Images in both sets" in page.read_text("utf-8")


def test_the_exit_status_tells_on_request(aecli: Run, codes: Path, tmp_path: Path) -> None:
    assert aecli("duplicates", codes, "--fail-on-duplicates").status == ExitStatus.ANOMALY
    clean = tmp_path / "clean.npz"
    save_codes(digit_codes(), clean)
    result = aecli("duplicates", clean, "--fail-on-duplicates")
    assert result.status == 0
    assert "0 groups" in result.err


def test_the_threshold_and_the_metric_change_what_is_found(aecli: Run, tmp_path: Path) -> None:
    path = tmp_path / "codes.npz"
    save_codes(digit_codes(), path)
    found = [
        aecli("duplicates", path, "--json", "--threshold", 0.6, "--metric", metric).document
        for metric in ("euclidean", "cosine")
    ]
    assert all(document["groups"] for document in found)
    assert found[0]["groups"] != found[1]["groups"]


@pytest.mark.parametrize("name", ["groups.png", "groups.html", "groups.htm"])
def test_grids_and_pages_show_the_images(name: str, aecli: Run, codes: Path, tmp_path: Path) -> None:
    output = tmp_path / name
    result = aecli("duplicates", codes, "-o", output)
    assert result.status == 0, result.err
    assert f"wrote {output}: 2 groups" in result.err
    if is_page(output):
        assert output.read_text("utf-8").count("<img ") == 4
    else:
        with Image.open(output) as image:
            assert image.size[0] > 300


def test_names_and_labels_stay_text_on_a_page(aecli: Run, tmp_path: Path) -> None:
    codes = digit_codes()
    assert codes.residual_l2 is not None
    twice = replace(
        codes,
        codes=codes.codes[[0, *range(359)]],
        residual_l2=codes.residual_l2[[0, *range(359)]],
        names=np.array(["<script>alert(1)</script>"] * 360),
        labels=np.zeros(360, np.int64),
        meta=replace(codes.meta, data="<b>gone.zip", class_names=["<i>zero</i>"]),
    )
    path, page = tmp_path / "codes.npz", tmp_path / "page.html"
    save_codes(twice, path)
    result = aecli("duplicates", path, "-o", page)
    assert result.status == 0, result.err
    content = page.read_text("utf-8")
    assert "The images are not shown" in content
    assert not any(tag in content for tag in ("<script", "<i>", "<b>", "<img"))


def test_a_collapsed_model_is_an_error(aecli: Run, tmp_path: Path) -> None:
    codes = digit_codes()
    path = tmp_path / "codes.npz"
    save_codes(replace(codes, codes=np.zeros_like(codes.codes)), path)
    result = aecli("duplicates", path)
    assert result.status == ExitStatus.INPUT
    assert "collapsed" in result.err
    assert result.out == ""


@pytest.mark.parametrize(
    ("words", "status", "noun"),
    [
        ("none.npz", ExitStatus.INPUT, "none.npz"),
        ("{codes} {codes} {codes}", ExitStatus.USAGE, "3 code files"),
        ("- -", ExitStatus.USAGE, "standard input"),
        ("{codes} {other}", ExitStatus.INPUT, "different models"),
        ("{codes} --threshold -1", ExitStatus.USAGE, "--threshold"),
        ("{codes} -0", ExitStatus.USAGE, "--null"),
        ("{codes} --list --json", ExitStatus.USAGE, "--list"),
        ("{codes} --images digits", ExitStatus.USAGE, "--images"),
        ("{codes} --images digits --images digits -o {out}/x.png", ExitStatus.USAGE, "--images"),
        ("{codes} -o {out}/x.png --images letters:test", ExitStatus.INPUT, "letters:test"),
        ("{other} -o {out}/x.png", ExitStatus.INPUT, "no duplicates"),
    ],
)
def test_bad_input_is_one_error(
    words: str,
    status: ExitStatus,
    noun: str,
    aecli: Run,
    codes: Path,
    tmp_path_factory: pytest.TempPathFactory,
    tmp_path: Path,
) -> None:
    other = tmp_path_factory.mktemp("other") / "other.npz"
    save_codes(digit_codes(), other)
    result = aecli("duplicates", *words.format(codes=codes, other=other, out=tmp_path).split())
    assert result.status == status, result.err
    assert noun in result.err
    assert result.out == ""
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_codes_that_are_not_finite_are_refused(aecli: Run, codes: Path, tmp_path: Path) -> None:
    loaded = load_codes(codes)
    values = loaded.codes.copy()
    values[3] = np.nan
    damaged = tmp_path / "damaged.npz"
    save_codes(replace(loaded, codes=values), damaged)
    for words in (["duplicates", damaged], ["search", codes, "--in", damaged]):
        assert aecli(*words).status == ExitStatus.INPUT
