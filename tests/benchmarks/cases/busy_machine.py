"""Compare the automatic number of threads with fixed ones: idle, beside busy programs, and limited to one CPU.

On an idle machine, the reference uses all CPUs and lets waiting threads of libgomp spin as long as they do by default,
which is how aecli ran before its number of threads followed the load; nothing else may be running. The other two
references are the same commands with OMP_NUM_THREADS=1. All runs of a situation alternate.

Times of `train` and `encode` are those that the commands report; those of `knn-probe` and `tsne` are of the process.
"""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from subprocess import Popen

import numpy as np

from aecli.runtime.cpus import physical_cpus
from tests.benchmarks.measuring import Completed, Effort, Row, aecli, alternate, compare, log, run

BUSY_PROGRAMS = 4
CGROUP = Path("/sys/fs/cgroup/cpu")
"""Control groups of version 1."""
PERIOD = 100_000
"""Microseconds; a quota as large is one CPU."""
IMAGES = 60_000
EPOCHS = {"mlp": 20, "conv": 6, "combined": 1}
SAMPLE, DRAWS = 1_000, 10

Prefix = Sequence[str]
"""Words before a command that start it in a situation."""


@dataclass(frozen=True)
class Situation:
    """What else the machine does, and the number of threads to compare with."""

    name: str
    surroundings: Callable[[], Iterator[Prefix]]
    reference: Mapping[str, str]
    reference_name: str
    target: float
    """The lowest acceptable ratio: the reference's time divided by that of aecli."""
    repeats: int


def _idle() -> Iterator[Prefix]:
    yield ()


def _busy() -> Iterator[Prefix]:
    """Let programs compute as long as the situation lasts."""
    with ExitStack() as stack:
        for _ in range(BUSY_PROGRAMS):
            program = stack.enter_context(Popen([sys.executable, "-c", "while True: pass"]))
            stack.callback(program.kill)
        yield ()


def _one_cpu() -> Iterator[Prefix]:
    """Make a control group with a quota of one CPU, or limit the affinity where that is not allowed."""
    group = CGROUP / f"aecli-benchmark-{os.getpid()}"
    try:
        group.mkdir()
        (group / "cpu.cfs_period_us").write_text(str(PERIOD))
        (group / "cpu.cfs_quota_us").write_text(str(PERIOD))
    except OSError:
        with suppress(OSError):
            group.rmdir()
        log("no control group could be made: one CPU by affinity")
        yield ("taskset", "--cpu-list", str(min(os.sched_getaffinity(0))))
        return
    try:
        yield ("sh", "-c", f'echo $$ > {group}/tasks && exec "$@"', "sh")
    finally:
        _remove(group)


def _remove(group: Path) -> None:
    """Remove a control group, and end what still runs in it after an interruption."""
    for _ in range(50):
        for process in (group / "tasks").read_text().split():
            with suppress(ProcessLookupError):
                os.kill(int(process), signal.SIGKILL)
        try:
            group.rmdir()
        except OSError:  # processes that have ended leave a moment later
            time.sleep(0.1)
        else:
            return


ONE_THREAD = {"OMP_NUM_THREADS": "1"}
SITUATIONS = (
    Situation(
        "idle",
        _idle,
        {"OMP_NUM_THREADS": str(physical_cpus()), "GOMP_SPINCOUNT": "300000", "KMP_BLOCKTIME": "200"},
        "all CPUs",
        0.97,
        5,
    ),
    Situation(f"beside {BUSY_PROGRAMS} busy programs", _busy, ONE_THREAD, "1 thread", 1 / 1.3, 1),
    Situation("limited to one CPU", _one_cpu, ONE_THREAD, "1 thread", 1 / 1.3, 1),
)


def measure(situation: Situation, effort: Effort) -> list[Row]:
    """Run each command with the automatic number of threads and with that of the reference."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        commands = _commands(Path(name))
        prefix = stack.enter_context(contextmanager(situation.surroundings)())
        automatic = {key: value for key, value in os.environ.items() if key not in situation.reference}
        automatic["AECLI_THREADS"] = "auto"
        fixed = {key: value for key, value in os.environ.items() if key != "AECLI_THREADS"}
        fixed.update(situation.reference)
        rows = []
        for case, words in commands.items():
            environments = {"automatic": automatic, situation.reference_name: fixed}
            completed = alternate(
                effort.repeats_or(situation.repeats),
                {
                    f"{case}, {number}": partial(_run, [*prefix, *words], environment)
                    for number, environment in environments.items()
                },
            )
            ours, reference = ([each.seconds for each in repeats] for repeats in completed.values())
            ratios = " ".join(f"{theirs / mine:.2f}" for mine, theirs in zip(ours, reference, strict=True))
            rows.append(
                compare(
                    f"{case}, {situation.name}",
                    ours,
                    reference,
                    reference_name=situation.reference_name,
                    target=situation.target,
                    note=f"ratios {ratios}",
                )
            )
    return rows


def _commands(folder: Path) -> dict[str, list[str]]:
    """Return the commands to compare, after writing their inputs: a model of one epoch, images, and codes."""
    model, images = folder / "model", folder / "images.npy"
    np.save(images, np.random.default_rng(0).integers(0, 256, (IMAGES, 28, 28), np.uint8))
    run(_train("conv", 1, model))
    codes = {split: folder / f"{split}.npz" for split in ("train", "test")}
    for split, file in codes.items():
        run(aecli("encode", f"mnist5k:{split}", "--model", model, "-o", file, "-q"))
    commands = {f"train {recipe}": _train(recipe, epochs, folder / recipe) for recipe, epochs in EPOCHS.items()}
    weights = model / "model.safetensors"
    return commands | {
        "encode conv by torch": aecli("encode", images, "--model", weights, "-o", folder / "codes.npz", "-q", "--json"),
        "knn-probe": aecli(
            "knn-probe", codes["train"], codes["test"], "--draws", DRAWS, "-o", folder / "probe.png", "-q"
        ),
        "tsne": aecli("tsne", codes["train"], "--sample", SAMPLE, "-o", folder / "tsne.png", "-q"),
    }


def _train(recipe: str, epochs: int, folder: Path) -> list[str]:
    options = ("--epochs", epochs, "--batch-size", 128, "--lr", 0.001, "--device", "cpu", "--overwrite")
    return aecli("train", "mnist5k", "--recipe", recipe, *options, "-o", folder, "-q", "--json")


def _run(words: Sequence[str], environment: Mapping[str, str]) -> Completed:
    """Run a command with exactly this environment; its time is the one that it reports, if it does."""
    unset = [f"--unset={name}" for name in os.environ if name not in environment]
    completed = run(["env", *unset, *words], environment)
    return replace(completed, seconds=completed.document.get("seconds", completed.seconds))


CASES = {
    name: partial(measure, situation) for name, situation in zip(("idle", "busy", "one-cpu"), SITUATIONS, strict=True)
}
