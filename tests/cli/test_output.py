"""What programs read from every command: tables in all formats, and JSON that its published schema describes."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from aecli.cli.table_console import TableConsole
from aecli.cli.tables import TEXT_FORMATS
from aecli.errors import ExitStatus
from tests.cli.every_command import TABLES, Prepared, calls, prepare
from tests.command_line import Result, Run, registered_commands, run_here, succeed
from tests.fake_codec import FakeCodec

SCHEMA = json.loads((Path(__file__).parents[2] / "examples" / "output.schema.json").read_text("utf-8"))
TEXTS = {
    *("query", "name", "label", "true_label", "kind", "file", "features", "method", "path", "verdict", "run"),
    *("architecture", "code", "word", "splits", "summary"),
}
"""The columns of texts; all others have numbers, or true and false."""
FLAGS = {"best", "baseline", "available"}
SCORES_OF_CALIBRATE = "score"
"""A name in the table of calibrate, and a number in that of detect."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, conv_run: Path, mlp_run: Path, codes_file: Path) -> Prepared:
    return prepare(tmp_path_factory.mktemp("output"), conv_run, mlp_run, codes_file)


@pytest.fixture(autouse=True)
def few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `aecli report` compress a few images only, which is what takes time."""
    monkeypatch.setattr("aecli.reports.run.sizes.MOST_IMAGES", 2)


@pytest.fixture
def codec(monkeypatch: pytest.MonkeyPatch) -> FakeCodec:
    """Let every model be the same codec, for gray images of 8x8 pixels if they are a set."""
    fake = FakeCodec(size=(8, 8))
    monkeypatch.setattr("aecli.inference.codec.load_codec", lambda model, device="auto": fake)
    monkeypatch.setattr("aecli.checkpoint.ModelRef.is_codec", True)
    return fake


def require_success(result: Result) -> Result:
    assert result.status in {ExitStatus.DONE, ExitStatus.PARTIAL}, result.err
    return result


def closed(schema: Any) -> Any:
    """Return a schema that allows no keys but those it describes."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    copied = {key: closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and "type" in schema:
        copied.setdefault("additionalProperties", False)
    return copied


def require_valid(document: Any, name: str) -> None:
    """Check a document against the schema of a command, in which no key may be missing."""
    schema = {"$defs": closed(SCHEMA["$defs"]), "$ref": f"#/$defs/{name}"}
    errors = list(Draft202012Validator(schema).iter_errors(document))
    assert not errors, "; ".join(f"{error.json_path}: {error.message[:300]}" for error in errors)


def numbers_in(value: Any) -> Iterator[float]:
    """Yield all numbers in a JSON document."""
    if isinstance(value, Mapping):
        for each in value.values():
            yield from numbers_in(each)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for each in value:
            yield from numbers_in(each)
    elif isinstance(value, int | float):
        yield float(value)


def require_plain(records: Sequence[Mapping[str, str]], command: str) -> None:
    """Check that each cell of a column of numbers is a number, or empty."""
    for record in records:
        assert None not in record, "more cells than headings"
        for column, cell in record.items():
            assert column == column.lower()
            assert " " not in column
            if column in FLAGS:
                assert cell in {"true", "false"}
            elif column not in TEXTS and not (column == SCORES_OF_CALIBRATE and command == "calibrate") and cell:
                float(cell)


