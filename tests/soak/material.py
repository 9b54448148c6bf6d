"""The images and models that all actors read: digits of mnist5k, and pieces of scikit-learn's two photographs."""

import json
from dataclasses import dataclass
from pathlib import Path

from tests.soak.commands import aecli, run_command

DIGITS = 3000
PIECE = 32
"""The side of a piece of a photograph, in pixels."""
TINY_CODEC = (
    *("--recipe", "codec", "--steps", 12, "--set", "penalty.rate_prior_steps=6", "--set", "training.crop=32"),
    *("--set", "model.arguments={coefficients=8, encoder=[4,6], decoder=[6,6,4]}"),
)


@dataclass(frozen=True)
class Material:
    """Paths of what was made in `folder`."""

    folder: Path

    @property
    def digits(self) -> Path:
        """A folder of digits as image files."""
        return self.folder / "digits"

    @property
    def photographs(self) -> Path:
        """A folder with pieces of photographs in `train/china`, `train/flower`, `test/china` and `test/flower`."""
        return self.folder / "photographs"

    @property
    def run(self) -> Path:
        """A model of digits, exported and with a calibrated detector."""
        return self.folder / "run"

    @property
    def other_run(self) -> Path:
        """The same with another seed."""
        return self.folder / "other-run"

    @property
    def codec(self) -> Path:
        """A codec of photographs."""
        return self.folder / "codec"

    def verdicts(self) -> dict[str, str]:
        """Return the verdict on each digit, by its path."""
        documents = map(json.loads, (self.folder / "verdicts.jsonl").read_text().splitlines())
        return {document["path"]: document["verdict"] for document in documents if "path" in document}


def make_material(folder: Path) -> Material:
    """Write the images and train the models.

    Raises:
        RuntimeError: a command failed.
    """
    material = Material(folder)
    (folder / "tmp").mkdir(parents=True)
    _write_digits(material.digits)
    _write_pieces(material.photographs)
    for seed, run in enumerate((material.run, material.other_run)):
        _run(folder, "train", "mnist5k:train", "-o", run, "--recipe", "conv", "--epochs", 3, "--seed", seed)
        _run(folder, "calibrate", "--model", run, "--normal", "mnist5k:test", "--quantile", 0.9)
    _run(folder, "train", f"{material.photographs}:train", "-o", material.codec, *TINY_CODEC)
    verdicts = _run(folder, "detect", material.digits, "--model", material.run, "--json")
    (folder / "verdicts.jsonl").write_text(verdicts)
    return material


def _run(folder: Path, *words: object) -> str:
    done = run_command(aecli(*words, "--quiet"), folder)
    if done.status:
        raise RuntimeError(f"{' '.join(map(str, words))}: exit status {done.status}: {done.err}")
    return done.out


def _write_digits(folder: Path) -> None:
    from PIL import Image

    from aecli.data import load

    folder.mkdir()
    for index, image in enumerate(load("mnist5k:all").images[:DIGITS]):
        Image.fromarray(image[0]).save(folder / f"{index:04}.png")


def _write_pieces(folder: Path) -> None:
    from PIL import Image
    from sklearn.datasets import load_sample_images

    for name, photograph in zip(("china", "flower"), load_sample_images().images, strict=True):
        height, width, _ = photograph.shape
        corners = [(y, x) for y in range(0, height - PIECE + 1, PIECE) for x in range(0, width - PIECE + 1, PIECE)]
        for number, (y, x) in enumerate(corners):
            path = folder / ("test" if number % 5 == 2 else "train") / name / f"{number:03}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(photograph[y : y + PIECE, x : x + PIECE]).save(path)
