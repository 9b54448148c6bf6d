"""One `.safetensors` file <-> a model and everything needed to use it.

The file holds the weights and, under the metadata key `aecli`, one JSON string with the fields of `CheckpointHeader`. A
model is rebuilt by name and arguments; nothing is unpickled.
"""

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aecli.checkpoint.header import CheckpointHeader
from aecli.checkpoint.model_ref import ModelRef, is_onnx, resolve_checkpoint
from aecli.checkpoint.onnx_file import read_onnx
from aecli.errors import InputError, RecipeError
from aecli.storage.atomic import atomic_write
from aecli.storage.fingerprints import fingerprint
from aecli.storage.paths import require_file

if TYPE_CHECKING:
    from torch import nn

    from aecli.models.autoencoder import Autoencoder
    from aecli.models.classifier import Classifier

METADATA_KEY = "aecli"


@dataclass(frozen=True)
class Checkpoint:
    """A model with its header, as loaded from a file."""

    model: "Autoencoder | Classifier"
    header: CheckpointHeader
    path: Path
    fingerprint: str
    """Of the file's bytes."""

    @property
    def autoencoder(self) -> "Autoencoder":
        """The model, where it is an autoencoder.

        Raises:
            InputError: it is none.
        """
        from aecli.models.autoencoder import Autoencoder

        if not isinstance(self.model, Autoencoder):
            raise InputError(
                f"a classifier, which has no decoder: {self.path}", hint=f"aecli classify DATA --model {self.path}"
            )
        return self.model

    @property
    def classifier(self) -> "Classifier":
        """The model, where it is a classifier.

        Raises:
            InputError: it is none.
        """
        from aecli.models.classifier import Classifier

        if not isinstance(self.model, Classifier):
            raise InputError(
                f"an autoencoder, which knows no classes: {self.path}",
                hint=f"make a classifier of it: aecli train DATA -o RUN --init-from {self.path} "
                "--recipe RECIPE --set objective.loss=cross-entropy",
            )
        return self.model


def is_checkpoint(path: Path) -> bool:
    """Tell whether a `.safetensors` file was written by aecli.

    Raises:
        InputError: it is no such file.
    """
    return METADATA_KEY in _read_metadata(path)


def save_checkpoint(model: "Autoencoder | Classifier", header: CheckpointHeader, path: Path) -> None:
    """Write the weights and the header, whole or not at all.

    Raises:
        UnavailableError: the system refused to write.
    """
    from safetensors.torch import save

    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    content = save(weights, metadata={METADATA_KEY: header.to_json()})
    with atomic_write(path) as file:
        file.write(content)


def read_header(path: Path) -> CheckpointHeader:
    """Read the header alone of a checkpoint or an exported model, without torch.

    Raises:
        InputError: no model of aecli.
    """
    return CheckpointHeader.from_json(read_onnx(path).header if is_onnx(path) else read_metadata(path), path)


def read_fingerprint(path: Path) -> str:
    """Return the fingerprint of a checkpoint, or of the one that a model was exported from, without torch.

    Raises:
        InputError: missing, or a damaged export.
    """
    return read_onnx(path).fingerprint if is_onnx(path) else fingerprint([require_file(path, "model").read_bytes()])


def read_metadata(path: Path) -> str:
    """Return the JSON text that aecli wrote into a `.safetensors` file.

    Raises:
        InputError: missing, damaged, or not written by aecli.
    """
    metadata = _read_metadata(path)
    if METADATA_KEY not in metadata:
        raise InputError(f"not made by aecli: {path}", hint="train a model: aecli train DATA -o RUN")
    return metadata[METADATA_KEY]


def _read_metadata(path: Path) -> dict[str, str]:
    from safetensors import SafetensorError, safe_open

    require_file(path, "model")
    try:
        with safe_open(path, framework="np") as tensors:
            return dict(tensors.metadata() or {})
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(f"not a checkpoint: {path}: {_reason(error)}", hint="name a model.safetensors") from error


def load_checkpoint(model: Path | ModelRef) -> Checkpoint:
    """Rebuild the model of a `.safetensors` file or a run folder, on the CPU and in evaluation mode.

    Raises:
        InputError: missing, damaged, not of aecli, or the weights do not fit the architecture.
    """
    import torch
    from safetensors.torch import load

    path = resolve_checkpoint(model).file
    header = read_header(path)
    content = path.read_bytes()
    weights = load(content)
    try:
        # First without memory: a file may claim any size, and only what it really holds is allocated.
        with torch.device("meta"):
            claimed = _modules(header)
        expected = {name: (tuple(value.shape), value.dtype) for name, value in claimed.state_dict().items()}
        found = {name: (tuple(value.shape), value.dtype) for name, value in weights.items()}
        if expected != found:
            raise InputError(f"damaged checkpoint: {path}: {_first_difference(expected, found)}")
        rebuilt = _new_model(header)
        if rebuilt.code_shape != header.code_shape:
            raise InputError(
                f"damaged checkpoint: {path}: codes of shape {header.code_shape}, not {rebuilt.code_shape}"
            )
        rebuilt.load_state_dict(weights)
    except (RecipeError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"damaged checkpoint: {path}: {_reason(error)}") from error
    if not all(tensor.isfinite().all() for tensor in weights.values()):
        raise InputError(f"damaged checkpoint: {path}: weights that are not finite")
    return Checkpoint(rebuilt.eval(), header, path, fingerprint([content]))


def _modules(header: CheckpointHeader) -> "nn.Module":
    """Return the layers alone, by the names that they have in the model: on torch's meta device nothing is computed.

    To run them there, even on no image, would import torch's compiler: two seconds at each start.
    """
    from torch import nn

    from aecli.models.architectures import build_parts

    encoder, decoder = build_parts(header.architecture, header.image_shape, header.arguments)
    if header.task == "classifier":
        return nn.ModuleDict({"encoder": encoder, "head": nn.Linear(prod(header.code_shape), len(header.class_names))})
    return nn.ModuleDict({"encoder": encoder, "decoder": decoder})


def _new_model(header: CheckpointHeader) -> "Autoencoder | Classifier":
    from aecli.models.autoencoder import Autoencoder
    from aecli.models.classifier import Classifier

    arguments = (header.architecture, header.image_shape, header.arguments, header.mean, header.std)
    return Classifier(*arguments, len(header.class_names)) if header.task == "classifier" else Autoencoder(*arguments)


def _first_difference(expected: dict[str, tuple[Any, Any]], found: dict[str, tuple[Any, Any]]) -> str:
    for name in sorted(expected.keys() | found.keys()):
        if name not in found:
            return f"weight {name} is missing"
        if name not in expected:
            return f"weight {name} does not belong to this architecture"
        if expected[name] != found[name]:
            (shape, dtype), (right_shape, right_dtype) = found[name], expected[name]
            if shape != right_shape:
                return f"weight {name} has shape {shape}, not {right_shape}"
            return f"weight {name} is {dtype}, not {right_dtype}"
    return "weights do not fit"


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
