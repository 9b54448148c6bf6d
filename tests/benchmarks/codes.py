"""Codes of real images, for the cases that begin with codes."""

from pathlib import Path

from aecli.codes import Codes, load_codes
from tests.benchmarks.measuring import aecli, run


def encode(word: str, recipe: str, folder: Path) -> Codes:
    """Return the codes of images by a recipe's model, trained for 10 epochs on mnist5k and kept in `folder`."""
    model, codes = folder / recipe, folder / "codes.npz"
    if not model.exists():
        run(aecli("train", "mnist5k", "--recipe", recipe, "-o", model, "--epochs", "10", "--batch-size", "128", "-q"))
    run(aecli("encode", word, "--model", model, "-o", codes, "-q"))
    return load_codes(codes)
