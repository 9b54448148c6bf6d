"""Compare the start of the command line with importing torch: of help, and of commands that work.

Times of commands are seconds of CPU time with one thread, so that other programs on the machine matter little. They are
also compared with those of the last commit before their start was made faster.
"""

import io
import resource
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

from tests.benchmarks.measuring import Completed, Effort, Row, aecli, alternate, compare, run

BEFORE = "605d0e4"
"""The last commit that imported all of Lightning and exported with `torch.export`."""
ROOT = Path(__file__).parents[3]
IMPORT_TORCH = [sys.executable, "-c", "import torch"]


def measure_help(effort: Effort) -> list[Row]:
    """Run `aecli --help` and `aecli --version` as whole processes."""
    commands = {
        "--help": partial(run, aecli("--help")),
        "--version": partial(run, aecli("--version")),
        "import torch": partial(run, IMPORT_TORCH),
    }
    completed = alternate(effort.repeats_or(5), commands)
    seconds = {name: [each.seconds for each in repeats] for name, repeats in completed.items()}
    torch = seconds.pop("import torch")
    return [compare(f"aecli {name}", each, torch, reference_name="import torch") for name, each in seconds.items()]


def measure_commands(effort: Effort) -> list[Row]:
    """Run `train` for an epoch, `export`, and `detect` on an image with the run folder as `train` leaves it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        image = folder / "image.png"
        Image.fromarray(np.eye(8, dtype=np.uint8) * 255).save(image)
        trees = {"": ROOT} | ({f", {BEFORE}": folder / "before"} if _unpack(BEFORE, folder / "before") else {})
        commands = {"import torch": partial(_cpu, IMPORT_TORCH, ROOT)}
        for suffix, tree in trees.items():
            model = folder / f"run{suffix}"
            words: dict[str, Sequence[object]] = {
                "train digits, 1 epoch": ("train", "digits", "--epochs", 1, "-o", model, "--overwrite", "-q"),
                "detect one PNG after train": ("detect", image, "--model", model),
                "export": ("export", model, "-o", folder / "model.onnx"),
            }
            for case, command in words.items():
                commands[case + suffix] = partial(_cpu, aecli(*command), tree)
        completed = alternate(effort.repeats_or(5), commands)
    seconds = {case: [each.seconds for each in repeats] for case, repeats in completed.items()}
    return [_row(case, seconds) for case in words]


def _row(case: str, seconds: dict[str, list[float]]) -> Row:
    """Return a row of a command now and before, with the differences to `import torch` as its note."""
    torch, ours, before = seconds["import torch"], seconds[case], seconds.get(f"{case}, {BEFORE}", [])
    longer = [f"{median(a - b for a, b in zip(each, torch, strict=True)):.2f} s" for each in (ours, before) if each]
    note = f"import torch {median(torch):.2f} s, the difference to it {', before '.join(longer)}"
    return compare(f"{case}, CPU time", ours, before, reference_name=f"commit {BEFORE}", note=note)


def _cpu(words: Sequence[str], folder: Path) -> Completed:
    """Run a command in a folder; return its CPU time instead of the time that passed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    completed = run(words, {"OMP_NUM_THREADS": "1"}, folder)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return replace(completed, seconds=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def _unpack(commit: str, folder: Path) -> bool:
    """Unpack a commit of the repository; return whether it is there."""
    command = ["git", "-C", str(ROOT), "archive", commit]
    try:
        archive = subprocess.run(command, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return False
    with tarfile.open(fileobj=io.BytesIO(archive)) as content:
        content.extractall(folder, filter="data")
    return True


CASES = {"help": measure_help, "commands": measure_commands}
