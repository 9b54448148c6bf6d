"""Signals that come while what they raise is lost, made another error of, or cleaned up after."""

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from aecli.errors import ExitStatus, Interrupted
from tests.command_line import Run

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals")

STOPPED = """
import os, signal, sys, time
from pathlib import Path
from aecli.cli import app
from aecli.cli.main import main
from aecli.storage.partial_files import unfinished_file

class Torn:
    def __del__(self):  # Python drops what is raised here
        stop()

def let_go():
    Torn()

def stop():
    os.kill(os.getpid(), signal.SIGTERM)
    work()

def work():
    for _ in range(100):
        time.sleep(0.01)

def swallow():
    try:
        stop()
    except BaseException:  # as C++ does
        pass

def clean_up_slowly():
    try:
        stop()
    finally:
        work()
        print("clean")

def open_a_file():
    manager = unfinished_file(Path(sys.argv[1]) / "codes.npz")
    manager.__enter__()
    stop()

app.app = lambda *words, **options: (COMMAND, work(), print("went on"))
try:
    main([])
except SystemExit as stopped:
    print(stopped.code)
"""


@pytest.mark.parametrize("command", ["let_go()", "swallow()"])
def test_a_signal_is_not_lost_where_what_it_raises_is_dropped(command: str, python: Callable[..., str]) -> None:
    assert python(STOPPED.replace("COMMAND", command)) == f"{int(ExitStatus.TERMINATED)}\n"


def test_it_does_not_cut_off_the_clean_up(python: Callable[..., str]) -> None:
    assert python(STOPPED.replace("COMMAND", "clean_up_slowly()")) == f"clean\n{int(ExitStatus.TERMINATED)}\n"


def test_what_is_let_go_removes_its_files(python: Callable[..., str], tmp_path: Path) -> None:
    """A signal between a context manager and its block leaves a generator that ends only with the traceback."""
    code = STOPPED.replace("COMMAND", "open_a_file()") + "print(os.listdir(sys.argv[1]))\n"
    assert python(code, tmp_path) == f"{int(ExitStatus.TERMINATED)}\n[]\n"


def test_one_that_a_library_made_another_error_of_is_told_as_a_signal(
    aecli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose_it(*words: object, **options: object) -> None:
        with suppress(Interrupted):
            signal.raise_signal(signal.SIGTERM)
        raise TypeError("incompatible function arguments")  # as pybind11 says below matplotlib

    monkeypatch.setattr("aecli.cli.app.app", lose_it)
    result = aecli()
    assert (result.status, result.err) == (ExitStatus.TERMINATED, "terminated\n")


@pytest.mark.parametrize("moment", ["print_error", "_stop_listening"])
def test_one_that_comes_while_an_error_is_told_or_just_after_it_ends_the_command(
    moment: str, aecli: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupted(*words: object) -> None:
        monkeypatch.setattr(program, moment, whole)
        signal.raise_signal(signal.SIGTERM)

    program = sys.modules["aecli.cli.main"]
    whole = getattr(program, moment)
    monkeypatch.setattr(program, moment, interrupted)
    result = aecli("info", tmp_path / "none")
    assert result.status == ExitStatus.TERMINATED
    assert result.err.splitlines()[-1] == "terminated"


def test_one_that_comes_once_the_command_has_ended_changes_nothing(python: Callable[..., str]) -> None:
    code = """
import atexit, os, signal
from aecli.cli.main import main

atexit.register(os.kill, os.getpid(), signal.SIGTERM)
try:
    main(["info"])
except SystemExit as ended:
    print(ended.code)
"""
    assert python(code) == f"{int(ExitStatus.USAGE)}\n"


def test_lightning_puts_no_handler_of_its_own_before_ours(
    aecli: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from pytorch_lightning.trainer.connectors.signal_connector import _SignalConnector

    put = []
    monkeypatch.setattr(_SignalConnector, "_register_signal", lambda *words: put.append(words))
    result = aecli("train", "digits", "--recipe", "mlp", "--epochs", "1", "-o", tmp_path / "run")
    assert result.status == 0, result.err
    assert not put
