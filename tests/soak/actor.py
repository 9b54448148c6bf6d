"""What all actors have in common: they repeat rounds in a folder of their own and collect findings."""

import sys
import traceback
from abc import ABC, abstractmethod
from pathlib import Path
from random import Random
from threading import Event

from tests.soak.commands import Done, aecli, run_command
from tests.soak.material import Material


class Actor(ABC):
    """Repeats rounds until the time is over, at least one."""

    def __init__(self, name: str, material: Material, place: Path, random: Random):
        self.name, self.material, self.place, self.random = name, material, place, random
        self.rounds = 0
        self.findings: list[str] = []

    def work(self, over: Event) -> None:
        """Repeat rounds until the time is over; an exception is a finding, which ends the rounds."""
        self.temporary.mkdir(parents=True)
        try:
            try:
                self.prepare()
                while not (self.rounds and over.is_set()):
                    self.round()
                    self.rounds += 1
            finally:
                self.finish()
        except Exception:
            self.find(traceback.format_exc())
        for path in self.temporary.iterdir():
            self.find(f"TMPDIR holds {path.name}")

    def prepare(self) -> None:  # noqa: B027  most actors need none
        """Do what the first round needs."""

    @abstractmethod
    def round(self) -> None:
        """Do the same as in every round, and check it."""

    def finish(self) -> None:  # noqa: B027  most actors need none
        """End what `prepare` has started, and check what all rounds together have left."""

    @abstractmethod
    def summary(self) -> str:
        """Return what all rounds together did, for the table."""

    @property
    def temporary(self) -> Path:
        """The TMPDIR of the commands."""
        return self.place / "tmp"

    def find(self, what: str) -> None:
        """Record a finding, and print it at once."""
        self.findings.append(what)
        print(f"{self.name}, round {self.rounds + 1}: {what}", file=sys.stderr, flush=True)

    def run(self, *words: object, prefix: tuple[str, ...] = ()) -> Done:
        """Run `aecli` in the folder of the actor."""
        return run_command([*prefix, *aecli(*words)], self.place)

    def succeed(self, *words: object) -> Done:
        """Run `aecli`; a status that is not 0 is a finding."""
        done = self.run(*words)
        if done.status:
            self.find(f"{' '.join(map(str, words))}: exit status {done.status}: {done.err}")
        return done
