"""Stop writers with signals at random moments."""

import os
import signal
import struct
import time
from contextlib import suppress
from itertools import count
from pathlib import Path
from random import Random

from tests.faults.children import fork, in_child
from tests.faults.findings import Row
from tests.faults.writers import Tree, Writer, tree

UNFINISHED = ".part"
MOMENT = 0.002
"""Seconds in which most writers complete a file that they have started."""


def stop(writer: Writer, number: signal.Signals, times: int, folder: Path, random: Random) -> Row:
    """Stop the writer repeatedly while it overwrites one version with the other, and check what it leaves."""
    place = folder / "place"
    versions = in_child(lambda: write_versions(writer, folder))
    findings: list[str] = []
    for turn in range(times):
        child = fork(lambda pipe: _write_repeatedly(writer, place, versions, pipe))
        if not (seconds := child.read()):
            findings.append("the next run did not give the expected files")
            child.wait()
            continue
        if turn % 2:
            wait_for_unfinished(place)
            time.sleep(random.random() * MOMENT)
        else:
            time.sleep(random.random() * 2 * struct.unpack("d", seconds)[0])
        child.send(number)
        status = child.wait()
        if status != (-number if number == signal.SIGKILL else 128 + number):
            findings.append(f"exit status {status}")
        found = tree(place)
        finished = {path: content for path, content in found.items() if UNFINISHED not in path}
        if number != signal.SIGKILL and found != finished:
            findings.append(f"temporary files remain: {', '.join(sorted(found.keys() - finished.keys()))}")
        if not writer.allowed(finished, *versions):
            findings.append(f"neither the old nor the new version: {', '.join(finished)}")
    return Row(f"{number.name}, {writer.name}", times, findings)


def write_versions(writer: Writer, folder: Path) -> tuple[Tree, Tree]:
    """Write each version into an empty folder; return the files of both."""
    trees = []
    for version in (0, 1):
        place = folder / f"version{version}"
        writer.prepare(place)
        writer.write(place, version)
        trees.append(tree(place))
    return trees[0], trees[1]


def _write_repeatedly(writer: Writer, place: Path, versions: tuple[Tree, Tree], pipe: int) -> None:
    """Overwrite what a stopped process left; then send the duration of a write, and write on until killed."""
    parent = os.getppid()
    for turn in count():
        if os.getppid() != parent:
            return
        started = time.monotonic()
        writer.prepare(place)
        writer.write(place, turn % 2)
        if turn == 0 and tree(place) != versions[0]:
            return
        if turn == 1:
            os.write(pipe, struct.pack("d", time.monotonic() - started))


def wait_for_unfinished(place: Path) -> None:
    """Wait until a writer starts a file in the folder, at most one second."""
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline:
        with suppress(OSError):  # the writer renames files meanwhile
            if any(place.glob(f"**/.*{UNFINISHED}")):
                return
        time.sleep(MOMENT / 10)