def read(text: str, style: str) -> list[dict[str, str]]:
    if style == "csv":
        return list(csv.DictReader(io.StringIO(text)))
    return list(csv.DictReader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_read_back_by_the_csv_module(name: str, made: Prepared) -> None:
    for words in calls(made)[name]:
        tables = {
            style: read(require_success(run_here(name, *words, "--format", style, "-q")).out, style)
            for style in TEXT_FORMATS
        }
        require_plain(tables["csv"], name)
        assert [*map(set, tables["csv"])] == [*map(set, tables["tsv"])]
        assert len(tables["csv"]) == len(tables["tsv"]) > 0 or name == "duplicates"


@pytest.mark.parametrize("name", TABLES)
def test_all_tables_have_the_same_options(name: str) -> None:
    assert {"format", "no_header", "json"} <= {parameter.name for parameter in registered_commands()[name].params}


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLES)
def test_no_header_leaves_out_the_first_line(name: str, made: Prepared) -> None:
    words = (name, *calls(made)[name][-1], "-q")
    with_header, without = (
        require_success(run_here(*words, *more)).out.splitlines() for more in ((), ("--no-header",))
    )
    assert len(with_header) == len(without) + 1
    assert with_header[0].count("\t") >= 3
    assert with_header[0] not in without


@pytest.mark.slow
def test_csv_and_json_have_the_same_numbers(made: Prepared) -> None:
    for name in ("duplicates", "calibrate", "detect", "classify"):
        words = (name, *calls(made)[name][-1], "-q")
        documents = require_success(run_here(*words, "--format", "json")).documents
        in_json = set(numbers_in(documents))
        for record in read(require_success(run_here(*words, "--format", "csv")).out, "csv"):
            for column, cell in record.items():
                with suppress(ValueError):
                    if column not in {*TEXTS, "group"} and cell:
                        assert float(cell) in in_json, (name, column)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(registered_commands()))
def test_json_is_valid(name: str, made: Prepared) -> None:
    if name == "detect":  # which reads a file that calibrate writes
        run_here("calibrate", *calls(made)["calibrate"][0], "-q")
    if name == "info":
        for command in ("calibrate", "tsne", "export"):
            run_here(command, *calls(made)[command][0], "-q")
    if name == "tsne":
        run_here(name, *calls(made)[name][0], "-q")
    for words in calls(made)[name]:
        for document in require_success(run_here(name, *words, "--json", export=True)).documents:
            require_valid(document, name)


@pytest.mark.slow
def test_json_of_archives_is_valid(codec: FakeCodec, made: Prepared, image_folder: Path, tmp_path: Path) -> None:
    model = ("--model", made.conv_run, "--json")
    archive, stream = tmp_path / "archive", tmp_path / "set.npz"
    encoding = ("encode", image_folder, *model, "-o")
    for words in ((archive,), (archive, "--list", "--overwrite"), (stream, "--entropy")):
        for document in succeed(*encoding, *words).documents:
            require_valid(document, "encode")
    for source, output in ((archive, "restored"), (stream, "grid.png")):
        require_valid(succeed("decode", source, *model, "-o", tmp_path / output).document, "decode")
    rows = read(succeed(*encoding[:-2], "-o", archive, "--list", "--overwrite", "--format", "csv").out, "csv")
    require_plain([{key: cell for key, cell in row.items() if key != "file"} for row in rows], "encode")
    assert len(rows) == 6


@pytest.mark.parametrize("words", [("--json",), ("--format", "json"), ("--format=json",)])
def test_an_error_is_valid_json(words: Sequence[str], aecli: Run) -> None:
    result = aecli("info" if words == ("--json",) else "compare", "missing", "missing-too", *words)
    require_valid(json.loads(result.err.splitlines()[-1]), "error")


def test_the_schema_describes_every_command() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert registered_commands().keys() <= SCHEMA["$defs"].keys()


@pytest.mark.parametrize("words", [("--format", "xml"), ("--json", "--format", "csv"), ("--json", "--no-header")])
def test_formats_that_do_not_fit_are_refused(words: Sequence[str], aecli: Run) -> None:
    result = aecli("datasets", *words)
    assert (result.status, result.out) == (ExitStatus.USAGE, "")


def test_the_format_table_is_for_people_in_a_pipe_too(aecli: Run) -> None:
    first, *_ = aecli("datasets", "--format", "table").out.splitlines()
    assert first.split() == ["word", "available", "splits", "description"]
    assert TableConsole(format="table").table_format == "table"
