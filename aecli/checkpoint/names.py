"""How the files of a run folder are called, and which of them a word for a model means."""

from pathlib import Path

from aecli.checkpoint.onnx_file import SUFFIX
from aecli.errors import InputError
from aecli.storage.paths import require_file

MODEL_FILE = "model.safetensors"
ONNX_FILE = "model.onnx"
"""What `aecli export RUN` adds to a run folder."""
DETECTOR_FILE = "detector.safetensors"
"""Made for the model in the same folder by `aecli calibrate`."""


def model_file(path: Path) -> Path:
    """Return the file that `--model` names: itself, or in a folder the checkpoint, or else the exported model.

    Raises:
        InputError: there is none.
    """
    exported = path / ONNX_FILE
    if path.is_dir() and exported.exists() and not (path / MODEL_FILE).exists():
        return exported
    return path if is_onnx(path) and require_file(path, "model") else checkpoint_file(path)


def checkpoint_file(path: Path) -> Path:
    """Return the `.safetensors` file that a word for a checkpoint names: itself, or the one in a run folder.

    Raises:
        InputError: there is none.
    """
    if path.is_dir():
        inside = path / MODEL_FILE
        if not inside.exists():
            raise InputError(f"no model in this folder: {path}", hint=f"train one: aecli train DATA -o {path}")
        return inside
    if is_onnx(path):
        raise InputError(
            f"an exported model has no weights to go on from: {path}", hint="name the run folder that it was made from"
        )
    return require_file(path, "model")


def is_onnx(path: Path) -> bool:
    """Tell by its name whether a file is an exported model."""
    return path.suffix.lower() == SUFFIX
