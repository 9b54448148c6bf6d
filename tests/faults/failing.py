"""Make system calls fail: the first, second, ... call that writes to the disk, once or from then on."""

import errno
import io
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any
from unittest import mock

from aecli.errors import ExitStatus, UnavailableError
from tests.faults.children import in_child
from tests.faults.findings import Row
from tests.faults.killing import write_versions
from tests.faults.writers import Tree, Writer, aecli, tree

CALLS = ("open", "mkdir", "rename", "replace", "fsync", "ftruncate")
"""Functions of `os` that may fail. Removing files never fails: a full disk allows it."""
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Refusals:
    """Count the calls that write, and refuse call number `first`, or all calls from then on if `lasting`."""

    def __init__(self, first: int, *, lasting: bool, code: int):
        self.first, self.lasting, self.code = first, lasting, code
        self.calls = 0
        self.active = True

    def count(self) -> None:
        self.calls += self.active
        if self.active and (self.calls == self.first or (self.lasting and self.calls > self.first)):
            raise OSError(self.code, os.strerror(self.code))

    @property
    def refused(self) -> int:
        return max(0, self.calls - self.first + 1) if self.lasting else int(self.calls >= self.first)


@contextmanager
def refusing(refusals: Refusals) -> Iterator[None]:
    """Patch the writing calls of this process so that `refusals` counts and refuses them."""

    class Raw(io.FileIO):
        def write(self, content: Any) -> Any:
            refusals.count()
            return super().write(content)

    class Buffered(io.BufferedWriter):
        def flush(self) -> None:
            refusals.count()
            super().flush()

    def refusable(call: Callable[..., Any]) -> Callable[..., Any]:
        def refused(*arguments: Any, **options: Any) -> Any:
            if call is not real["open"] or arguments[1] & WRITING:
                refusals.count()
            return call(*arguments, **options)

        return refused

    def opened(file: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        if mode != "wb":
            return real_open(file, mode, *arguments, **options)
        refusals.count()
        return Buffered(Raw(file, "wb"))

    real = {name: getattr(os, name) for name in CALLS}
    real_open = io.open
    with ExitStack() as stack:
        for name, call in real.items():
            stack.enter_context(mock.patch.object(os, name, refusable(call)))
        for place in ("io.open", "builtins.open"):
            stack.enter_context(mock.patch(place, opened))
        yield


def refuse(writer: Writer, folder: Path) -> list[Row]:
    """Refuse each call of the writer in turn, once and permanently."""
    versions = in_child(lambda: write_versions(writer, folder))
    rows = []
    for lasting in (False, True):
        what = f"calls refused {'permanently' if lasting else 'once'}, {writer.name}"
        tried, findings = in_child(partial(_refuse_each, writer, folder / what, versions, lasting))
        rows.append(Row(what, tried, findings))
    return rows


def _refuse_each(writer: Writer, place: Path, versions: tuple[Tree, Tree], lasting: bool) -> tuple[int, list[str]]:
    findings = []
    for first in count(1):
        writer.prepare(place)
        writer.write(place, 0)
        writer.prepare(place)
        refusals = Refusals(first, lasting=lasting, code=(errno.EIO, errno.ENOSPC)[first % 2])
        raised = False
        with refusing(refusals):
            try:
                writer.write(place, 1)
            except UnavailableError:
                raised = True
            except Exception as error:
                findings.append(f"call {first}: {type(error).__name__}: {error}")
            refusals.active = False
        if not refusals.refused:
            return first - 1, findings
        found = tree(place)
        if not raised and found != versions[1]:
            findings.append(f"call {first}: neither an error nor the new version")
        if not writer.allowed(found, *versions):
            findings.append(f"call {first}: neither the old nor the new version: {', '.join(found)}")
    raise AssertionError


def refuse_training(folder: Path, step: int) -> Iterator[Row]:
    """Refuse every `step`-th call of `aecli train`, which must report each one with one error line and a hint."""
    import aecli.training.fit  # noqa: F401  once, before the children are forked

    for lasting in (False, True):
        what = f"calls refused {'permanently' if lasting else 'once'}, training"
        tried, findings = 0, list[str]()
        for first in count(1, step):
            run = folder / f"{what} {first}"
            refusals, status, output = in_child(partial(_train, run, first, lasting))
            if not refusals.refused:
                break
            tried += 1
            leftovers = [path.name for path in run.rglob(".*")]
            if status not in {ExitStatus.DONE, ExitStatus.UNAVAILABLE} or leftovers:
                findings.append(f"call {first}: {status}, {output}{leftovers}")
            elif status and not is_one_error(output):
                findings.append(f"call {first}: {output}")
        yield Row(what, tried, findings)


def is_one_error(output: str) -> bool:
    """Return whether a command printed one error and its hint, after warnings about its short training."""
    lines = [line for line in output.splitlines() if not line.startswith("warning: ")]
    return len(lines) == 2 and lines[0].startswith("error: cannot write") and lines[1].startswith("hint: ")


def _train(run: Path, first: int, lasting: bool) -> tuple[Refusals, int, str]:
    refusals = Refusals(first, lasting=lasting, code=(errno.EIO, errno.ENOSPC)[first % 2])
    words = ("train", "digits@0", "--device", "cpu", "--epochs", "2", "--quiet", "--no-export", "--recipe", "mlp")
    errors = io.StringIO()
    with refusing(refusals), redirect_stderr(errors):
        status = aecli(*words, "--set", "model.arguments.code=2", "-o", run)
        refusals.active = False
    return refusals, status, errors.getvalue()
