"""Signals that come when what they raise is lost, or while a command cleans up."""

from collections.abc import Callable

import pytest

STOPPED = """
import os, signal, sys, time
from aecli.cli.main import _interrupt
from aecli.errors import Interrupted
signal.signal(signal.SIGTERM, _interrupt)

class Loses:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)

def swallows():
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        work()
    except BaseException:  # as C++ does
        pass

def work():
    while True:
        time.sleep(0.01)
"""


@pytest.mark.parametrize("call", ["Loses()", "swallows()"])
def test_a_signal_is_not_lost_where_what_is_raised_is_dropped(call: str, python: Callable) -> None:
    code = f"{STOPPED}{call}\ntry:\n    work()\nexcept Interrupted as stop:\n    print(stop.status.name)\n"
    assert python(code) == "TERMINATED\n"


def test_it_does_not_cut_off_the_clean_up(python: Callable) -> None:
    code = STOPPED + (
        "try:\n    os.kill(os.getpid(), signal.SIGTERM)\n    work()\n"
        "except Interrupted:\n    time.sleep(0.6)\n    print('clean')\n"
    )
    assert python(code) == "clean\n"


def test_what_is_let_go_removes_its_files(python: Callable, tmp_path) -> None:
    """A signal between a context manager and its block leaves a generator that ends only with the traceback."""
    code = STOPPED + (
        "from pathlib import Path\nfrom aecli.unfinished import unfinished_file\n"
        "def write():\n"
        "    manager = unfinished_file(Path(sys.argv[1]) / 'codes.npz')\n"
        "    manager.__enter__()\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n    work()\n"
        "try:\n    write()\nexcept Interrupted:\n    pass\n"
        "print(os.listdir(sys.argv[1]))\n"
    )
    assert python(code, tmp_path) == "[]\n"
