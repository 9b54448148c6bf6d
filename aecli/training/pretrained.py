"""Initial weights from another model of aecli, or from a file of pretrained weights."""

import json
import shlex
import warnings
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from aecli.checkpoint import Checkpoint, CheckpointHeader, is_checkpoint, load_checkpoint
from aecli.errors import InputError
from aecli.models.autoencoder import Autoencoder
from aecli.models.classifier import Classifier
from aecli.models.feature_model import FeatureModel
from aecli.storage.limits import refuse_bomb
from aecli.storage.paths import require_file
from aecli.storage.tensor_files import refuse_tar_archive

PICKLED = {".pth", ".pt", ".bin", ".ckpt", ".pkl"}
"""Suffixes of files that torch writes; only tensors are read from them, so that reading runs no code."""
COPY_HINT = "copy or download it again, and compare its size with that of the original"
SAVE_HINT = "save only the weights: torch.save(network.state_dict(), FILE)"
FLOATS = {torch.float64, torch.float32, torch.float16, torch.bfloat16}
DTYPES = FLOATS | {torch.int64, torch.int32, torch.uint8, torch.bool}
BACKBONE_HINT = "name the network: --set model.arguments.backbone=timm/NAME, or torchvision/NAME"
UNUSED = "num_batches_tracked"
"""A count of batch normalization that older files lack; it only matters in training without a momentum, and no network
here is trained so."""


@dataclass(frozen=True)
class Pretrained:
    """Weights with the parameter names of another library, such as torchvision's ResNet."""

    weights: dict[str, Tensor]
    path: Path


def load_start(path: Path) -> Checkpoint | Pretrained:
    """Read the weights that `--init-from` names: a run folder, a checkpoint, or a file of another library.

    That is a `.safetensors` file, or one of torch such as `.pth`, of which only tensors are read.

    Raises:
        InputError: the file is missing or damaged, holds more than tensors, or its values are not finite.
    """
    if path.suffix.lower() in PICKLED:
        weights = _read_pickled(path)
    elif _is_checkpoint(path):
        return load_checkpoint(path)
    else:
        weights = _read_safetensors(path)
    for name, tensor in weights.items():
        _check_values(name, tensor, path)
    return Pretrained(weights, path)


def _is_checkpoint(path: Path) -> bool:
    """Return whether a `.safetensors` file was written by aecli; errors are about weights, of whichever program."""
    require_file(path, "weights")
    try:
        return is_checkpoint(path)
    except InputError as error:
        raise InputError(
            f"cannot read weights from {path}: it is damaged, or not a safetensors file", hint=COPY_HINT
        ) from error


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise InputError(f"cannot read weights from {path}: {str(error).splitlines()[0]}", hint=COPY_HINT) from error


