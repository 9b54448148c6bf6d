"""Train with the same images, epochs, batches, learning rates and normalization in all implementations."""

import csv
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np

from aecli.data import load
from aecli.training.precision import bfloat16_slowdown
from tests.benchmarks.measuring import (
    Completed,
    Effort,
    Row,
    aecli,
    alternate,
    compare,
    log,
    reference,
    run,
    run_peak,
    title,
)

PRECISIONS = ("32-true", "bf16-mixed")
TARGETS = {("conv", "32-true"): 7.0, ("mlp", "32-true"): 3.5, ("conv", "bf16-mixed"): 10.0, ("mlp", "bf16-mixed"): 8.0}
EPOCHS = {"conv": 10, "mlp": 16, "combined": 10}
"""Epochs of 60,000 images over which aecli and the bare loop are timed, and after which all losses are compared."""
NOTEBOOK_EPOCHS = {"conv": 2, "mlp": 5, "combined": 10}
"""Epochs over which the notebook, which takes minutes, is timed."""
PROCESS_EPOCHS, PROCESS_REPEATS = 5, 3
PROCESS_TARGETS = {"mlp": 4.0, "conv": 6.0}
"""Of whole processes, whose start and end are longer than some epochs."""
REPEATS = {"conv": 5, "mlp": 3, "combined": 3}
"""Each repeat has another seed, and the medians of the last losses are compared. With momentum 0.99 the loss of `conv`
varies between seeds, and for some seeds it does not converge, in any implementation."""
TOO_SLOW = 4.0
"""bf16-mixed is skipped if a product of bfloat16 matrices takes longer than this many float32 products."""
TOLERANCE = 0.15
"""Relative difference between last validation losses that counts as equal."""
OVERHEAD = 1.10
"""Largest acceptable time of aecli divided by that of the bare loop."""


def write_images(word: str, folder: Path) -> Path:
    """Write the images as one .npz for the references and two .npy for aecli; return the path of the .npz."""
    train, test = load(f"{word}:train").images, load(f"{word}:test").images
    np.savez(folder / "images.npz", train=train[:, 0], test=test[:, 0])
    for name, images in (("train", train), ("test", test)):
        np.save(folder / f"{name}.npy", images)
    return folder / "images.npz"


def train_command(recipe: str, epochs: int, precision: str, folder: Path, seed: int = 0) -> list[str]:
    """Return the command line of aecli that trains like the references."""
    words = ["--recipe", recipe, "--epochs", epochs, "--precision", precision, "--seed", seed]
    words += ["--json", "--quiet", "--overwrite"]
    words += ["--set", "model.mean=[0.1307]", "--set", "model.std=[0.3081]"]
    data = [folder / "train.npy", "--val", folder / "test.npy", "-o", folder / f"{recipe}-{precision}-{epochs}-{seed}"]
    return aecli("train", *data, *words)


