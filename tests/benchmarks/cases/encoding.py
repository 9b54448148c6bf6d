"""Encoding: codes and residuals of all training images, by torch and by ONNX Runtime."""

import tempfile
from functools import partial
from pathlib import Path

from tests.benchmarks.cases.training import ours, write_images
from tests.benchmarks.measuring import Effort, Row, aecli, compare, peer, run, title

BARS = {"conv": 10.0, "mlp": 8.0}


def measure(recipe: str, effort: Effort) -> list[Row]:
    """Encode in turn with both backends; the notebook's way encodes within one process, which trains an epoch first."""
    turns = effort.turns_or(3)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        images = write_images(effort.images, folder)
        model = Path(run(ours(recipe, 1, "32-true", folder)).document["run"])
        exported = run(aecli("export", model, "-o", folder / "model.onnx", "--json", "--quiet"))
        assert exported.document
        words = ["encode", folder / "train.npy", "-o", folder / "codes.npz", "--json", "--quiet"]
        backends = {"torch": model / "model.safetensors", "ONNX Runtime": folder / "model.onnx"}
        seconds: dict[str, list[float]] = {name: [] for name in [*backends, "notebook"]}
        for _ in range(turns):
            for name, file in backends.items():
                seconds[name].append(run(aecli(*words, "--model", file)).document["seconds"])
            notebook = run(peer("notebook_way", images, recipe, 1, "--encodings", 1))
            seconds["notebook"].append(notebook.document["encode_seconds"])
    return [
        compare(
            f"encode {recipe}, {title(effort.images)}, {name}", seconds[name], seconds["notebook"], bar=BARS[recipe]
        )
        for name in backends
    ]


CASES = {f"encode-{recipe}": partial(measure, recipe) for recipe in BARS}
