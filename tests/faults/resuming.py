"""Stop training runs at random moments and resume them until they are complete."""

import re
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import redirect_stderr, suppress
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from random import Random

from tests.faults.children import fork, in_child
from tests.faults.findings import Row
from tests.faults.killing import MOMENT, wait_for_unfinished
from tests.faults.writers import aecli

Digests = dict[str, str]
"""SHA-256 of files by their names."""

RESULTS = ("model.safetensors", "metrics.csv", "recipe.toml", "loss.png", "reconstructions.png")
EPOCH_LINE = re.compile(r"^epoch +(\d+)/\d+  loss", re.MULTILINE)
RESUMING_LINE = re.compile(r"^resuming after epoch (\d+) ", re.MULTILINE)


@dataclass(frozen=True)
class Training:
    """A command that trains, without its output."""

    name: str
    words: tuple[str, ...]


MLP = Training(
    "training",
    (
        *("train", "digits", "--device", "cpu", "--epochs", "60", "--recipe", "mlp"),
        *("--set", "model.arguments.hidden=[8]", "--set", "model.arguments.code=4"),
        *("--set", "corruption.gaussian=0.2", "--set", "optimizer.momentum=0.9"),
    ),
)
"""Epochs of milliseconds, and a state of kilobytes."""

RESNET = Training(
    "training of resnet",
    (
        *("train", "digits", "--device", "cpu", "--epochs", "6", "--recipe", "resnet", "--no-export"),
        *("--image-size", "32", "--set", "training.limit_per_class=1", "--batch-size", "5"),
        *("--set", "training.validation_fraction=0.01", "--set", "corruption.gaussian=0.2"),
    ),
)
"""Epochs of seconds, and a state of 508 MB, which is rarely written unless a signal arrives."""


def stop_and_resume(
    training: Training, signals: Sequence[signal.Signals], times: int, folder: Path, random: Random
) -> Row:
    """Stop and resume runs; each must give the same bytes as a run that was not stopped.

    Unless the signal is SIGKILL, a resumed run repeats no epoch that was complete.
    """
    expected, imported = in_child(lambda: _results(training, folder / "complete"))
    for name in imported:
        with suppress(ImportError):
            import_module(name)  # once, before the children are forked
    started = time.monotonic()
    in_child(lambda: _results(training, folder / "again"))
    seconds = time.monotonic() - started
    runs, resumes, findings = 0, 0, list[str]()
    while resumes < times:
        runs += 1
        run = folder / f"run{runs}"
        done, status = 0, None
        while status != 0:
            log, number = folder / "log.txt", random.choice(signals)
            child = fork(partial(_train_in_child, training, run, log))
            if resumes < times and not _is_trained(run):
                _wait_randomly(run, seconds, random)
                child.send(number)
            status = child.wait()
            if number != signal.SIGKILL:
                findings += repeated_epochs(log, done)
                done = max([done, *map(int, EPOCH_LINE.findall(log.read_text()))])
            if status != 0:
                findings += check_stopped(run, number, status)
                resumes += (run / "last.ckpt").exists()
        findings += differences(run, expected)
        for path in run.iterdir():
            path.unlink()
    return Row(f"{', '.join(number.name for number in signals)} and --resume, {training.name}", resumes, findings)


def _results(training: Training, run: Path) -> tuple[Digests, list[str]]:
    _train(training, run, run.with_suffix(".txt"))
    return digests(run), list(sys.modules)


def digests(run: Path) -> Digests:
    """Return the digests of the files of a run."""
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in run.iterdir() if path.is_file()}


def _train_in_child(training: Training, run: Path, log: Path, pipe: int) -> None:
    _train(training, run, log)


def _train(training: Training, run: Path, log: Path) -> None:
    """Start a run, or resume an existing one; write its messages to a file."""
    with log.open("w", buffering=1) as file, redirect_stderr(file):
        status = aecli(*training.words, "-o", run, *options_of(run))
    if status:
        raise SystemExit(status)


def options_of(run: Path) -> list[str]:
    """Return the options that continue what is in a run folder."""
    if any((run / name).exists() for name in ("last.ckpt", "model.safetensors")):
        return ["--resume"]
    return ["--overwrite"] if (run / "recipe.toml").exists() else []


def _is_trained(run: Path) -> bool:
    """Whether only plots can be missing: a run that is stopped there again and again has no state to resume from."""
    return (run / "model.safetensors").exists() and not (run / "last.ckpt").exists()


def _wait_randomly(run: Path, seconds: float, random: Random) -> None:
    time.sleep(random.random() * seconds / 2)
    if random.random() < 0.5:
        wait_for_unfinished(run)
        time.sleep(random.random() * MOMENT)


def repeated_epochs(log: Path, done: int) -> list[str]:
    """Return whether a resumed run starts before the end of the `done` epochs that were complete."""
    text = log.read_text()
    resumed = RESUMING_LINE.search(text)
    first = int(resumed[1]) if resumed else 0
    has_trained = resumed or EPOCH_LINE.search(text)
    return [f"resumed after epoch {first}, but {done} were done"] if has_trained and first < done else []


def check_stopped(run: Path, number: signal.Signals, status: int) -> list[str]:
    """Check the exit status of a training that a signal has stopped, and its files."""
    from aecli.checkpoint.run_folder import RunFolder

    findings = []
    if status != (-number if number == signal.SIGKILL else 128 + number):
        findings.append(f"exit status {status}")
    leftovers = [path.name for path in run.glob(".*")]
    if leftovers and number != signal.SIGKILL:
        findings.append(f"temporary files remain: {', '.join(leftovers)}")
    files = RunFolder(run)
    plots = (files.loss_plot, files.reconstructions)
    if number != signal.SIGKILL and files.model.exists() and not all(plot.exists() for plot in plots):
        findings.append("plots are missing")
    require_readable(run)
    return findings


def require_readable(run: Path) -> None:
    """Check the files of a run that was stopped.

    Raises:
        InputError: a file is damaged.
    """
    from aecli.checkpoint import load_checkpoint
    from aecli.checkpoint.run_folder import RunFolder

    files = RunFolder(run)
    if files.model.exists():
        load_checkpoint(files.model)
    if files.metrics.exists():
        files.load_metrics()


def differences(run: Path, expected: Digests) -> list[str]:
    """Return which results of a finished run are not those of a run that was not stopped."""
    found = digests(run)
    different = [name for name in RESULTS if found.get(name) != expected[name]]
    unexpected = sorted(found.keys() - expected.keys())
    return [f"{name} differs from that of a run that was not stopped" for name in different] + [
        f"unexpected file: {name}" for name in unexpected
    ]
