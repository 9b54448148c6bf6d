"""Codes of real images, for the benchmarks that start from codes."""

from pathlib import Path

from aecli.codes import Codes, load_codes
from tests.benchmarks.measuring import aecli, run


def encode(word: str, recipe: str, folder: Path) -> Codes:
    """Return the codes of the images `word` by a model trained for 10 epochs on mnist5k, which `folder` caches."""
    model, codes = folder / recipe, folder / "codes.npz"
    if not model.exists():
        run(aecli("train", "mnist5k", "--recipe", recipe, "-o", model, "--epochs", "10", "--batch-size", "128", "-q"))
    run(aecli("encode", word, "--model", model, "-o", codes, "-q"))
    return load_codes(codes)
