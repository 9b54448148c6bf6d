"""Load a model with the backend that fits its file and the device."""

from pathlib import Path
from typing import TYPE_CHECKING

from aecli.checkpoint import ModelRef, load_checkpoint, read_fingerprint, resolve_checkpoint, resolve_model
from aecli.checkpoint.onnx_file import read_onnx
from aecli.errors import InputError, UnavailableError
from aecli.inference.accelerator import may_have_accelerator
from aecli.inference.archive_images import read_archives_with
from aecli.storage.run_files import MODEL_FILE, ONNX_FILE

if TYPE_CHECKING:
    from aecli.inference.model import Model
    from aecli.inference.torch_classifier import TorchClassifier


def load(model: str | Path | ModelRef, *, device: str = "auto") -> "Model":
    """Load a trained autoencoder from a `.safetensors` or `.onnx` file or a run folder.

    In a run folder, the `model.onnx` that was exported from its checkpoint is preferred if the model runs on the CPU.

    Args:
        model: A file, a run folder, or the result of `aecli.checkpoint.resolve_model`.
        device: A torch device such as `cpu` or `cuda:1`; `auto` selects a GPU if there is one.

    Raises:
        InputError: the file is missing or damaged, or is not an autoencoder.
        UnavailableError: the device is not available.
    """
    ref = resolve_model(model)
    loaded = _load(ref, device)
    loaded.path = ref.path
    if loaded.header.is_codec and not ref.is_onnx:
        read_archives_with(ref, device)
    return loaded


def _load(ref: ModelRef, device: str) -> "Model":
    if ref.is_onnx:
        if device not in {"auto", "cpu"}:
            raise UnavailableError(
                f"an exported model runs on the CPU, not on '{device}': {ref.file}",
                hint="use --device cpu, or give the model.safetensors that it was exported from",
            )
        from aecli.inference.onnx.backend import OnnxModel

        return OnnxModel(read_onnx(ref.file))
    notes: tuple[str, ...] = ()
    if ref.run_folder and (device == "cpu" or (device == "auto" and not may_have_accelerator())):
        try:
            if exported := _load_exported(ref.run_folder):
                return exported
        except InputError as error:
            notes = (f"{error.message}: not used; to export it again: aecli export {ref.path}",)
    from aecli.inference.torch_backend import TorchModel

    loaded = TorchModel(load_checkpoint(ref), device)
    loaded.notes = notes
    return loaded


def load_classifier(model: str | Path | ModelRef, *, device: str = "auto") -> "TorchClassifier":
    """Load a trained classifier from a `.safetensors` file or a run folder.

    Args:
        model: A file, a run folder, or the result of `aecli.checkpoint.resolve_checkpoint`.
        device: A torch device such as `cpu` or `cuda:1`; `auto` selects a GPU if there is one.

    Raises:
        InputError: the file is missing or damaged, or is not a classifier.
        UnavailableError: the device is not available.
    """
    from aecli.inference.torch_classifier import TorchClassifier

    return TorchClassifier(load_checkpoint(resolve_checkpoint(model)), device)


def _load_exported(folder: Path) -> "Model | None":
    """Load the exported model of a run folder; return None if there is none.

    Raises:
        InputError: the file is damaged, or was not exported from the checkpoint in the folder.
    """
    from aecli.inference.onnx.backend import OnnxModel

    path = folder / ONNX_FILE
    if not path.exists():
        return None
    file = read_onnx(path)
    if file.fingerprint != read_fingerprint(folder / MODEL_FILE):
        raise InputError(f"{path} was exported from another model")
    return OnnxModel(file)
