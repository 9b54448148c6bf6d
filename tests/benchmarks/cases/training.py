"""Training: images, epochs, batches, rates and normalization are the same for all."""

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
from tests.benchmarks.measuring import Effort, Ran, Row, aecli, compare, in_turn, peak_of, peer, run, title

PRECISIONS = ("32-true", "bf16-mixed")
BARS = {("conv", "32-true"): 7.0, ("mlp", "32-true"): 3.5, ("conv", "bf16-mixed"): 10.0, ("mlp", "bf16-mixed"): 8.0}
EPOCHS = {"conv": 10, "mlp": 16, "combined": 10}
"""Of 60,000 images, that ours and the bare loop are timed over, and after which the losses of all are compared."""
NOTEBOOK_EPOCHS = {"conv": 2, "mlp": 5, "combined": 10}
"""That the notebook's way, which takes minutes, is timed over; and ours once more, as whole processes."""
TURNS = {"conv": 5, "mlp": 3, "combined": 3}
"""Each with another seed, and the medians of whose last losses are compared: with momentum 0.99 those of `conv`
swing from seed to seed, and now and then its code of 4 channels dies, on any side."""
TOO_SLOW = 4.0
"""Times as long as a product of float32 matrices that one of bfloat16 may take for a training to be waited for."""
NOISE = 0.15
"""Of the last epoch's validation loss: a relative difference that is none."""
OVER_THE_FLOOR = 1.10


def write_images(word: str, folder: Path) -> Path:
    """Write the images for the peers as one .npz, and for ours as two .npy; return the .npz."""
    train, test = load(f"{word}:train").images, load(f"{word}:test").images
    np.savez(folder / "images.npz", train=train[:, 0], test=test[:, 0])
    for name, images in (("train", train), ("test", test)):
        np.save(folder / f"{name}.npy", images)
    return folder / "images.npz"


def ours(recipe: str, epochs: int, precision: str, folder: Path, seed: int = 0) -> list[str]:
    """Return the command that trains like the peers."""
    words = ["--recipe", recipe, "--epochs", epochs, "--precision", precision, "--seed", seed]
    words += ["--json", "--quiet", "--overwrite"]
    words += ["--set", "model.mean=[0.1307]", "--set", "model.std=[0.3081]"]
    data = [folder / "train.npy", "--val", folder / "test.npy", "-o", folder / f"{recipe}-{precision}-{epochs}-{seed}"]
    return aecli("train", *data, *words)


def measure(recipe: str, effort: Effort) -> list[Row]:
    """Train with ours, the notebook's way and a bare loop; with both precisions where there is a bar for it."""
    word = "mnist5k" if recipe == "combined" else effort.images
    times = 5 if word == "mnist5k" and recipe != "combined" else 1
    epochs, short = EPOCHS[recipe] * times, NOTEBOOK_EPOCHS[recipe] * times
    precisions = _precisions(recipe)
    seeds = range(effort.turns_or(TURNS[recipe]))
    ran: dict[str, list[Ran]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        images = write_images(word, folder)
        for seed in seeds:
            works: dict[str, Callable[[], Ran]] = {}
            for precision in precisions:
                works[precision] = partial(run, ours(recipe, epochs, precision, folder, seed))
                works[f"bare {precision}"] = partial(run, peer("bare_loop", images, recipe, epochs, precision, seed))
            works["whole"] = partial(run, ours(recipe, short, "32-true", folder, seed))
            works["notebook"] = partial(run, peer("notebook_way", images, recipe, short, "--seed", seed))
            for name, once in in_turn(1, works, first=seed + 1).items():
                ran.setdefault(name, []).extend(once)
        losses = {name: [last_loss(each) for each in turns] for name, turns in ran.items()}
        if short < epochs:
            told = run([*peer("notebook_way", images, recipe, epochs), "--losses-of", *map(str, seeds)])
            losses["notebook"] = told.document["val_losses"]
    case = f"train {recipe}, {title(word)}"
    rows = []
    for precision in precisions:
        seconds = [each.document["seconds"] / epochs for each in ran[precision]]
        against = {
            "notebook": ("the notebook's way", BARS.get((recipe, precision)), short),
            f"bare {precision}": ("a bare loop", 1 / OVER_THE_FLOOR, epochs),
        }
        for other, (name, bar, its_epochs) in against.items():
            rows.append(
                compare(
                    f"{case}, {precision}, an epoch",
                    seconds,
                    [each.document["train_seconds"] / its_epochs for each in ran[other]],
                    peer_name=name,
                    bar=bar,
                    quality=(median(losses[precision]), median(losses[other])),
                    quality_name=f"validation loss after {epochs} epochs",
                    noise=NOISE,
                    note=f"medians of {_listed(losses[precision])} and {_listed(losses[other])}",
                )
            )
    whole = [each.seconds for each in ran["whole"]], [each.seconds for each in ran["notebook"]]
    return [*rows, compare(f"{case}, {short} epochs, whole process", *whole)]


def _precisions(recipe: str) -> list[str]:
    """Return those that there is a bar for, as far as they can be waited for."""
    precisions = [precision for precision in PRECISIONS if (recipe, precision) in BARS] or ["32-true"]
    slowdown = bfloat16_slowdown()
    if "bf16-mixed" in precisions and slowdown > TOO_SLOW:
        print(f"  bf16-mixed: left out, its products take {slowdown:.0f} times as long as float32's", file=sys.stderr)
        precisions.remove("bf16-mixed")
    return precisions


def last_loss(ran: Ran) -> float:
    """Return the validation loss of the last epoch of a training, not of the best one."""
    if "run" not in ran.document:
        return float(ran.document["val_loss"])
    with (Path(ran.document["run"]) / "metrics.csv").open(encoding="utf-8") as file:
        return float(list(csv.DictReader(file))[-1]["val_loss"])


def _listed(losses: Sequence[float]) -> str:
    return " ".join(f"{loss:.4g}" for loss in losses)


def memory(effort: Effort) -> list[Row]:
    """Take the greatest memory of a training, above that of a process that only imports what it needs."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_images(effort.images, folder)
        resident = sum((folder / name).stat().st_size for name in ("train.npy", "test.npy")) / 2**20
        imports = _imports()
        rows = []
        for recipe in ("conv", "mlp"):
            peak = peak_of(ours(recipe, 2, "32-true", folder)).peak_mebibytes
            allowed = 1.5 * resident + 600
            note = f"{peak:,.0f} in all, {imports:,.0f} after the imports; images {resident:,.0f}"
            name = "1.5 times the images + 600"
            case = f"memory of training {recipe}, {title(effort.images)}, above the imports"
            rows.append(compare(case, [peak - imports], [allowed], peer_name=name, unit="MiB", bar=1.0, note=note))
    return rows


def _imports() -> float:
    return peak_of([sys.executable, "-c", "import torch, torchvision, pytorch_lightning"]).peak_mebibytes


CASES: dict[str, Callable[[Effort], list[Row]]] = {
    "mlp": partial(measure, "mlp"),
    "conv": partial(measure, "conv"),
    "combined": partial(measure, "combined"),
    "memory": memory,
}
