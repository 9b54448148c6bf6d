"""Resolve `--model`, a run folder or a file, to the model file that a command reads."""

from dataclasses import dataclass
from pathlib import Path

from aecli.checkpoint.onnx_file import SUFFIX
from aecli.errors import InputError
from aecli.storage.paths import require_file
from aecli.storage.run_files import MODEL_FILE, ONNX_FILE


@dataclass(frozen=True)
class ModelRef:
    """An existing model: the path that the user gave, and its model file."""

    path: Path
    """A run folder or a file."""
    file: Path
    """A `.safetensors` or `.onnx` file."""

    @property
    def is_onnx(self) -> bool:
        return is_onnx(self.file)

    @property
    def is_codec(self) -> bool:
        """Whether the model was trained to compress images, by its header.

        Raises:
            InputError: the model is damaged.
        """
        from aecli.checkpoint.file import read_header

        return read_header(self.file).is_codec

    @property
    def run_folder(self) -> Path | None:
        """The run folder, or None if the user gave a file."""
        return self.path if self.path.is_dir() else None


def resolve_model(path: str | Path | ModelRef) -> ModelRef:
    """Resolve a run folder or a model file.

    In a run folder, the checkpoint is preferred to the exported model.

    Raises:
        InputError: there is no model.
    """
    if isinstance(path, ModelRef):
        return path
    path = Path(path)
    exported = path / ONNX_FILE
    if path.is_dir() and exported.exists() and not (path / MODEL_FILE).exists():
        return ModelRef(path, exported)
    if is_onnx(path):
        return ModelRef(path, require_file(path, "model"))
    return resolve_checkpoint(path)


def resolve_checkpoint(path: str | Path | ModelRef) -> ModelRef:
    """Resolve a run folder or a `.safetensors` file to a checkpoint.

    Raises:
        InputError: there is no checkpoint, or the file is an exported model.
    """
    if isinstance(path, ModelRef) and not path.is_onnx:
        return path
    given = path.path if isinstance(path, ModelRef) else Path(path)
    if given.is_dir():
        inside = given / MODEL_FILE
        if not inside.exists():
            raise InputError(f"no model in this folder: {given}", hint=f"train one: aecli train DATA -o {given}")
        return ModelRef(given, inside)
    if is_onnx(given):
        raise InputError(
            f"an exported model, where a model.safetensors is needed: {given}",
            hint="name the run folder that it was exported from",
        )
    return ModelRef(given, require_file(given, "model"))


def is_onnx(path: Path) -> bool:
    """Return whether a file is an exported model, by its suffix."""
    return path.suffix.lower() == SUFFIX
