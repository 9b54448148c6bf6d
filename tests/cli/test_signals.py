"""Signals end the command cleanly, even if their exception is dropped, replaced or raised during clean-up."""

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

SCRIPT = """
import os, signal, sys, time
from pathlib import Path
from aecli.cli import app
from aecli.cli.main import main
from aecli.storage.partial_files import unfinished_file

class StopsWhenDeleted:
    def __del__(self):  # Python drops exceptions raised here
        stop()

def drop_in_destructor():
    StopsWhenDeleted()

def stop():
    os.kill(os.getpid(), signal.SIGTERM)
    work()

def work():
    for _ in range(100):
        time.sleep(0.01)

def swallow():
    try:
        stop()
    except BaseException:  # as C++ code does
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

app.app = lambda *words, **options: (COMMAND, work(), print("continued"))
try:
    main([])
except SystemExit as end:
    print(end.code)
"""


@pytest.mark.parametrize("command", ["drop_in_destructor()", "swallow()"])
def test_a_signal_ends_the_command_although_its_exception_is_dropped(command: str, python: Callable[..., str]) -> None:
    assert python(SCRIPT.replace("COMMAND", command)) == f"{int(ExitStatus.TERMINATED)}\n"


@pytest.mark.slow
def test_a_signal_does_not_interrupt_the_clean_up(python: Callable[..., str]) -> None:
    assert python(SCRIPT.replace("COMMAND", "clean_up_slowly()")) == f"clean\n{int(ExitStatus.TERMINATED)}\n"


def test_a_signal_removes_unfinished_files(python: Callable[..., str], tmp_path: Path) -> None:
    """A signal between entering a context manager and its block leaves a generator, which the traceback keeps alive."""
    code = SCRIPT.replace("COMMAND", "open_a_file()") + "print(os.listdir(sys.argv[1]))\n"
    assert python(code, tmp_path) == f"{int(ExitStatus.TERMINATED)}\n[]\n"


def test_a_signal_that_a_library_replaced_by_another_error_is_reported_as_a_signal(
    aecli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def replace_exception(*words: object, **options: object) -> None:
        with suppress(Interrupted):
            signal.raise_signal(signal.SIGTERM)
        raise TypeError("incompatible function arguments")  # as pybind11 does below matplotlib

    monkeypatch.setattr("aecli.cli.app.app", replace_exception)
    result = aecli()
    assert (result.status, result.err) == (ExitStatus.TERMINATED, "terminated\n")


@pytest.mark.parametrize("function", ["print_error", "_stop_listening"])
def test_a_signal_while_an_error_is_printed_or_right_after_ends_the_command(
    function: str, aecli: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupted(*words: object) -> None:
        monkeypatch.setattr(program, function, original)
        signal.raise_signal(signal.SIGTERM)

    program = sys.modules["aecli.cli.main"]
    original = getattr(program, function)
    monkeypatch.setattr(program, function, interrupted)
    result = aecli("info", tmp_path / "none")
    assert result.status == ExitStatus.TERMINATED
    assert result.err.splitlines()[-1] == "terminated"


def test_a_signal_after_the_command_does_not_change_the_exit_status(python: Callable[..., str]) -> None:
    code = """
import atexit, os, signal
from aecli.cli.main import main

atexit.register(os.kill, os.getpid(), signal.SIGTERM)
try:
    main(["info"])
except SystemExit as stop:
    print(stop.code)
"""
    assert python(code) == f"{int(ExitStatus.USAGE)}\n"


def test_lightning_installs_no_signal_handlers(aecli: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from pytorch_lightning.trainer.connectors.signal_connector import _SignalConnector

    registered: list[object] = []
    monkeypatch.setattr(_SignalConnector, "_register_signal", lambda *arguments: registered.append(arguments))
    result = aecli("train", "digits", "--recipe", "mlp", "--epochs", "1", "-o", tmp_path / "run")
    assert result.status == 0, result.err
    assert not registered
