"""Where weights come from before the first step: chance, another model of aecli, or a file of pre-trained weights."""

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
    """Weights by the names that their maker gave them, such as torchvision's of a ResNet."""

    weights: dict[str, Tensor]
    path: Path


def load_start(path: Path) -> Checkpoint | Pretrained:
    """Read what `--init-from` names: a run folder, a checkpoint, or a `.safetensors` file of other weights.

    Raises:
        InputError: missing, damaged, or a file that could run code when it is read.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if path.suffix.lower() in PICKLED:
        convert = f"s.save_file(torch.load('{path}', weights_only=True), '{path.with_suffix('.safetensors')}')"
        raise InputError(
            f"pickled weights are not read: {path}",
            hint=f'make a .safetensors of them: python -c "import torch, safetensors.torch as s; {convert}"',
        )
    if is_checkpoint(path):
        return load_checkpoint(path)
    try:
        weights = load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise InputError(f"no weights in {path}: {str(error).splitlines()[0]}") from error
    if not all(tensor.isfinite().all() for tensor in weights.values()):
        raise InputError(f"weights that are not finite: {path}")
    return Pretrained(weights, path)


def start_from(model: Autoencoder | Classifier, start: Checkpoint | Pretrained, class_names: Sequence[str]) -> None:
    """Give the model the weights of another one; a classifier takes the encoder alone of an autoencoder.

    Raises:
        InputError: they do not fit, or are of a classifier of other classes.
    """
    if isinstance(start, Pretrained):
        _fill_encoder(model, start)
        return
    theirs = start.model
    if isinstance(model, Autoencoder) and isinstance(theirs, Classifier):
        raise InputError(
            f"an autoencoder cannot start from a classifier, which has no decoder: {start.path}",
            hint="train a classifier: --set objective.loss=cross-entropy",
        )
    if isinstance(theirs, Classifier) and start.header.class_names != list(class_names):
        raise InputError(
            f"{start.path} tells other classes: {', '.join(start.header.class_names)}; not {', '.join(class_names)}",
            hint="start from an autoencoder, or choose its classes: DATA@CLASS,CLASS",
        )
    try:
        if isinstance(model, Classifier) and isinstance(theirs, Autoencoder):
            model.encoder.load_state_dict(theirs.encoder.state_dict())
        else:
            model.load_state_dict(theirs.state_dict())
    except RuntimeError as error:
        raise InputError(
            f"the weights of {start.path} do not fit architecture {model.architecture} "
            f"for images of shape {model.image_shape}: they are of {start.header.architecture} "
            f"for {start.header.image_shape}",
            hint=f"aecli info {start.path} shows its recipe",
        ) from error


def _fill_encoder(model: Autoencoder | Classifier, start: Pretrained) -> None:
    """Take the encoder's weights from the file, but those that only ours has; what else the file holds is left."""
    own = model.encoder.state_dict()
    ours_alone = tuple(getattr(model.encoder, "NOT_PRETRAINED", ()))
    wanted = [name for name in own if not name.startswith(ours_alone)] if ours_alone else list(own)
    for name in wanted:
        if name not in start.weights:
            raise InputError(
                f"{start.path} has no weight {name}: it is of another network than {model.architecture}",
                hint="the encoder of resnet has torchvision's names",
            )
        if start.weights[name].shape != own[name].shape:
            raise InputError(
                f"weight {name} of {start.path} has shape {tuple(start.weights[name].shape)}, "
                f"not {tuple(own[name].shape)}",
                hint="--set model.channels=3 for weights of color pictures; the depth must be the same, too",
            )
    model.encoder.load_state_dict({name: start.weights[name] for name in wanted}, strict=False)
