"""The base of all models: an encoder and the normalization of its input."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn


class EncoderModel(nn.Module):
    """Encodes uint8 images.

    Args:
        encoder: The architecture's encoder for images of this shape.
        architecture: The architecture's name in `aecli.models.architectures`.
        image_shape: (C, H, W) of the images.
        arguments: The architecture's arguments.
        mean: Mean per channel of pixels in 0..1.
        std: Standard deviation per channel of pixels in 0..1.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        encoder: nn.Module,
        architecture: str,
        image_shape: tuple[int, int, int],
        arguments: Mapping[str, Any],
        mean: Sequence[float],
        std: Sequence[float],
    ):
        super().__init__()
        self.architecture = architecture
        self.image_shape = image_shape
        self.arguments = dict(arguments)
        self.encoder = encoder.to(memory_format=torch.channels_last)
        # In 0..255, so that one subtraction and one multiplication normalize a uint8 image.
        for name, values in (("mean", mean), ("std", std)):
            levels = torch.tensor(values, dtype=torch.float32).mul(255)
            self.register_buffer(name, levels.view(-1, 1, 1), persistent=False)  # (C, 1, 1)
        self.code_shape = self._find_code_shape()

    @torch.inference_mode()
    def _find_code_shape(self) -> tuple[int, ...]:
        """Run the encoder on an empty batch, which costs no time for images of any size."""
        training = self.encoder.training
        self.encoder.eval()  # keeps the running statistics
        code = self.encoder(torch.empty(0, *self.image_shape))
        self.encoder.train(training)
        return tuple(code.shape[1:])

    def normalize(self, images: Tensor) -> Tensor:
        """uint8 (N, C, H, W) in 0..255 -> float32 (N, C, H, W) in normalized units, (pixel - mean) / std."""
        x = images.to(self.mean.dtype, memory_format=torch.channels_last)
        return x.sub_(self.mean).div_(self.std)

    @property
    def black(self) -> Tensor:
        """The value of a black pixel in normalized units, (C, 1, 1)."""
        return -self.mean / self.std

    def encode(self, x: Tensor) -> Tensor:
        """Normalized images (N, C, H, W) -> codes (N, *code_shape)."""
        return self.encoder(x)  # type: ignore[no-any-return]

    def parameter_count(self) -> int:
        """Return the number of parameters, trainable or frozen."""
        return sum(parameter.numel() for parameter in self.parameters())
