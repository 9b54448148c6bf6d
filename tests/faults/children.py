"""Work in a forked process, which starts in milliseconds with all that was imported."""

import os
import pickle
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from aecli.cli.main import _interrupt, stops
from aecli.errors import Interrupted

Result = TypeVar("Result")
STOPS = (signal.SIGINT, signal.SIGTERM)
PATIENCE = 60
"""Seconds after which a child is taken to wait for ever."""


@dataclass
class Child:
    """A process that was forked, and the end of a pipe from it."""

    pid: int
    pipe: int

    def read(self) -> bytes:
        """Wait for what the child says next; nothing where it ended."""
        return os.read(self.pipe, 1 << 16)

    def send(self, number: int) -> None:
        os.kill(self.pid, number)

    def wait(self) -> int:
        """Wait for the end, at most a while; return the exit status, or minus the signal's number."""
        deadline = time.monotonic() + PATIENCE
        while not (ended := os.waitpid(self.pid, os.WNOHANG))[0]:
            if time.monotonic() > deadline:
                self.send(signal.SIGKILL)
                os.waitpid(self.pid, 0)
                raise RuntimeError("a child did not end")
            time.sleep(0.0005)
        os.close(self.pipe)
        return os.waitstatus_to_exitcode(ended[1])


def fork(work: Callable[[int], None]) -> Child:
    """Run the work, which is given a pipe to write to, in a process of its own that takes signals as `aecli` does."""
    sys.stdout.flush()
    sys.stderr.flush()
    reading, writing = os.pipe()
    held = signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)  # until the child knows what to do with them
    pid = os.fork()
    if pid:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)
        os.close(writing)
        return Child(pid, reading)
    status = 1
    try:
        os.close(reading)
        for number in STOPS:
            signal.signal(number, _interrupt)
        signal.pthread_sigmask(signal.SIG_SETMASK, held)
        work(writing)
        status = 0
    except Exception:
        if stops:  # as the program has it
            status = stops[0]
        else:
            traceback.print_exc()
    except Interrupted as stop:
        status = stop.status
    except SystemExit as stop:
        status = int(stop.code or 0)
    finally:
        os._exit(status)


def in_child(work: Callable[[], Result]) -> Result:
    """Return what the work comes to in a process of its own.

    Raises:
        RuntimeError: the process failed or died.
    """

    def report(pipe: int) -> None:
        with os.fdopen(pipe, "wb") as file:
            pickle.dump(work(), file)

    child = fork(report)
    content = b""
    while chunk := child.read():
        content += chunk
    if status := child.wait():
        raise RuntimeError(f"a child ended with {status}")
    result: Any = pickle.loads(content)
    return result
