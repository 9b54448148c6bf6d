"""Trainings that signals stop at random moments, and that are resumed until they are finished."""

import shutil
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

from tests.faults.resuming import (
    EPOCH_LINE,
    MLP,
    Digests,
    Training,
    check_stopped,
    differences,
    digests,
    options_of,
    repeated_epochs,
)
from tests.soak.actor import Actor
from tests.soak.commands import TIMEOUT, aecli, environment
from tests.soak.processes import handles

CONV = Training(
    "training of conv",
    (
        *("train", "mnist5k", "--device", "cpu", "--epochs", "20", "--recipe", "conv"),
        *("--set", "corruption.gaussian=0.2"),
    ),
)
TRAININGS = (MLP, CONV)
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
MOST_OF_TRAINING = 0.75
"""The fraction of the time of a training after which it is stopped at the latest."""
MOST_STOPS = 8
"""Of one run, which would otherwise never end on a busy machine."""


class KilledTraining(Actor):
    """Stops and resumes runs; each must give the same bytes as a run that was not stopped."""

    def prepare(self) -> None:
        self.stops: Counter[str] = Counter()
        self.expected: list[Digests] = []
        self.seconds: list[float] = []
        for training in TRAININGS:
            started = time.monotonic()
            self.succeed(*training.words, "-o", self.place / "complete")
            self.seconds.append(time.monotonic() - started)
            self.expected.append(digests(self.place / "complete"))
            shutil.rmtree(self.place / "complete")

    def round(self) -> None:
        index = self.rounds % len(TRAININGS)
        run, log = self.place / "run", self.place / "log.txt"
        epochs, stops = 0, 0
        while True:
            number = self.random.choice(SIGNALS) if stops < MOST_STOPS else None
            status = self._train(TRAININGS[index], run, log, self.seconds[index], number)
            if number != signal.SIGKILL:
                self._find_all(repeated_epochs(log, epochs))
                epochs = max([epochs, *map(int, EPOCH_LINE.findall(log.read_text()))])
            if status == 0:
                break
            if number is None:
                self.find(f"exit status {status}: {log.read_text()[-2000:]}")
                break
            stops += 1
            self.stops[number.name] += 1
            self._find_all(check_stopped(run, number, status))
        self._find_all(differences(run, self.expected[index]))
        shutil.rmtree(run)

    def summary(self) -> str:
        return f"stopped by {', '.join(f'{count} {name}' for name, count in sorted(self.stops.items())) or 'nothing'}"

    def _train(self, training: Training, run: Path, log: Path, seconds: float, number: signal.Signals | None) -> int:
        """Start or resume a training; after a random time, less than that of a whole one, send a signal."""
        with log.open("wb") as file:
            process = subprocess.Popen(
                aecli(*training.words, "-o", run, *options_of(run)),
                env=environment(self.temporary),
                stdout=subprocess.DEVNULL,
                stderr=file,
            )
        if number is not None:
            while process.poll() is None and not handles(process.pid, signal.SIGTERM):
                time.sleep(0.01)
            try:
                return process.wait(self.random.uniform(0, MOST_OF_TRAINING * seconds))
            except subprocess.TimeoutExpired:
                process.send_signal(number)
        return process.wait(TIMEOUT)

    def _find_all(self, findings: list[str]) -> None:
        for finding in findings:
            self.find(f"{TRAININGS[self.rounds % len(TRAININGS)].name}: {finding}")
