"""Run autoencoders with torch."""

from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aecli.checkpoint import Checkpoint
from aecli.errors import UnavailableError
from aecli.inference.model import NO_IMAGES, Model, ModelOutput, batches
from aecli.models.autoencoder import Autoencoder, residual_l2
from aecli.models.encoder_model import EncoderModel
from aecli.models.feature_model import FeatureModel
from aecli.runtime.allocator import keep_freed_memory
from aecli.runtime.torch_threads import load_follower

AnyModel = TypeVar("AnyModel", bound=EncoderModel)


class TorchModel(Model):
    """An autoencoder or a model of features on a torch device.

    Raises:
        InputError: the checkpoint is a classifier.
        UnavailableError: the device is not available.
    """

    def __init__(self, checkpoint: Checkpoint, device: str = "auto"):
        self.header = checkpoint.header
        self.fingerprint = checkpoint.fingerprint
        self.trained_images = checkpoint.trained_images
        self.normal_statistics = checkpoint.normal_statistics
        self._model = to_device(checkpoint.encoder_with_decoder, device)
        self._threads = load_follower(self._model.mean.device.type)

    @property
    def decoder_bytes(self) -> int:
        """Bytes of the decoder's weights."""
        return sum(weights.numel() * weights.element_size() for weights in self._model.decoder.parameters())

    def _encode(self, images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        self._threads.update()
        return _encode(self._model, images)

    @torch.inference_mode()
    def _forward(self, images: NDArray[np.uint8]) -> ModelOutput:
        self._threads.update()
        x = self._model.normalize(torch.from_numpy(images).to(self._model.mean.device))
        if isinstance(self._model, FeatureModel):
            codes, residuals = self._model(x)
            return ModelOutput(images, _array(codes), None, _array(residuals))
        codes, reconstructions = self._model(x)
        levels = self._model.levels(reconstructions)
        return ModelOutput(images, _array(codes), _array(levels), _array(residual_l2(x, reconstructions)))

    @torch.inference_mode()
    def decode_levels(self, codes: NDArray[np.float32]) -> NDArray[np.float32]:
        self._threads.update()
        assert isinstance(self._model, Autoencoder), NO_IMAGES
        x = self._model.decode(torch.from_numpy(codes).to(self._model.mean.device))
        return _array(self._model.levels(x))


def encode_indices(
    model: Autoencoder | FeatureModel, images: NDArray[np.uint8], indices: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the codes and residuals of the images at `indices`.

    Args:
        model: An autoencoder or a model of features, on the device to run on.
        images: (N, C, H, W) uint8.
        indices: (M,) integers.

    Returns:
        Codes, (M, *code shape) float32, and residuals, (M,) float32: L2 norms of the errors in normalized units.
    """
    shape = model.network_shape if isinstance(model, FeatureModel) else model.image_shape
    parts = [_encode(model, images[indices[batch]]) for batch in batches(len(indices), shape)]
    codes, residuals = zip(*parts, strict=True)
    return np.concatenate(codes), np.concatenate(residuals)


def to_device(model: AnyModel, device: str) -> AnyModel:
    """Move the model to the torch device that `--device` names.

    Raises:
        UnavailableError: the device is not available.
    """
    keep_freed_memory()
    return model.to(find_device(device))


def find_device(name: str) -> torch.device:
    """Return the torch device that `--device` names; for `auto` an accelerator that can be used, or else the CPU.

    Raises:
        UnavailableError: the device is not available.
    """
    if name == "auto":
        found = torch.accelerator.current_accelerator(check_available=True)
        try:
            return torch.device("cpu") if found is None else find_device(str(found))
        except UnavailableError:  # such as mps in a virtual machine, which has no memory for it
            return torch.device("cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError, NotImplementedError, ImportError) as error:
        raise UnavailableError(f"device '{name}' is not available", hint="use --device cpu or --device auto") from error
    return device


@torch.inference_mode()
def _encode(
    model: Autoencoder | FeatureModel, images: NDArray[np.uint8]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    x = model.normalize(torch.from_numpy(images).to(model.mean.device))
    if isinstance(model, FeatureModel):
        codes, residuals = model(x)
        return _array(codes), _array(residuals)
    codes, reconstructions = model(x)
    return _array(codes), _array(residual_l2(x, reconstructions))


def _array(tensor: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = tensor.float().cpu().numpy()
    return array
