"""Stop training runs at random moments and resume them until they are complete."""

import signal
import sys
import time
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from random import Random

from tests.faults.children import fork, in_child
from tests.faults.findings import Row
from tests.faults.killing import MOMENT, wait_for_unfinished
from tests.faults.writers import Tree, aecli, tree

WORDS = (
    *("train", "digits", "--accelerator", "cpu", "--epochs", "60", "--quiet", "--recipe", "mlp"),
    *("--set", "model.arguments.hidden=[8]", "--set", "model.arguments.code=4"),
    *("--set", "corruption.gaussian=0.2", "--set", "optimizer.momentum=0.9"),
)
RESULTS = ("model.safetensors", "metrics.csv", "recipe.toml", "loss.png", "reconstructions.png")


def stop_and_resume(number: signal.Signals, times: int, folder: Path, random: Random) -> Row:
    """Stop and resume runs; each must give the same bytes as a run that was not stopped."""
    expected, imported = in_child(lambda: _results(folder / "complete"))
    for name in imported:
        with suppress(ImportError):
            import_module(name)  # once, before the children are forked
    started = time.monotonic()
    in_child(lambda: _results(folder / "again"))
    seconds = time.monotonic() - started
    runs, resumes, findings = 0, 0, list[str]()
    while resumes < times:
        runs += 1
        run = folder / f"run{runs}"
        status = None
        while status != 0:
            child = fork(partial(_train_in_child, run))
            if resumes < times:
                _wait_randomly(run, seconds, random)
                child.send(number)
            status = child.wait()
            if status != 0:
                findings += _check_stopped(run, number, status)
                resumes += (run / "last.ckpt").exists()
        findings += _differences(run, expected)
    return Row(f"{number.name} and --resume, training", resumes, findings)


def _results(run: Path) -> tuple[Tree, list[str]]:
    _train(run)
    return tree(run), list(sys.modules)


def _train_in_child(run: Path, pipe: int) -> None:
    _train(run)


def _train(run: Path) -> None:
    """Start a run, or resume an existing one."""
    started = (run / "recipe.toml").exists()
    options = ["--resume"] if (run / "last.ckpt").exists() else ["--overwrite"] if started else []
    if status := aecli(*WORDS, "-o", run, *options):
        raise SystemExit(status)


def _wait_randomly(run: Path, seconds: float, random: Random) -> None:
    time.sleep(random.random() * seconds / 2)
    if random.random() < 0.5:
        wait_for_unfinished(run)
        time.sleep(random.random() * MOMENT)


def _check_stopped(run: Path, number: signal.Signals, status: int) -> list[str]:
    from aecli.checkpoint import load_checkpoint
    from aecli.checkpoint.run_folder import RunFolder

    findings = []
    if status != (-number if number == signal.SIGKILL else 128 + number):
        findings.append(f"exit status {status}")
    leftovers = [path.name for path in run.glob(".*")]
    if leftovers and number != signal.SIGKILL:
        findings.append(f"temporary files remain: {', '.join(leftovers)}")
    files = RunFolder(run)
    if files.model.exists():
        load_checkpoint(files.model)
    if files.metrics.exists():
        files.load_metrics()
    return findings


def _differences(run: Path, expected: Tree) -> list[str]:
    found = tree(run)
    different = [name for name in RESULTS if found.get(name) != expected[name]]
    unexpected = sorted(found.keys() - expected.keys())
    return [f"{name} differs from that of a run that was not stopped" for name in different] + [
        f"unexpected file: {name}" for name in unexpected
    ]
