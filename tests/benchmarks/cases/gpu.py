"""The laboratory's training on a GPU: 150 epochs of 60,000 images as whole processes, and beside the notebook's way.

Without a GPU the same runs on the CPU, with few epochs and nothing asked: it shows that the case works, no more.
"""

import tempfile
from functools import partial
from pathlib import Path

from tests.benchmarks.cases.training import NOISE, last_loss, ours, write_images
from tests.benchmarks.measuring import Effort, Row, compare, in_turn, peer, run, title

BARS = {"mlp": 15.0, "conv": 30.0}
"""Seconds of a whole process of 150 epochs, on a card of the H100's class."""
TIMES_FASTER = 30.0
EPOCHS, PEER_EPOCHS, CPU_EPOCHS = 150, 3, 3


def measure(recipe: str, effort: Effort) -> list[Row]:
    """Train as long as the laboratory does, and as long as can be waited for with the notebook's way."""
    import torch

    gpu = torch.cuda.is_available()
    word, epochs = effort.images, EPOCHS if gpu else CPU_EPOCHS
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        images = write_images(word, folder)
        works = {
            "long": partial(run, ours(recipe, epochs, "32-true", folder)),
            "short": partial(run, ours(recipe, PEER_EPOCHS, "32-true", folder)),
            "notebook": partial(run, peer("notebook_way", images, recipe, PEER_EPOCHS)),
        }
        ran = in_turn(effort.turns_or(1), works)
        losses = {name: last_loss(turns[-1]) for name, turns in ran.items()}
    device = "GPU" if gpu else "CPU"
    asked = [BARS[recipe]] * len(ran["long"]) if gpu else []
    per_epoch = [each.document["seconds"] / epochs for each in ran["long"]]
    theirs = [each.document["train_seconds"] / PEER_EPOCHS for each in ran["notebook"]]
    return [
        compare(
            f"{device}: train {recipe}, {title(word)}, {epochs} epochs, whole process",
            [each.seconds for each in ran["long"]],
            asked,
            peer_name="what is asked",
            bar=1.0 if gpu else None,
            note=f"validation loss {losses['long']:.4f}",
        ),
        compare(
            f"{device}: train {recipe}, {title(word)}, seconds an epoch",
            per_epoch,
            theirs,
            bar=TIMES_FASTER if gpu else None,
            quality=(losses["short"], losses["notebook"]),
            quality_name=f"validation loss after {PEER_EPOCHS} epochs",
            noise=NOISE,
        ),
    ]


CASES = {f"gpu-{recipe}": partial(measure, recipe) for recipe in BARS}
