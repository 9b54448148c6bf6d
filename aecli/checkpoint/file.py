"""Save a model with everything that is needed to use it as one `.safetensors` file, and load it again.

The file holds the weights, the memory of the training images and, under the metadata key `aecli`, one JSON string with
the fields of `CheckpointHeader`.
The model is rebuilt from the name and the arguments of its architecture; nothing is unpickled.
"""

from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aecli.checkpoint.header import CheckpointHeader
from aecli.checkpoint.model_ref import ModelRef, is_onnx, resolve_checkpoint
from aecli.checkpoint.normal_statistics import NormalStatistics, from_tensors, is_statistic, to_tensors
from aecli.checkpoint.onnx_file import read_onnx
from aecli.checkpoint.prior_tensors import is_prior, prior_from_tensors, prior_to_tensors
from aecli.checkpoint.trained_images import TENSOR, TrainedImages, recall
from aecli.codes.priors import Prior
from aecli.errors import InputError, RecipeError
from aecli.storage.atomic import atomic_write
from aecli.storage.fingerprints import fingerprint
from aecli.storage.paths import require_file
from aecli.storage.tensor_files import unreadable_tensors

if TYPE_CHECKING:
    from torch import nn

    from aecli.models.autoencoder import Autoencoder
    from aecli.models.classifier import Classifier
    from aecli.models.feature_model import FeatureModel

METADATA_KEY = "aecli"


@dataclass(frozen=True)
class Checkpoint:
    """A model and its header, loaded from a file."""

    model: "Autoencoder | Classifier | FeatureModel"
    header: CheckpointHeader
    path: Path
    fingerprint: str
    """Fingerprint of the file's bytes."""
    trained_images: TrainedImages | None = None
    """The images that the model was trained on; None if the file is of version 0.1."""
    normal_statistics: NormalStatistics = field(default_factory=dict)
    """Statistics of the training images for anomaly scores; empty unless it is a model of features."""
    prior: Prior | None = None
    """The prior of a codec; None for other models, or if its training was interrupted before it was fitted."""

    @property
    def autoencoder(self) -> "Autoencoder":
        """The model, if it is an autoencoder.

        Raises:
            InputError: the model is a classifier.
        """
        from aecli.models.autoencoder import Autoencoder
        from aecli.models.feature_model import FeatureModel

        if isinstance(self.model, FeatureModel):
            raise InputError(
                f"this model encodes features, from which it cannot reconstruct images: {self.path}",
                hint="aecli detect IMAGE --model MODEL, or train an autoencoder: --recipe photos",
            )
        if not isinstance(self.model, Autoencoder):
            raise InputError(
                f"this model is a classifier, which has no decoder: {self.path}",
                hint=f"aecli classify DATA --model {self.path}",
            )
        return self.model

    @property
    def encoder_with_decoder(self) -> "Autoencoder | FeatureModel":
        """The model, if it is an autoencoder of images or of features.

        Raises:
            InputError: the model is a classifier.
        """
        from aecli.models.feature_model import FeatureModel

        return self.model if isinstance(self.model, FeatureModel) else self.autoencoder

    @property
    def classifier(self) -> "Classifier":
        """The model, if it is a classifier.

        Raises:
            InputError: the model is not a classifier.
        """
        from aecli.models.classifier import Classifier
        from aecli.models.feature_model import FeatureModel

        if not isinstance(self.model, Classifier):
            hint = "train one: aecli train DATA -o RUN --recipe conv-classifier"
            if not (isinstance(self.model, FeatureModel) or self.header.is_codec):
                hint = (
                    f"train a classifier from it: aecli train DATA -o RUN --init-from {self.path} "
                    "--set objective.loss=cross-entropy"
                )
            raise InputError(f"this model is not a classifier: {self.path}", hint=hint)
        return self.model


def is_checkpoint(path: Path) -> bool:
    """Return whether a `.safetensors` file was written by aecli.

    Raises:
        InputError: the file is missing or is not a `.safetensors` file.
    """
    return METADATA_KEY in _read_metadata(path)


def save_checkpoint(
    model: "Autoencoder | Classifier | FeatureModel",
    header: CheckpointHeader,
    path: Path,
    trained_images: TrainedImages | None = None,
    normal_statistics: NormalStatistics | None = None,
    prior: Prior | None = None,
) -> None:
    """Write the weights, the header, the memory of the training images, their statistics and the prior atomically.

    Raises:
        UnavailableError: the file cannot be written.
    """
    import torch
    from safetensors.torch import save

    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    for name, array in (to_tensors(normal_statistics or {}) | prior_to_tensors(prior)).items():
        tensors[name] = torch.from_numpy(array)
    if trained_images:
        tensors[TENSOR] = torch.frombuffer(bytearray(trained_images.pack()), dtype=torch.uint8)
    header = replace(header, trained_images=trained_images.counts if trained_images else [])
    content = save(tensors, metadata={METADATA_KEY: header.to_json()})
    with atomic_write(path) as file:
        file.write(content)


