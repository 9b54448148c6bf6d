"""A process that ends at once has run its exit handlers and written its output, and keeps its status."""

import subprocess
import sys
from pathlib import Path

import pytest

LEAVE = "from aecli.runtime.python_internals import leave_at_once\n"
UNLOADED = "class Late:\n    def __del__(self): print('unloaded')\nlate = Late()\n"


def run(code: str) -> tuple[int, list[str]]:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, timeout=60)
    return done.returncode, done.stdout.decode().split()


def test_exit_handlers_run_and_the_rest_does_not() -> None:
    code = LEAVE + UNLOADED + "import atexit; atexit.register(print, 'handler'); print('output')\nleave_at_once(3)"
    assert run(code) == (3, ["output", "handler"])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize(("status", "expected"), [(6, 6), (0, 120)])
def test_a_full_disk_keeps_the_status_of_an_error(status: int, expected: int) -> None:
    code = LEAVE + "import sys\nsys.stdout = open('/dev/full', 'w')\nprint('output')\n" + f"leave_at_once({status})"
    assert run(code)[0] in (expected, status)


@pytest.mark.parametrize(
    "reason",
    [
        "import threading; waiting = threading.Event()\nthreading.Thread(target=waiting.wait).start()\n",
        "import sys; sys.stderr.close()\n",
    ],
    ids=["a thread", "a closed stream"],
)
def test_an_ordinary_exit_follows_if_something_is_left(reason: str) -> None:
    code = LEAVE + UNLOADED + reason + "leave_at_once(3)\nprint('ordinary')\n"
    code += "waiting.set()" if "waiting" in reason else ""
    assert run(code) == (0, ["ordinary", "unloaded"])
