"""Autoencoders from the shell, and the same verbs in Python.

    model = aecli.load("run")             # a run folder, model.safetensors or model.onnx
    codes = model.encode(images)          # (N, C, H, W) uint8 -> (N, *code shape) float32
    images = model.decode(codes)          # and back
    scores = model.score(images)          # (N,) float32, the L2 norm of the reconstruction error
    images = aecli.load_images("mnist5k:test").images
    probabilities = aecli.load_classifier("run").classify(images)  # (N, K) float32

Nothing heavy is imported before one of them is called.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aecli.data.image_set import ImageSet
    from aecli.inference.model import Model
    from aecli.inference.torch_classifier import TorchClassifier

__version__ = "0.1.0"
__all__ = ["__version__", "load", "load_classifier", "load_images"]


def load(path: str | Path, *, device: str = "auto") -> "Model":
    """Load a trained autoencoder; see `aecli.inference.load`."""
    from aecli import inference

    return inference.load(path, device=device)


def load_classifier(path: str | Path, *, device: str = "auto") -> "TorchClassifier":
    """Load a trained classifier; see `aecli.inference.load_classifier`."""
    from aecli import inference

    return inference.load_classifier(path, device=device)


def load_images(word: str, **options: Any) -> "ImageSet":
    """Read the images that a DATA word means; see `aecli.data.load`."""
    from aecli import data

    return data.load(word, **options)
