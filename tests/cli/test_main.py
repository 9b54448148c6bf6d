"""Errors become one line, a hint and an exit status; with --json also an object, with --debug a traceback."""

import errno
import json
from pathlib import Path

import pytest

from aecli.errors import ExitStatus
from tests.command_line import Run


@pytest.mark.parametrize(
    "words", ["train dgits -o OUT", "encode digits", "info none", "decode CODES --model none -o OUT.png"]
)
def test_json_prints_the_error_as_an_object_too(
    words: str, codes_file: Path, aecli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = aecli(*words.replace("CODES", str(codes_file)).split(), "--json")
    *lines, last = result.err.splitlines()
    document = json.loads(last)
    assert document["exit"] == result.status > 0
    assert lines[0] == f"error: {document['error']}"
    assert document["hint"] is None or lines[1] == f"hint: {document['hint']}"
    assert result.out == ""


def test_an_invalid_value_is_a_usage_error_in_an_option_and_an_input_error_in_a_file(
    aecli: Run, tmp_path: Path
) -> None:
    (tmp_path / "invalid.toml").write_text("[training]\nepochs = 0\n")
    for options, status in (
        (("--epochs", "0"), ExitStatus.USAGE),
        (("--set", "training.epochs=0"), ExitStatus.USAGE),
        (("--recipe", tmp_path / "invalid.toml"), ExitStatus.INPUT),
    ):
        result = aecli("train", "digits", "-o", tmp_path / "run", *options)
        assert result.status == status
        assert "training.epochs" in result.err
        assert ("--help" in result.err) == (status == ExitStatus.USAGE)


def test_debug_prints_a_traceback_before_the_error(aecli: Run, tmp_path: Path) -> None:
    result = aecli("info", tmp_path / "none", "--debug")
    assert result.status == ExitStatus.INPUT
    assert "Traceback" in result.err
    assert result.err.splitlines()[-2].startswith("error: ")


def test_an_unexpected_exception_is_reported_as_a_bug(
    aecli: Run, conv_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path) -> None:
        raise AssertionError("first line\nsecond line")

    monkeypatch.setattr("aecli.reports.describe.describe", fail)
    result = aecli("info", conv_run)
    assert result.status == ExitStatus.BUG
    error, hint = result.err.splitlines()
    assert error.startswith("error: ")
    assert "bug" in error
    assert "AssertionError: first line" in error
    assert "second line" not in error
    assert "--debug" in hint


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp:124] . DefaultCPUAllocator: can't allocate memory"),
        OSError(errno.ENOSPC, "No space left on device"),
    ],
    ids=["memory", "torch", "disk"],
)
def test_too_little_memory_or_disk_space_is_not_a_bug(
    error: Exception, aecli: Run, conv_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path) -> None:
        raise error

    monkeypatch.setattr("aecli.reports.describe.describe", fail)
    result = aecli("info", conv_run)
    assert result.status == ExitStatus.UNAVAILABLE
    assert len(result.err.splitlines()) == 2
