"""Codes as `.csv` and `.parquet`."""

import csv
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

from aecli.codes import CodeBatches, Codes, load_codes
from aecli.codes.table import WRITERS, column_names, save_table
from aecli.errors import ExitStatus, UnavailableError
from tests.command_line import Run, succeed


@pytest.fixture(scope="module")
def codes(codes_file: Path) -> Codes:
    return load_codes(codes_file)


def batched(codes: Codes) -> CodeBatches:
    """Return the same codes in two batches."""
    assert codes.residual_l2 is not None
    parts = (slice(0, 100), slice(100, len(codes)))
    batches = [(codes.codes[part], codes.residual_l2[part]) for part in parts]
    return CodeBatches(codes.codes.shape, batches, codes.names, codes.meta, codes.labels)


def test_both_tables_hold_the_codes_bit_by_bit(codes: Codes, tmp_path: Path) -> None:
    assert codes.labels is not None
    assert codes.residual_l2 is not None
    for suffix in WRITERS:
        save_table(batched(codes), tmp_path / f"codes{suffix}")
    table = parquet.read_table(tmp_path / "codes.parquet")
    assert (
        table.column_names == column_names((4, 2, 2)) == ["name", "label", "residual_l2", *(f"c{i}" for i in range(16))]
    )
    with (tmp_path / "codes.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    flat, classes = codes.codes.reshape(len(codes), -1), codes.meta.class_names
    assert [row["name"] for row in rows] == table["name"].to_pylist() == codes.names.tolist()
    assert [row["label"] for row in rows] == table["label"].to_pylist() == [classes[label] for label in codes.labels]
    for index in range(16):
        assert np.array_equal(np.array([row[f"c{index}"] for row in rows], np.float32), flat[:, index])
        assert np.array_equal(table[f"c{index}"].to_numpy(), flat[:, index])
    assert np.array_equal(np.array([row["residual_l2"] for row in rows], np.float32), codes.residual_l2)
    meta = json.loads(table.schema.metadata[b"aecli"])
    assert (meta["model_fingerprint"], meta["code_shape"]) == (codes.meta.model_fingerprint, [4, 2, 2])


def test_unknown_labels_are_missing_and_names_are_kept(codes: Codes, tmp_path: Path) -> None:
    names = np.array(['a,"b".png', "bad\udcff.png", "ü.png"])
    labels, meta = np.array([0, -1, 1]), replace(codes.meta, class_names=["bad\udcff", "b"])
    some = replace(
        codes, codes=codes.codes[:3], names=names, residual_l2=np.ones(3, np.float32), labels=labels, meta=meta
    )
    for suffix in WRITERS:
        save_table(batched(some), tmp_path / f"codes{suffix}")
    assert parquet.read_table(tmp_path / "codes.parquet")["label"].to_pylist() == ["bad\\udcff", None, "b"]
    with (tmp_path / "codes.csv").open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        rows = list(csv.reader(file))[1:]
    assert [row[0] for row in rows] == names.tolist()
    assert [row[1] for row in rows] == ["bad\udcff", "", "b"]


def test_encode_writes_tables(conv_run: Path, tmp_path: Path) -> None:
    for suffix in WRITERS:
        succeed("encode", "digits:test@1", "--model", conv_run, "-o", tmp_path / f"codes{suffix}")
    assert len((tmp_path / "codes.csv").read_text("utf-8").splitlines()) == 37
    assert parquet.read_table(tmp_path / "codes.parquet").num_rows == 36


@pytest.mark.parametrize("words", [("--bits", "8"), ("--entropy", "--bits", "8")])
def test_tables_hold_full_precision(words: tuple[str, ...], aecli: Run, conv_run: Path, tmp_path: Path) -> None:
    result = aecli("encode", "digits:test", "--model", conv_run, "-o", tmp_path / "codes.csv", *words)
    assert (result.status, list(tmp_path.iterdir())) == (ExitStatus.USAGE, [])


def test_a_table_is_no_code_file(aecli: Run, conv_run: Path, tmp_path: Path) -> None:
    succeed("encode", "digits:test@1", "--model", conv_run, "-o", tmp_path / "codes.csv")
    assert (
        aecli("decode", tmp_path / "codes.csv", "--model", conv_run, "-o", tmp_path / "x.png").status
        == ExitStatus.INPUT
    )


def test_without_pyarrow_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, codes: Codes, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UnavailableError, match="pyarrow"):
        save_table(batched(codes), tmp_path / "codes.parquet")
    assert not list(tmp_path.iterdir())