def read_header(path: Path) -> CheckpointHeader:
    """Read only the header of a checkpoint or an exported model, without torch.

    Raises:
        InputError: the file is missing or damaged, or was not made by aecli.
    """
    return CheckpointHeader.from_json(read_onnx(path).header if is_onnx(path) else read_metadata(path), path)


def read_fingerprint(path: Path) -> str:
    """Return the fingerprint of a checkpoint, or of the checkpoint that a model was exported from, without torch.

    Raises:
        InputError: the file is missing, or the exported model is damaged.
    """
    return read_onnx(path).fingerprint if is_onnx(path) else fingerprint([require_file(path, "model").read_bytes()])


def read_metadata(path: Path) -> str:
    """Return the JSON text that aecli wrote into a `.safetensors` file.

    Raises:
        InputError: the file is missing or damaged, or was not made by aecli.
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
        raise unreadable_tensors(path, CheckpointHeader.KIND, CheckpointHeader.HINT, error) from error


def load_checkpoint(model: Path | ModelRef) -> Checkpoint:
    """Load the model of a `.safetensors` file or a run folder, on the CPU and in evaluation mode.

    Raises:
        InputError: the file is missing or damaged, was not made by aecli, or its weights do not fit the architecture.
    """
    from safetensors.torch import load

    from aecli.models.bare import without_weights

    path = resolve_checkpoint(model).file
    header = read_header(path)
    content = path.read_bytes()
    weights = load(content)
    memory = weights.pop(TENSOR, None)
    extra = {name: weights.pop(name) for name in list(weights) if is_statistic(name) or is_prior(name)}
    try:
        # First without allocating memory: the header may claim any size, whatever the file holds.
        with without_weights():
            claimed = _bare_modules(header)
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
        trained_images = recall(None if memory is None else memory.numpy(), header.trained_images)
        arrays = {name: tensor.numpy() for name, tensor in extra.items()}
        statistics, prior = from_tensors(arrays), prior_from_tensors(arrays)
        if prior is not None and not prior.fits(len(header.rate_weights), header.code_shape):
            raise ValueError("the prior does not fit the codes")
    except (RecipeError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"damaged checkpoint: {path}: {_reason(error)}") from error
    if not all(tensor.isfinite().all() for tensor in weights.values()):
        raise InputError(f"damaged checkpoint: {path}: the weights are not finite")
    return Checkpoint(rebuilt.eval(), header, path, fingerprint([content]), trained_images, statistics, prior)


def _bare_modules(header: CheckpointHeader) -> "nn.Module":
    """Return the layers of the model, under the same names, without running them.

    Running them on torch's meta device would import torch's compiler, which takes two seconds.
    """
    from torch import nn

    from aecli.models.architectures import build_parts
    from aecli.models.rate import RateModel

    encoder, decoder = build_parts(header.architecture, header.image_shape, header.arguments)
    if header.task == "classifier":
        return nn.ModuleDict({"encoder": encoder, "head": nn.Linear(prod(header.code_shape), len(header.class_names))})
    parts = {"encoder": encoder, "decoder": decoder}
    if header.is_codec:
        parts["rate"] = RateModel(header.rate_weights, header.code_shape, by_unit=header.has_priors_of_units)
    return nn.ModuleDict(parts)


def _new_model(header: CheckpointHeader) -> "Autoencoder | Classifier | FeatureModel":
    from aecli.models.autoencoder import Autoencoder
    from aecli.models.classifier import Classifier
    from aecli.models.feature_model import FeatureModel

    arguments = (header.architecture, header.image_shape, header.arguments, header.mean, header.std)
    if header.task == "classifier":
        return Classifier(*arguments, len(header.class_names))
    if header.task == "features":
        return FeatureModel(*arguments)
    return Autoencoder(*arguments, header.rate_weights, priors_of_units=header.has_priors_of_units)


def _first_difference(expected: dict[str, tuple[Any, Any]], found: dict[str, tuple[Any, Any]]) -> str:
    for name in sorted(expected.keys() | found.keys()):
        if name not in found:
            return f"weight {name} is missing"
        if name not in expected:
            return f"weight {name} does not belong to this architecture"
        if expected[name] != found[name]:
            (shape, dtype), (expected_shape, expected_dtype) = found[name], expected[name]
            if shape != expected_shape:
                return f"weight {name} has shape {shape}, not {expected_shape}"
            return f"weight {name} is {dtype}, not {expected_dtype}"
    return "weights do not fit"


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
