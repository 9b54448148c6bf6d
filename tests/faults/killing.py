"""Writers are stopped by signals at random moments."""

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
"""Seconds within which most writers are done with a file that they began."""


def stop(writer: Writer, number: signal.Signals, times: int, folder: Path, random: Random) -> Row:
    """Stop the writer again and again while it writes one version over the other, and see what it leaves."""
    place = folder / "place"
    versions = in_child(lambda: written(writer, folder))
    findings: list[str] = []
    for turn in range(times):
        child = fork(lambda pipe: _write_on(writer, place, versions, pipe))
        if not (said := child.read()):
            findings.append("something else than its result was there after the next run")
            child.wait()
            continue
        if turn % 2:
            wait_for_unfinished(place)
            time.sleep(random.random() * MOMENT)
        else:
            time.sleep(random.random() * 2 * struct.unpack("d", said)[0])
        child.send(number)
        ended = child.wait()
        if ended != (-number if number == signal.SIGKILL else 128 + number):
            findings.append(f"it ended with {ended}")
        found = tree(place)
        whole = {path: content for path, content in found.items() if UNFINISHED not in path}
        if number != signal.SIGKILL and found != whole:
            findings.append(f"it left {', '.join(sorted(found.keys() - whole.keys()))}")
        if not writer.allowed(whole, *versions):
            findings.append(f"neither old nor new: {', '.join(whole)}")
    return Row(f"{number.name}, {writer.name}", times, findings)


def written(writer: Writer, folder: Path) -> tuple[Tree, Tree]:
    """Return what the place holds after each version was written into an empty one."""
    trees = []
    for version in (0, 1):
        place = folder / f"version{version}"
        writer.prepare(place)
        writer.write(place, version)
        trees.append(tree(place))
    return trees[0], trees[1]


def _write_on(writer: Writer, place: Path, versions: tuple[Tree, Tree], pipe: int) -> None:
    """Write over what a stopped process left; if nothing of that is there any more, say so and write on for ever."""
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
    """Wait until a writer begins a file in the place, a second at most."""
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline:
        with suppress(OSError):  # the writer renames what is looked at
            if any(place.glob(f"**/.*{UNFINISHED}")):
                return
        time.sleep(MOMENT / 10)
