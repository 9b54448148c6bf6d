"""Encode all training images with torch and with ONNX Runtime."""

import tempfile
from functools import partial
from pathlib import Path

from tests.benchmarks.cases.training import train_command, write_images
from tests.benchmarks.measuring import Effort, Row, aecli, compare, reference, run, title

TARGETS = {"conv": 10.0, "mlp": 8.0}


def measure(recipe: str, effort: Effort) -> list[Row]:
    """Encode with both backends and with the notebook, which trains for one epoch in the same process first."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        images = write_images(effort.images, folder)
        model = Path(run(train_command(recipe, 1, "32-true", folder)).document["run"])
        exported = run(aecli("export", model, "-o", folder / "model.onnx", "--json", "--quiet"))
        assert exported.document
        words = ["encode", folder / "train.npy", "-o", folder / "codes.npz", "--json", "--quiet"]
        backends = {"torch": model / "model.safetensors", "ONNX Runtime": folder / "model.onnx"}
        seconds: dict[str, list[float]] = {name: [] for name in [*backends, "notebook"]}
        for _ in range(effort.repeats_or(3)):
            for name, file in backends.items():
                seconds[name].append(run(aecli(*words, "--model", file)).document["seconds"])
            notebook = run(reference("notebook", images, recipe, 1, "--encodings", 1))
            seconds["notebook"].append(notebook.document["encode_seconds"])
    return [
        compare(
            f"encode {recipe}, {title(effort.images)}, {name}",
            seconds[name],
            seconds["notebook"],
            target=TARGETS[recipe],
        )
        for name in backends
    ]


CASES = {f"encode-{recipe}": partial(measure, recipe) for recipe in TARGETS}
