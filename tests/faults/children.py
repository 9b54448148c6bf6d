"""Run functions in forked processes, which start in milliseconds because everything is imported already."""

import os
import pickle
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, cast

from aecli.cli.main import _interrupt, stops
from aecli.errors import Interrupted

Result = TypeVar("Result")
STOPS = (signal.SIGINT, signal.SIGTERM)
TIMEOUT = 300
"""Seconds after which a child counts as hanging."""


@dataclass
class Child:
    """A forked process and the read end of a pipe from it."""

    pid: int
    pipe: int

    def read(self) -> bytes:
        """Wait for the next bytes from the child; return nothing if it has ended."""
        return os.read(self.pipe, 1 << 16)

    def send(self, number: int) -> None:
        os.kill(self.pid, number)

    def wait(self) -> int:
        """Wait until the child ends; return the exit status, or the negative number of the signal.

        Raises:
            RuntimeError: the child did not end in time.
        """
        deadline = time.monotonic() + TIMEOUT
        while not (result := os.waitpid(self.pid, os.WNOHANG))[0]:
            if time.monotonic() > deadline:
                self.send(signal.SIGKILL)
                os.waitpid(self.pid, 0)
                raise RuntimeError("a child did not end")
            time.sleep(0.0005)
        os.close(self.pipe)
        return os.waitstatus_to_exitcode(result[1])


def fork(work: Callable[[int], None]) -> Child:
    """Run `work`, with the write end of a pipe, in a forked process that handles signals as `aecli` does."""
    sys.stdout.flush()
    sys.stderr.flush()
    receiver, sender = os.pipe()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)  # until the child has its handlers
    pid = os.fork()
    if pid:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        os.close(sender)
        return Child(pid, receiver)
    status = 1
    try:
        os.close(receiver)
        for number in STOPS:
            signal.signal(number, _interrupt)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        work(sender)
        status = 0
    except Exception:
        if stops:  # as in aecli.cli.main
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
    """Run `work` in a forked process and return its result.

    Raises:
        RuntimeError: the process failed.
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
    return cast(Result, pickle.loads(content))
