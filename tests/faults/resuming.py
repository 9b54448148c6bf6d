"""A training run is stopped at random moments and resumed until it is done."""

import signal
import sys
import time
from contextlib import suppress
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
    """Stop runs and resume them so many times; each must end with the bytes of one that was not stopped."""
    expected, imported = in_child(lambda: _results(folder / "whole"))
    for name in imported:
        with suppress(ImportError):
            import_module(name)  # once, for all children
    started = time.monotonic()
    in_child(lambda: _results(folder / "again"))
    seconds = time.monotonic() - started
    runs, resumes, findings = 0, 0, list[str]()
    while resumes < times:
        runs += 1
        run = folder / f"run{runs}"
        status = None
        while status != 0:
            child = fork(lambda pipe, run=run: _go_on(run))
            if resumes < times:
                _wait_for_a_moment(run, seconds, random)
                child.send(number)
            status = child.wait()
            if status != 0:
                findings += _left(run, number, status)
                resumes += (run / "last.ckpt").exists()
        findings += _differences(run, expected)
    return Row(f"{number.name} and --resume, training", resumes, findings)


def _results(run: Path) -> tuple[Tree, list[str]]:
    _go_on(run)
    return tree(run), list(sys.modules)


def _go_on(run: Path) -> None:
    """Start a run, or go on with the one that is there."""
    started = (run / "recipe.toml").exists()
    how = ["--resume"] if (run / "last.ckpt").exists() else ["--overwrite"] if started else []
    if status := aecli(*WORDS, "-o", run, *how):
        raise SystemExit(status)


def _wait_for_a_moment(run: Path, seconds: float, random: Random) -> None:
    time.sleep(random.random() * seconds / 2)
    if random.random() < 0.5:
        wait_for_unfinished(run)
        time.sleep(random.random() * MOMENT)


def _left(run: Path, number: signal.Signals, status: int) -> list[str]:
    from aecli.checkpoint import load_checkpoint
    from aecli.checkpoint.run_folder import RunFolder

    findings = []
    if status != (-number if number == signal.SIGKILL else 128 + number):
        findings.append(f"it ended with {status}")
    litter = [path.name for path in run.glob(".*")]
    if litter and number != signal.SIGKILL:
        findings.append(f"it left {', '.join(litter)}")
    files = RunFolder(run)
    if files.model.exists():
        load_checkpoint(files.model)
    if files.metrics.exists():
        files.load_metrics()
    return findings


def _differences(run: Path, expected: Tree) -> list[str]:
    found = tree(run)
    different = [name for name in RESULTS if found.get(name) != expected[name]]
    more = sorted(found.keys() - expected.keys())
    return [f"{name} differs from that of a run that was not stopped" for name in different] + [
        f"{name} was left" for name in more
    ]
