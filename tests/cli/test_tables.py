"""Tables for people at several widths, and for programs."""

import csv
import io
from contextlib import redirect_stdout
from typing import Any

import pytest

from aecli.cli.console import PIPE_BYTES
from aecli.cli.table_console import FORMATS, Lines
from aecli.cli.tables import Column, csv_text, decimals_of, for_people, for_programs, tsv_text

COLUMNS = [
    Column("run"),
    Column("parameters"),
    Column("saved_percent", "saved", format=".2f", suffix="%"),
    Column("accuracy", format=".4f", has_interval=True),
    Column("is_best", "best", words=("*", "")),
    Column("auroc", "AUROC"),
]
ACCURACY = {"value": 0.992, "low": 0.9796, "high": 0.9969}
ROWS: list[dict[str, Any]] = [
    {"run": "conv", "parameters": 784000, "saved_percent": 0.0, "accuracy": ACCURACY, "is_best": True},
    {"run": "mlp", "parameters": 5, "saved_percent": -12.345, "accuracy": None, "is_best": False, "auroc": None},
]


def test_people_see_units_intervals_and_missing_values() -> None:
    assert for_people(COLUMNS, ROWS, None) == [
        "run   parameters    saved                   accuracy  best",
        "conv     784,000    0.00%  0.9920 (0.9796 to 0.9969)  *",
        "mlp            5  -12.35%                          -",
    ]
    assert for_people(COLUMNS, ROWS, None, heading=False)[0].startswith("conv ")


def test_programs_see_plain_numbers_in_columns_of_their_own() -> None:
    heading = [name for column in COLUMNS for name in column.names]
    assert heading[2:6] == ["saved_percent", "accuracy", "accuracy_low", "accuracy_high"]
    conv, mlp = for_programs(COLUMNS, ROWS)
    assert conv == ("conv", "784000", "0.0", "0.992", "0.9796", "0.9969", "true", "")
    assert mlp == ("mlp", "5", "-12.345", "", "", "", "false", "")


def test_a_wide_table_is_turned_or_folded() -> None:
    turned = for_people(COLUMNS, ROWS, 50)
    assert max(map(len, turned)) <= 50
    assert [line.split()[0] for line in turned] == ["run", "parameters", "saved", "accuracy", "best"]
    folded = for_people(COLUMNS, [dict(ROWS[0], run=f"run {index}") for index in range(9)], 50)
    assert max(map(len, folded)) <= 50
    assert [line.split()[:2] for line in folded if line.startswith("run  ")] == [
        ["run", "parameters"],
        ["run", "accuracy"],
    ]
    assert len(folded) == 2 * 10 + 1


def test_the_last_text_is_wrapped() -> None:
    columns = [Column("word"), Column("description")]
    lines = for_people(columns, [{"word": "digits", "description": "many words " * 20}] * 9, 60)
    assert max(map(len, lines)) <= 60
    assert all(line.startswith(("word ", "digits ", " " * 8)) for line in lines)


def test_long_names_are_never_cut() -> None:
    rows = [{"path": "a" * 200, "score": 1.5}] * 9
    assert all("a" * 200 in line for line in for_people([Column("path"), Column("score")], rows, 80)[1:])


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([4.64184], ["4.64184"]),
        ([5061.44, 0.118233], ["5061.4400", "0.1182"]),
        ([0.0, 0.1], ["0.000000", "0.100000"]),
        ([2826.68, 1e-9], ["2826.680000", "0.000000"]),
        ([123456789.0], ["123456789"]),
        ([float("inf"), 2.5], ["inf", "2.50000"]),
        ([], []),
    ],
)
def test_numbers_of_a_column_have_the_same_decimals(values: list[float], texts: list[str]) -> None:
    assert [format(value, decimals_of(values)) for value in values] == texts


def test_csv_is_quoted_and_tsv_is_not() -> None:
    cells = list(for_programs([Column("name"), Column("n")], [{"name": 'a,"b"\tc\nd', "n": 1}]))
    assert next(csv.reader(io.StringIO(csv_text(cells)))) == ['a,"b"\\tc\\nd', "1"]
    assert tsv_text(cells) == 'a,"b"\\tc\\nd\t1\n'


def test_headings_come_first_and_once(capsys: pytest.CaptureFixture[str]) -> None:
    for rows, has_heading, expected in (
        ([1, 2], True, ["n", "1", "2"]),
        ([1, 2], False, ["1", "2"]),
        ([], True, ["n"]),
        ([], False, []),
    ):
        lines = Lines([Column("n")], "tsv", has_heading=has_heading)
        lines.show([{"n": "1", "error": "left out"}])
        for row in rows:
            lines.show([{"n": row}])
        lines.finish()
        assert capsys.readouterr().out.splitlines() == expected


class Writes(io.RawIOBase):
    """Records each write of the process."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        self.written.append(bytes(content))
        return len(content)


@pytest.mark.parametrize("style", FORMATS)
def test_each_write_has_whole_lines_that_processes_do_not_tear_apart_in_a_pipe(style: str) -> None:
    writes, columns = Writes(), [Column("path"), Column("score")]
    with redirect_stdout(io.TextIOWrapper(io.BufferedWriter(writes), encoding="utf-8")):
        Lines(columns, style, has_heading=True).show([{"path": f"{n}é.png", "score": n / 7} for n in range(1000)])
    assert all(len(content) <= PIPE_BYTES and content.endswith(b"\n") for content in writes.written)
    assert b"".join(writes.written).count(b"\n") == 1000 + (style != "json")
    assert len(writes.written) < 100