def _read_pickled(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a file that torch wrote: of the network, or of a training script's checkpoint of it."""
    require_file(path, "weights")
    try:
        refuse_tar_archive(path)
        _refuse_bomb(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch, about files of its first versions
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # pickle and zipfile raise arbitrary exceptions on damaged files
        raise InputError(
            f"cannot read weights from {path}: it is damaged, or holds more than tensors", hint=SAVE_HINT
        ) from error
    for key in ("state_dict", "model"):  # what training scripts save beside the optimizer's state
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()) or not content:
        raise InputError(f"{path} holds no weights by name", hint=SAVE_HINT)
    return {str(name): value for name, value in content.items()}


def _refuse_bomb(path: Path) -> None:
    """Check the size of an archive, whose members torch never compresses, but would unpack."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            refuse_bomb(sum(member.file_size for member in archive.infolist()), path.stat().st_size)


def _check_values(name: str, tensor: Tensor, path: Path) -> None:
    """Check that a tensor holds finite numbers, and as many of them as its shape says.

    Raises:
        InputError: it does not.
    """
    if tensor.layout is not torch.strided or tensor.device.type != "cpu" or tensor.dtype not in DTYPES:
        kind = str(tensor.dtype).removeprefix("torch.")
        raise InputError(f"weight {name} of {path} is not a plain tensor of numbers ({kind})", hint=SAVE_HINT)
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise InputError(f"weight {name} of {path} has shape {tuple(tensor.shape)}, but fewer values")
    if tensor.is_floating_point() and not tensor.isfinite().all():
        raise InputError(f"weights are not finite: {name} of {path}")


def load_backbone(model: FeatureModel, weights: dict[str, Tensor], origin: str) -> None:
    """Load the weights of the part of the backbone that is used; others are ignored. Errors name `origin`.

    Raises:
        InputError: a weight is missing or has another shape.
    """
    network, name = model.encoder.backbone.network, model.arguments.get("backbone", "the backbone")
    own = network.state_dict()
    used = [key for key in own if key in weights or not key.endswith(UNUSED)]
    for key in used:
        if key not in weights:
            raise InputError(
                f"{origin} has no weight {key}: it belongs to another network than {name}", hint=BACKBONE_HINT
            )
        if weights[key].shape != own[key].shape:
            raise InputError(
                f"weight {key} of {origin} has shape {tuple(weights[key].shape)}, "
                f"in {name} it is {tuple(own[key].shape)}",
                hint=BACKBONE_HINT,
            )
        if weights[key].is_floating_point() != own[key].is_floating_point():
            raise InputError(f"weight {key} of {origin} is {weights[key].dtype}, in {name} it is {own[key].dtype}")
    network.load_state_dict({key: weights[key] for key in used}, strict=False)


def start_from(model: Autoencoder | Classifier, start: Checkpoint | Pretrained, class_names: Sequence[str]) -> None:
    """Load the weights of another model; a classifier loads only the encoder of an autoencoder.

    Raises:
        InputError: the weights do not fit the model, or belong to a classifier of other classes.
    """
    if isinstance(start, Pretrained):
        _fill_encoder(model, start)
        return
    source = start.model
    if isinstance(model, Autoencoder) and isinstance(source, Classifier):
        raise InputError(
            f"an autoencoder cannot start from a classifier, which has no decoder: {start.path}",
            hint="train a classifier: --set objective.loss=cross-entropy",
        )
    if isinstance(source, Classifier) and start.header.class_names != list(class_names):
        raise InputError(
            f"{start.path} has other classes: {', '.join(start.header.class_names)}; not {', '.join(class_names)}",
            hint="start from an autoencoder, or select its classes: DATA@CLASS,CLASS",
        )
    try:
        if isinstance(model, Classifier) and isinstance(source, Autoencoder):
            model.encoder.load_state_dict(source.encoder.state_dict())
        else:
            model.load_state_dict(source.state_dict())
    except RuntimeError as error:
        raise _misfit(model, start) from error


def _misfit(model: Autoencoder | Classifier, start: Checkpoint) -> InputError:
    """Return the error of a model that another one's weights do not fit."""
    header, prefix = start.header, f"the weights of {start.path} do not fit architecture {model.architecture}"
    hint = f"leave out --recipe to use that of {start.path}; for a classifier add --set objective.loss=cross-entropy"
    is_same = (model.architecture, tuple(model.image_shape)) == (header.architecture, tuple(header.image_shape))
    if is_same and (changed := _changed_settings(model, header)):
        settings = (shlex.quote(f"{key}={json.dumps(value)}") for key, value in changed.items())
        return InputError(
            f"{prefix} with these settings: they belong to other values of {', '.join(changed)}",
            hint=f"keep its values, {' '.join(f'--set {setting}' for setting in settings)}, or {hint}",
        )
    return InputError(
        f"{prefix} for images of shape {model.image_shape}: they belong to {header.architecture} "
        f"for images of shape {header.image_shape}",
        hint=hint,
    )


def _changed_settings(model: Autoencoder | Classifier, header: CheckpointHeader) -> dict[str, Any]:
    """Return the recipe keys that shape the weights of an architecture and differ, with the values of the header."""
    arguments = header.arguments.items()
    changed = {f"model.arguments.{key}": value for key, value in arguments if model.arguments.get(key) != value}
    if isinstance(model, Autoencoder) and model.rate_weights != header.rate_weights:
        changed["penalty.rate_weights"] = header.rate_weights
    elif isinstance(model, Autoencoder) and header.is_codec and model.rate.is_by_unit != header.has_priors_of_units:
        changed["penalty.rate_prior"] = "static" if header.has_priors_of_units else "causal"
    return changed


def _fill_encoder(model: Autoencoder | Classifier, start: Pretrained) -> None:
    """Load the encoder's weights from the file, except `NOT_PRETRAINED` ones; other weights of the file are ignored."""
    own = model.encoder.state_dict()
    without_source = tuple(getattr(model.encoder, "NOT_PRETRAINED", ()))
    wanted = [name for name in own if not name.startswith(without_source)] if without_source else list(own)
    wanted = [name for name in wanted if name in start.weights or not name.endswith(UNUSED)]
    for name in wanted:
        if name not in start.weights:
            raise InputError(
                f"{start.path} has no weight {name}: it belongs to another network than {model.architecture}",
                hint="the encoder of resnet has torchvision's parameter names",
            )
        if start.weights[name].shape != own[name].shape:
            raise InputError(
                f"weight {name} of {start.path} has shape {tuple(start.weights[name].shape)}, "
                f"not {tuple(own[name].shape)}",
                hint="weights for color images need --set model.channels=3; model.arguments.depth must match, too",
            )
    model.encoder.load_state_dict({name: start.weights[name] for name in wanted}, strict=False)
