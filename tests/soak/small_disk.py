"""A small disk that fills and empties while commands write to it."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from threading import Event, Thread

from aecli.errors import ExitStatus
from tests.faults.failing import is_one_error
from tests.faults.resuming import require_readable
from tests.faults.starving import small_disk
from tests.faults.writers import TINY, Tree, each_file_complete, old_or_new, tree
from tests.soak.actor import Actor
from tests.soak.material import Material

MOST_ROOM = 100_000
"""Bytes that are left on the full disk: some files fit, others do not."""
MOST_SECONDS = 2.0
"""For which the disk is full, or empty."""
HEATMAPS = 4
"""Images with heatmaps, each of which takes long to draw."""


@dataclass(frozen=True)
class Command:
    """A command that writes version 0 or 1 of its output."""

    name: str
    words: Callable[[Path, int], tuple[object, ...]]
    """The words by the output and the version."""
    allowed: Callable[[Tree, Tree, Tree], bool]
    """Return whether these files may remain if the disk was full, given the files of both versions."""
    suffix: str = ""
    """Of the output; none for a folder."""


def commands(material: Material) -> list[Command]:
    """Return the commands."""
    models = (material.run, material.other_run)
    codes = [material.folder / f"codes{version}.npz" for version in (0, 1)]
    digits = sorted(material.digits.iterdir())
    heatmaps = digits[:HEATMAPS]  # of the same images, as the files of others would stay
    return [
        Command(
            "encode",
            lambda out, version: ("encode", "digits:test", "--model", models[version], "-o", out),
            old_or_new,
            ".npz",
        ),
        Command(
            "encode into an archive",
            lambda out, version: (
                *("encode", f"{material.photographs}:test@flower", "--model", material.codec, "-o", out),
                *("--rate", version, "--overwrite"),
            ),
            each_file_complete,
        ),
        Command(
            "train",
            lambda out, version: ("train", "digits:train", *TINY, "--seed", version, "-o", out, "--overwrite"),
            any_epochs_of_a_run,
        ),
        Command(
            "decode",
            lambda out, version: ("decode", codes[version], "--model", models[version], "-o", out, "--overwrite"),
            each_file_complete,
        ),
        Command(
            "detect --heatmaps",
            lambda out, version: ("detect", *heatmaps, "--model", models[version], "--heatmaps", out),
            each_file_complete,
        ),
    ]


def any_epochs_of_a_run(found: Tree, old: Tree, new: Tree) -> bool:
    """Return whether the files have the names of those of a run, which may have stopped after any epoch."""
    return found.keys() <= old.keys() | new.keys() | {"last.ckpt"}


class SmallDisk(Actor):
    """Commands end with complete output, or with an error of one line and the old output."""

    succeeded = 0
    refused = 0

    def prepare(self) -> None:
        for version, run in enumerate((self.material.run, self.material.other_run)):
            self.succeed("encode", "mnist5k:test@7", "--model", run, "-o", self.material.folder / f"codes{version}.npz")
        self.commands = commands(self.material)
        self.expected = [[self._write(command, version) for version in (0, 1)] for command in self.commands]
        self.stack = ExitStack()
        self.disk = self.place / "disk"
        self.is_mounted = self.stack.enter_context(small_disk(self.disk))
        self.stack.enter_context(filling_and_emptying(self.disk, Random(self.random.random())))

    def round(self) -> None:
        for command, versions in zip(self.commands, self.expected, strict=True):
            folder = self.disk / command.name
            before = tree(folder)
            version = int(before == versions[0])
            done = self.run(
                *(*command.words(folder / f"output{command.suffix}", version), "--quiet"),
                prefix=() if self.is_mounted else self._size_limit(),
            )
            found = tree(folder)
            if done.status == ExitStatus.DONE:
                self.succeeded += 1
                if found != versions[version]:
                    self.find(f"{command.name}: status 0, but other files than on a large disk: {_names(found)}")
                continue
            self.refused += 1
            if done.status != ExitStatus.UNAVAILABLE or not is_one_error(done.err):
                self.find(f"{command.name}: exit status {done.status}: {done.err}")
            if not command.allowed(found, before, versions[version]):
                self.find(f"{command.name}: neither the old nor the new files: {_names(found)}, {done.err}")
            if command.allowed is any_epochs_of_a_run:
                require_readable(folder / "output")

    def finish(self) -> None:
        self.stack.close()

    def summary(self) -> str:
        where = "on a disk of 4 MiB" if self.is_mounted else "with a size limit"
        return f"{self.succeeded:,} commands succeeded and {self.refused:,} were refused {where}"

    def _write(self, command: Command, version: int) -> Tree:
        """Return the output on a disk that is large enough."""
        folder = self.place / "expected" / f"{command.name} {version}"
        self.succeed(*command.words(folder / f"output{command.suffix}", version), "--quiet")
        return tree(folder)

    def _size_limit(self) -> tuple[str, ...]:
        """Return a command that limits the size of files, or does not."""
        limit = self.random.choice(["unlimited", "1", str(self.random.randrange(1, MOST_ROOM >> 10))])
        return ("bash", "-c", 'ulimit -f "$0" && exec "$@"', limit)


@contextmanager
def filling_and_emptying(disk: Path, random: Random) -> Iterator[None]:
    """Fill a disk and empty it again and again, in a thread."""
    over = Event()
    thread = Thread(target=_fill_and_empty, args=(disk / "ballast", random, over))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _fill_and_empty(ballast: Path, random: Random, over: Event) -> None:
    while not over.wait(random.uniform(0, MOST_SECONDS)):
        with suppress(OSError):  # a command has taken the room meanwhile
            free = shutil.disk_usage(ballast.parent).free
            ballast.write_bytes(bytes(max(0, free - random.randrange(MOST_ROOM))))
        over.wait(random.uniform(0, MOST_SECONDS))
        ballast.unlink(missing_ok=True)


def _names(found: Tree) -> str:
    return ", ".join(f"{name} ({len(content)} bytes)" for name, content in found.items()) or "none"
