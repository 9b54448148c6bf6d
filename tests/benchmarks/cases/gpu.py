"""Train for 150 epochs of 60,000 images on a GPU, as whole processes, and compare with the notebook.

Without a GPU the same code runs on the CPU for a few epochs and without targets, which only checks that it works.
"""

import tempfile
from functools import partial
from pathlib import Path

from tests.benchmarks.cases.training import TOLERANCE, last_loss, train_command, write_images
from tests.benchmarks.measuring import Effort, Row, alternate, compare, reference, run, title

TARGET_SECONDS = {"mlp": 15.0, "conv": 30.0}
"""For a whole process of 150 epochs on a GPU like the H100."""
TARGET_RATIO = 30.0
EPOCHS, NOTEBOOK_EPOCHS, CPU_EPOCHS = 150, 3, 3


def measure(recipe: str, effort: Effort) -> list[Row]:
    """Time 150 epochs of aecli against the target, and single epochs against those of the notebook."""
    import torch

    gpu = torch.cuda.is_available()
    word, epochs = effort.images, EPOCHS if gpu else CPU_EPOCHS
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        images = write_images(word, folder)
        commands = {
            "long": partial(run, train_command(recipe, epochs, "32-true", folder)),
            "short": partial(run, train_command(recipe, NOTEBOOK_EPOCHS, "32-true", folder)),
            "notebook": partial(run, reference("notebook", images, recipe, NOTEBOOK_EPOCHS)),
        }
        completed = alternate(effort.repeats_or(1), commands)
        losses = {name: last_loss(repeats[-1]) for name, repeats in completed.items()}
    case = f"{'GPU' if gpu else 'CPU'}: train {recipe}, {title(word)}"
    return [
        compare(
            f"{case}, {epochs} epochs, whole process",
            [each.seconds for each in completed["long"]],
            [TARGET_SECONDS[recipe]] * len(completed["long"]) if gpu else [],
            reference_name="target",
            target=1.0 if gpu else None,
            note=f"validation loss {losses['long']:.4f}",
        ),
        compare(
            f"{case}, per epoch",
            [each.document["seconds"] / epochs for each in completed["long"]],
            [each.document["train_seconds"] / NOTEBOOK_EPOCHS for each in completed["notebook"]],
            target=TARGET_RATIO if gpu else None,
            quality=(losses["short"], losses["notebook"]),
            quality_name=f"validation loss after {NOTEBOOK_EPOCHS} epochs",
            tolerance=TOLERANCE,
        ),
    ]


CASES = {f"gpu-{recipe}": partial(measure, recipe) for recipe in TARGET_SECONDS}
