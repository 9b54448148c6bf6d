"""One `.safetensors` file <-> a model and everything needed to use it.

The file holds the weights and, under the metadata key `aecli`, one JSON string with the fields of `CheckpointHeader`. A
model is rebuilt by name and arguments; nothing is unpickled.
"""

import json
from dataclasses import asdict, dataclass, field
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aecli.codes.quantiser import Quantiser
from aecli.errors import InputError, RecipeError
from aecli.files import fingerprint, require_file, writing
from aecli.onnx_file import SUFFIX, read_onnx
from aecli.recipe import Recipe, Task
from aecli.schema import build, parse_json

if TYPE_CHECKING:
    from torch import nn

    from aecli.models.autoencoder import Autoencoder
    from aecli.models.classifier import Classifier

METADATA_KEY = "aecli"
KIND = "checkpoint"
FORMAT = 1
MODEL_FILE = "model.safetensors"
ONNX_FILE = "model.onnx"
DETECTOR_FILE = "detector.safetensors"
"""Made for the model in the same folder by `aecli calibrate`."""
"""What `aecli export RUN` adds to a run folder."""


@dataclass(frozen=True)
class DataSource:
    """Where images came from."""

    word: str
    fingerprint: str
    images: int


@dataclass(frozen=True)
class TrainingSummary:
    """How the weights came about; no clock time, so that the same run gives the same bytes."""

    epochs: int
    """Epochs done."""
    best_epoch: int
    """The epoch, from 1, with the least validation loss; the weights are those after it."""
    train_loss: float
    """In that epoch, over all its images."""
    val_loss: float
    val_mse: float | None = None
    """Of the clean validation images with the saved weights, per pixel in normalised units; of an autoencoder."""
    val_accuracy: float | None = None
    """The part of the validation images that a classifier is right about, in the best epoch."""


@dataclass(frozen=True)
class ResidualQuantiles:
    """The distribution of `residual_l2` over the validation images; both lists are empty for a classifier."""

    probabilities: list[float]
    values: list[float]
    """In normalised units, one for each probability."""


@dataclass(frozen=True)
class CheckpointHeader:
    """All that a checkpoint says besides its weights."""

    architecture: str
    arguments: dict[str, Any]
    image_shape: tuple[int, int, int]
    """(C, H, W)"""
    code_shape: tuple[int, ...]
    mean: list[float]
    std: list[float]
    """Per channel, of pixels in 0..1."""
    parameters: int
    recipe: dict[str, dict[str, Any]]
    data: DataSource
    validation: DataSource
    training: TrainingSummary
    residual_quantiles: ResidualQuantiles
    quantisers: list[Quantiser] = field(default_factory=list)
    """For codes of few bits, chosen on codes of training images."""
    class_names: list[str] = field(default_factory=list)
    """Of the training images; for a classifier, of its outputs in their order."""
    task: Task = "autoencoder"
    versions: dict[str, str] = field(default_factory=dict)
    kind: str = KIND
    format: int = FORMAT

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    def check_ranges(self) -> None:
        """Raise ValueError where values do not fit one another."""
        channels, quantiles = self.image_shape[0], self.residual_quantiles
        classifies = self.task == "classifier"
        checks = {
            f"image shape {self.image_shape}": channels in {1, 3} and min(self.image_shape) >= 1,
            f"code shape {self.code_shape}": len(self.code_shape) > 0 and min(self.code_shape, default=0) >= 1,
            f"mean {self.mean}": len(self.mean) == channels,
            f"std {self.std}": len(self.std) == channels and min(self.std, default=0) > 0,
            "quantisers": all(
                [len(known.offset)] == [len(known.step)] == [*self.code_shape[:1]] and min(known.step) > 0
                for known in self.quantisers
            ),
            "residual quantiles": len(quantiles.values) == len(quantiles.probabilities)
            and bool(quantiles.values) != classifies,
            "class names": not classifies or len(set(self.class_names)) == len(self.class_names) > 1,
        }
        for what, fits in checks.items():
            if not fits:
                raise ValueError(what)

    def summary(self) -> dict[str, Any]:
        """Return what a person asks of a model first, as plain values."""
        return {
            "task": self.task,
            "architecture": self.architecture,
            "parameters": self.parameters,
            "image_shape": list(self.image_shape),
            "code_shape": list(self.code_shape),
            "data": asdict(self.data),
            "validation": asdict(self.validation),
            "training": asdict(self.training),
        }

    @classmethod
    def from_json(cls, text: str, path: Path) -> "CheckpointHeader":
        """Parse what `to_json` wrote; `path` is named in errors.

        Raises:
            InputError: it is something else, or of a newer format.
        """
        try:
            values = parse_json(text)
            if values.get("kind") != KIND:
                raise InputError(f"not a checkpoint but a {values.get('kind')}: {path}")
            if values["format"] > FORMAT:
                raise InputError(f"made by a newer aecli: {path}", hint="pip install --upgrade aecli")
            header = build(cls, values)
            header.check_ranges()
            Recipe.from_dict(header.recipe, str(path))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, RecipeError) as error:
            raise InputError(f"damaged checkpoint: {path}: its description cannot be read: {error}") from error
        return header


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


def is_checkpoint(path: Path) -> bool:
    """Tell whether a `.safetensors` file was written by aecli.

    Raises:
        InputError: it is no such file.
    """
    return METADATA_KEY in _read_metadata(path)


def is_onnx(path: Path) -> bool:
    """Tell by its name whether a file is an exported model."""
    return path.suffix.lower() == SUFFIX


def save_checkpoint(model: "Autoencoder | Classifier", header: CheckpointHeader, path: Path) -> None:
    """Write the weights and the header, whole or not at all.

    Raises:
        UnavailableError: the system refused to write.
    """
    from safetensors.torch import save

    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    content = save(weights, metadata={METADATA_KEY: header.to_json()})
    with writing(path) as file:
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


def load_checkpoint(path: Path) -> Checkpoint:
    """Rebuild the model of a `.safetensors` file or a run folder, on the CPU, ready to use.

    Raises:
        InputError: missing, damaged, not of aecli, or the weights do not fit the architecture.
    """
    import torch
    from safetensors.torch import load

    path = checkpoint_file(path)
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
        model = _new_model(header)
        if model.code_shape != header.code_shape:
            raise InputError(f"damaged checkpoint: {path}: codes of shape {header.code_shape}, not {model.code_shape}")
        model.load_state_dict(weights)
    except (RecipeError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"damaged checkpoint: {path}: {_reason(error)}") from error
    if not all(tensor.isfinite().all() for tensor in weights.values()):
        raise InputError(f"damaged checkpoint: {path}: weights that are not finite")
    return Checkpoint(model.eval(), header, path, fingerprint([content]))


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
