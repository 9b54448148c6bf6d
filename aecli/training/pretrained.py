"""Initial weights from another model of aecli, or from a file of pretrained weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from aecli.checkpoint import Checkpoint, is_checkpoint, load_checkpoint
from aecli.errors import InputError
from aecli.models.autoencoder import Autoencoder
from aecli.models.classifier import Classifier

PICKLED = {".pth", ".pt", ".bin", ".ckpt", ".pkl"}


@dataclass(frozen=True)
class Pretrained:
    """Weights with the parameter names of another library, such as torchvision's ResNet."""

    weights: dict[str, Tensor]
    path: Path


def load_start(path: Path) -> Checkpoint | Pretrained:
    """Read the weights that `--init-from` names: a run folder, a checkpoint, or another `.safetensors` file.

    Raises:
        InputError: the file is missing, damaged, or pickled, so that reading it could run code.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if path.suffix.lower() in PICKLED:
        convert = f"s.save_file(torch.load('{path}', weights_only=True), '{path.with_suffix('.safetensors')}')"
        raise InputError(
            f"pickled weights are not supported: {path}",
            hint=f'convert them to .safetensors: python -c "import torch, safetensors.torch as s; {convert}"',
        )
    if is_checkpoint(path):
        return load_checkpoint(path)
    try:
        weights = load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise InputError(f"cannot read weights from {path}: {str(error).splitlines()[0]}") from error
    if not all(tensor.isfinite().all() for tensor in weights.values()):
        raise InputError(f"weights are not finite: {path}")
    return Pretrained(weights, path)


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
        raise InputError(
            f"the weights of {start.path} do not fit architecture {model.architecture} "
            f"for images of shape {model.image_shape}: they belong to {start.header.architecture} "
            f"for images of shape {start.header.image_shape}",
            hint=f"aecli info {start.path} shows its recipe",
        ) from error


def _fill_encoder(model: Autoencoder | Classifier, start: Pretrained) -> None:
    """Load the encoder's weights from the file, except `NOT_PRETRAINED` ones; other weights of the file are ignored."""
    own = model.encoder.state_dict()
    without_source = tuple(getattr(model.encoder, "NOT_PRETRAINED", ()))
    wanted = [name for name in own if not name.startswith(without_source)] if without_source else list(own)
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
