"""Standard input and output: codes through pipes, streams that are closed, damaged or endless."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from aecli.errors import ExitStatus
from tests.command_line import Run, run_in_shell, succeed

pytestmark = [pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell"), pytest.mark.slow]


def test_codes_and_images_go_through_pipes(aecli: Run, conv_run: Path, codes_file: Path, tmp_path: Path) -> None:
    encoded = succeed("encode", "digits:test", "--model", conv_run, "-o", "-")
    assert encoded.stdout == codes_file.read_bytes()
    decoded = aecli("decode", "-", "--model", conv_run, "-o", "-", stdin=encoded.stdout)
    assert decoded.status == 0, decoded.err
    succeed("decode", codes_file, "--model", conv_run, "-o", tmp_path / "direct.npz")
    assert (tmp_path / "direct.npz").read_bytes() == decoded.stdout


def test_the_json_report_goes_to_standard_error_if_the_codes_go_to_standard_output(
    conv_run: Path, codes_file: Path
) -> None:
    result = succeed("encode", "digits:test", "--model", conv_run, "-o", "-", "--json")
    assert result.stdout == codes_file.read_bytes()
    assert json.loads(result.err)["codes"] == 359


@pytest.mark.parametrize("stdin", [b"", b"x", b"PK\x03\x04"])
def test_decode_refuses_a_damaged_stream(stdin: bytes, aecli: Run, conv_run: Path, tmp_path: Path) -> None:
    result = aecli("decode", "-", "--model", conv_run, "-o", tmp_path / "grid.png", stdin=stdin)
    assert result.status == ExitStatus.INPUT
    assert result.err.startswith("error: ")
    assert not (tmp_path / "grid.png").exists()


def test_a_pipeline_of_two_processes(conv_run: Path, tmp_path: Path) -> None:
    aecli = f"{sys.executable} -m aecli"
    line = f"{aecli} encode digits:test -m {conv_run} -o - | {aecli} decode - -m {conv_run} -o {tmp_path}/grid.png"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", line], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert b"\x1b" not in done.stdout + done.stderr
    assert (tmp_path / "grid.png").exists()


@pytest.mark.parametrize("words", ["datasets", "datasets --json", "--help"])
def test_a_reader_that_exits_early_is_not_an_error(words: str) -> None:
    result = run_in_shell(*words.split(), redirection="| true")
    assert result.status in (0, ExitStatus.CLOSED_PIPE)  # whether all was written before the reader exited
    assert result.err == ""


def test_what_a_closed_pipe_has_cut_off_is_no_success(tmp_path: Path) -> None:
    """Nor is an anomaly that is found after the reader of the output has exited."""
    words = ("train", "digits", "-o", tmp_path / "run", "--recipe", "mlp", "--epochs", 3)
    result = run_in_shell(*words, redirection="2>&1 | head -n 1")
    assert result.status == ExitStatus.CLOSED_PIPE
    assert not (tmp_path / "run" / "model.safetensors").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize("words", ["datasets", "datasets --json"])
def test_a_full_disk_behind_standard_output_is_an_error(words: str) -> None:
    result = run_in_shell(*words.split(), redirection="> /dev/full")
    assert result.status == ExitStatus.UNAVAILABLE
    assert result.err.startswith("error: no space left")
    assert "Exception" not in result.err


@pytest.mark.parametrize("redirection", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", "| head -c 1"])
@pytest.mark.long
def test_a_closed_stream_is_not_an_error(redirection: str, onnx_file: Path) -> None:
    commands = (("detect", "digits:test", "--model", onnx_file), ("info", onnx_file), ("datasets",), ("--help",))
    for words in commands if ">&-" in redirection.split() else commands[:2]:
        result = run_in_shell(*words, redirection=redirection)
        assert result.status in ((0, ExitStatus.CLOSED_PIPE) if "|" in redirection else (0,)), result.err
        assert "Traceback" not in result.err
        assert "error" not in result.err


@pytest.mark.parametrize(
    "words", ["decode - --model RUN -o OUT.png", "info -", "tsne - -o OUT.png", "detect --files-from - --model RUN"]
)
def test_an_endless_standard_input_is_refused(words: str, conv_run: Path, tmp_path: Path) -> None:
    words = words.replace("RUN", str(conv_run)).replace("OUT", str(tmp_path / "out"))
    with Path("/dev/zero").open("rb") as endless:
        done = subprocess.run(
            [sys.executable, "-m", "aecli", *words.split()],
            stdin=endless,
            capture_output=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == ExitStatus.INPUT, done.stderr