def measure(recipe: str, effort: Effort) -> list[Row]:
    """Train with aecli, the notebook and a bare loop, in each precision that has a target."""
    word = "mnist5k" if recipe == "combined" else effort.images
    times = 5 if word == "mnist5k" and recipe != "combined" else 1
    epochs, short = EPOCHS[recipe] * times, NOTEBOOK_EPOCHS[recipe] * times
    precisions = _precisions(recipe)
    seeds = range(effort.repeats_or(REPEATS[recipe]))
    completed: dict[str, list[Completed]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        images = write_images(word, folder)
        for seed in seeds:
            commands: dict[str, Callable[[], Completed]] = {}
            for precision in precisions:
                commands[precision] = partial(run, train_command(recipe, epochs, precision, folder, seed))
                bare = reference("bare_loop", images, recipe, epochs, precision, seed)
                commands[f"bare {precision}"] = partial(run, bare)
            commands["notebook"] = partial(run, reference("notebook", images, recipe, short, "--seed", seed))
            for name, once in alternate(1, commands, first=seed + 1).items():
                completed.setdefault(name, []).extend(once)
        losses = {name: [last_loss(each) for each in repeats] for name, repeats in completed.items()}
        if short < epochs:
            notebook = run([*reference("notebook", images, recipe, epochs), "--losses-of", *map(str, seeds)])
            losses["notebook"] = notebook.document["val_losses"]
    case = f"train {recipe}, {title(word)}"
    rows = []
    for precision in precisions:
        seconds = [each.document["seconds"] / epochs for each in completed[precision]]
        references = {
            "notebook": ("notebook", TARGETS.get((recipe, precision)), short),
            f"bare {precision}": ("bare loop", 1 / OVERHEAD, epochs),
        }
        for key, (name, target, reference_epochs) in references.items():
            rows.append(
                compare(
                    f"{case}, {precision}, per epoch",
                    seconds,
                    [each.document["train_seconds"] / reference_epochs for each in completed[key]],
                    reference_name=name,
                    target=target,
                    quality=(median(losses[precision]), median(losses[key])),
                    quality_name=f"validation loss after {epochs} epochs",
                    tolerance=TOLERANCE,
                    note=f"medians of {_joined(losses[precision])} and {_joined(losses[key])}",
                )
            )
    return rows


def measure_process(recipe: str, effort: Effort) -> list[Row]:
    """Train a few epochs as whole processes: with start, plots and export of aecli, and without any of the notebook."""
    word = effort.images
    epochs = PROCESS_EPOCHS * (5 if word == "mnist5k" else 1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        images = write_images(word, folder)
        commands = {
            "aecli": partial(run, train_command(recipe, epochs, "32-true", folder)),
            "notebook": partial(run, reference("notebook", images, recipe, epochs)),
        }
        completed = alternate(effort.repeats_or(PROCESS_REPEATS), commands)
    return [
        compare(
            f"train {recipe}, {title(word)}, {epochs} epochs, whole process",
            *([each.seconds for each in completed[name]] for name in commands),
            reference_name="notebook",
            target=PROCESS_TARGETS[recipe],
        )
    ]


def _precisions(recipe: str) -> list[str]:
    """Return the precisions that have a target, without bf16-mixed if the processor is slow at it."""
    precisions = [precision for precision in PRECISIONS if (recipe, precision) in TARGETS] or ["32-true"]
    slowdown = bfloat16_slowdown()
    if "bf16-mixed" in precisions and slowdown > TOO_SLOW:
        log(f"skipping bf16-mixed: its products take {slowdown:.0f} times as long as in float32")
        precisions.remove("bf16-mixed")
    return precisions


def last_loss(completed: Completed) -> float:
    """Return the validation loss of the last epoch, which is not that of the best one."""
    if "run" not in completed.document:
        return float(completed.document["val_loss"])
    with (Path(completed.document["run"]) / "metrics.csv").open(encoding="utf-8") as file:
        return float(list(csv.DictReader(file))[-1]["val_loss"])


def _joined(losses: Sequence[float]) -> str:
    return " ".join(f"{loss:.4g}" for loss in losses)


def memory(effort: Effort) -> list[Row]:
    """Measure the peak memory of training in excess of a process that only imports the packages."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_images(effort.images, folder)
        resident = sum((folder / name).stat().st_size for name in ("train.npy", "test.npy")) / 2**20
        imports = _imports()
        rows = []
        for recipe in ("conv", "mlp"):
            peak = run_peak(train_command(recipe, 2, "32-true", folder)).peak_mebibytes
            allowed = 1.5 * resident + 600
            note = f"{peak:,.0f} MiB in total, {imports:,.0f} after the imports, images {resident:,.0f}"
            name = "1.5 times the images + 600 MiB"
            case = f"memory of training {recipe}, {title(effort.images)}, in excess of the imports"
            rows.append(
                compare(case, [peak - imports], [allowed], reference_name=name, unit="MiB", target=1.0, note=note)
            )
    return rows


def _imports() -> float:
    return run_peak([sys.executable, "-c", "import torch, torchvision, pytorch_lightning"]).peak_mebibytes


CASES: dict[str, Callable[[Effort], list[Row]]] = {
    "mlp": partial(measure, "mlp"),
    "conv": partial(measure, "conv"),
    "combined": partial(measure, "combined"),
    "mlp-process": partial(measure_process, "mlp"),
    "conv-process": partial(measure_process, "conv"),
    "memory": memory,
}
