"""`aecli knn-probe`: from two code files to a table, JSON and a plot."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aecli.analyses.knn_probe.options import METHODS
from aecli.codes import load_codes, save_codes
from tests.command_line import Result, Run

QUICK = ("--labels", "20", "--draws", "3", "--methods", "knn-euclidean")


@pytest.fixture(scope="module")
def train_file(conv_run: Path, tmp_path_factory: pytest.TempPathFactory, aecli: Run) -> Path:
    path = tmp_path_factory.mktemp("probe") / "train.npz"
    assert aecli("encode", "digits:train", "--model", conv_run, "-o", path).status == 0
    return path


def changed(source: Path, target: Path, **changes: Any) -> Path:
    """Save the codes of `source` with changed fields, of the codes or their metadata, to `target`."""
    codes = load_codes(source)
    meta = {name: changes.pop(name) for name in list(changes) if hasattr(codes.meta, name) and name != "codes"}
    save_codes(replace(codes, meta=replace(codes.meta, **meta), **changes), target)
    return target


def document(result: Result) -> dict[str, Any]:
    assert result.status == 0, result.err
    parsed: dict[str, Any] = json.loads(result.out)
    return parsed


@pytest.mark.slow
def test_the_table_has_all_combinations_and_marks_the_best(aecli: Run, train_file: Path, codes_file: Path) -> None:
    result = aecli("knn-probe", train_file, codes_file, "--labels", "10,100", "--draws", "3")
    assert result.status == 0, result.err
    rows = result.records
    assert len(rows) == 2 * 4 * len(METHODS)
    for count in ("10", "100"):
        of_count = [row for row in rows if row["labels"] == count]
        best = max(of_count, key=lambda row: float(row["accuracy"]))
        assert [row["accuracy"] for row in of_count if row["best"] == "true"] == [best["accuracy"]]


def test_codes_are_better_than_chance_and_the_json_is_complete(aecli: Run, train_file: Path, codes_file: Path) -> None:
    found = document(aecli("knn-probe", train_file, codes_file, "--labels", "100", "--draws", "4", "--json"))
    assert {row["features"] for row in found["accuracies"]} == {"codes", "pixels", "pca", "untrained"}
    assert 0.1 < found["chance"] < 0.12
    assert all(row["mean"] > 0.4 and len(row["draws"]) == 4 for row in found["accuracies"])
    assert all(low < row["mean"] < high for row in found["accuracies"] for low, high in [row["confidence_interval"]])
    assert found["protocol"]["seed"] == 0
    assert "training codes only" in found["protocol"]["in_words"]
    assert found["train"]["data"] == "digits:train"
    meta = load_codes(codes_file).meta
    assert found["test"]["fingerprint"] == meta.data_fingerprint
    assert found["model"] == meta.model_fingerprint
    assert found["dimensions"] == {"codes": 16, "pixels": 64, "pca": 16, "untrained": 16}


def test_codes_that_do_not_describe_their_network_are_probed_without_an_untrained_one(
    aecli: Run, train_file: Path, codes_file: Path, tmp_path: Path
) -> None:
    train = changed(train_file, tmp_path / "train.npz", network=None)
    result = aecli("knn-probe", train, codes_file, *QUICK)
    assert result.status == 0
    assert "note: no untrained network" in result.err
    assert [row["features"] for row in result.records] == ["codes", "pixels", "pca"]


def test_the_same_arguments_give_the_same_bytes(aecli: Run, train_file: Path, codes_file: Path) -> None:
    first, again = (aecli("knn-probe", train_file, codes_file, *QUICK, "--json") for _ in range(2))
    assert first.stdout == again.stdout


def test_the_plot_is_written_in_addition_to_the_table(
    aecli: Run, train_file: Path, codes_file: Path, tmp_path: Path
) -> None:
    result = aecli("knn-probe", train_file, codes_file, *QUICK, "-o", tmp_path / "probe.png")
    assert (tmp_path / "probe.png").read_bytes().startswith(b"\x89PNG")
    assert "knn-euclidean" in result.out


def test_a_plot_on_standard_output_replaces_the_table(aecli: Run, train_file: Path, codes_file: Path) -> None:
    result = aecli("knn-probe", train_file, codes_file, *QUICK, "-o", "-")
    assert result.stdout.startswith(b"\x89PNG")
    assert b"knn-euclidean" not in result.stdout


def test_training_codes_may_come_from_standard_input(aecli: Run, train_file: Path, codes_file: Path) -> None:
    result = aecli("knn-probe", "-", codes_file, *QUICK, stdin=train_file.read_bytes())
    assert result.out == aecli("knn-probe", train_file, codes_file, *QUICK).out


def test_without_baselines_only_codes_are_probed(aecli: Run, train_file: Path, codes_file: Path) -> None:
    result = aecli("knn-probe", train_file, codes_file, *QUICK, "--no-baselines")
    assert [line.split("\t")[1] for line in result.out.splitlines()[1:]] == ["codes"]
    assert "note" not in result.err


@pytest.mark.parametrize("meta", [{"data": "gone/images"}, {"data_fingerprint": "sha256:other"}])
def test_missing_or_changed_images_are_noted_and_only_codes_probed(
    aecli: Run, train_file: Path, codes_file: Path, tmp_path: Path, meta: dict[str, Any]
) -> None:
    train = changed(train_file, tmp_path / "train.npz", **meta)
    result = aecli("knn-probe", train, codes_file, *QUICK)
    assert result.status == 0
    assert "only codes" in result.err
    assert "pixels" not in result.out


def test_a_subset_in_another_order_finds_its_images_by_name(
    aecli: Run, train_file: Path, codes_file: Path, tmp_path: Path
) -> None:
    whole = load_codes(codes_file)
    rows = np.random.default_rng(0).permutation(len(whole))[:300]
    parts = {name: getattr(whole, name)[rows] for name in ("codes", "names", "residual_l2", "labels")}
    subset = changed(codes_file, tmp_path / "subset.npz", **parts)
    found = document(aecli("knn-probe", train_file, subset, *QUICK, "--labels", "200", "--json"))
    assert found["tested"] == 300
    means = {row["features"]: row["mean"] for row in found["accuracies"]}
    assert means["pixels"] > 0.8


def test_codes_without_an_image_of_their_name_are_probed_without_baselines(
    aecli: Run, train_file: Path, codes_file: Path, tmp_path: Path
) -> None:
    names = load_codes(codes_file).names.copy()
    names[3] = "other"
    result = aecli("knn-probe", train_file, changed(codes_file, tmp_path / "test.npz", names=names), *QUICK)
    assert "'other'" in result.err
    assert "pixels" not in result.out


def test_equal_training_and_test_codes_cause_a_warning(
    aecli: Run, train_file: Path, codes_file: Path, tmp_path: Path
) -> None:
    codes = load_codes(train_file).codes.copy()
    codes[:5] = load_codes(codes_file).codes[:5]
    train = changed(train_file, tmp_path / "train.npz", codes=codes)
    result = aecli("knn-probe", train, codes_file, *QUICK, "-q")
    assert "warning: 5 test codes" in result.err


def test_codes_that_do_not_fit_are_refused(aecli: Run, train_file: Path, codes_file: Path, tmp_path: Path) -> None:
    other = changed(train_file, tmp_path / "other.npz", model_fingerprint="sha256:other")
    unlabeled = changed(train_file, tmp_path / "unlabeled.npz", labels=None)
    copy = Path(shutil.copy(codes_file, tmp_path / "copy.npz"))
    (tmp_path / "damaged.npz").write_bytes(codes_file.read_bytes()[:500])
    for path, message in {
        other: "different models",
        unlabeled: "no code of TRAIN has a label",
        copy: "leak",
        codes_file: "leak",
        tmp_path / "damaged.npz": "not a code file",
        tmp_path / "none.npz": "no such",
    }.items():
        result = aecli("knn-probe", path, codes_file)
        assert (result.status, message in result.err) == (4, True), result.err
        assert not result.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--labels", "5000"], "1,438"),
        (["--labels", "few"], "'few'"),
        (["--labels", "10", "--neighbors", "11"], "11 neighbors"),
        (["--methods", "linaer"], "'linear'"),
        (["--draws", "0"], "--draws"),
        (["-o", "plot.gif"], ".png"),
    ],
)
def test_invalid_options_are_refused(
    aecli: Run, train_file: Path, codes_file: Path, words: list[str], message: str
) -> None:
    result = aecli("knn-probe", train_file, codes_file, *words)
    assert (result.status, message in result.err) == (2, True), result.err


def test_only_one_file_may_be_standard_input(aecli: Run) -> None:
    assert aecli("knn-probe", "-", "-").status == 2


def test_partly_labeled_codes_are_noted(aecli: Run, train_file: Path, codes_file: Path, tmp_path: Path) -> None:
    labels = load_codes(codes_file).labels
    assert labels is not None
    test = changed(codes_file, tmp_path / "test.npz", labels=np.where(np.arange(len(labels)) < 9, -1, labels))
    result = aecli("knn-probe", train_file, test, *QUICK, "--json")
    assert "9 of the 359 test codes" in result.err
    assert document(result)["tested"] == 350


def test_images_that_were_resized_for_the_model_are_baselines(aecli: Run, conv_run: Path, tmp_path: Path) -> None:
    files = [tmp_path / f"{split}.npz" for split in ("train", "test")]
    for file in files:
        assert aecli("encode", f"letters:{file.stem}", "--model", conv_run, "-o", file).status == 0
    result = aecli("knn-probe", *files, "--methods", "knn-euclidean", "--draws", "2", "--json")
    assert result.status == 0
    assert {row["features"] for row in json.loads(result.out)["accuracies"]} == {"codes", "pixels", "pca", "untrained"}
    assert "only codes" not in result.err
