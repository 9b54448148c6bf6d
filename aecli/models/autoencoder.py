"""The model: an encoder and a decoder of some architecture, and the normalisation that belongs to them."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from aecli.models.architectures import build_parts


class Autoencoder(nn.Module):
    """Takes uint8 images to codes and back.

    Args:
        architecture: a name in `aecli.models.architectures`.
        image_shape: (C, H, W) of the images.
        arguments: the architecture's own.
        mean: per channel, of pixels in 0..1.
        std: per channel, of pixels in 0..1.

    Raises:
        RecipeError: the architecture cannot be built so.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
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
        self.encoder, self.decoder = build_parts(architecture, image_shape, arguments)
        # In 0..255, so that one subtraction and one multiplication normalise a uint8 image.
        for name, values in (("mean", mean), ("std", std)):
            levels = torch.tensor(values, dtype=torch.float32).mul(255)
            self.register_buffer(name, levels.view(-1, 1, 1), persistent=False)  # (C, 1, 1)
        self.to(memory_format=torch.channels_last)
        self.code_shape = self._find_code_shape()

    @torch.inference_mode()
    def _find_code_shape(self) -> tuple[int, ...]:
        """Run the encoder on no image: no pixel is computed, whatever the size of an image."""
        training = self.encoder.training
        self.encoder.eval()  # no image must leave no trace in running statistics
        code = self.encoder(torch.empty(0, *self.image_shape))
        self.encoder.train(training)
        return tuple(code.shape[1:])

    def normalise(self, images: Tensor) -> Tensor:
        """uint8 (N, C, H, W) in 0..255 -> float32 (N, C, H, W) with the mean and standard deviation taken out."""
        x = images.to(self.mean.dtype, memory_format=torch.channels_last)
        return x.sub_(self.mean).div_(self.std)

    def levels(self, x: Tensor) -> Tensor:
        """Float (N, C, H, W) in normalised units -> float (N, C, H, W), clamped to 0..255 but not rounded."""
        levels: Tensor = x * self.std + self.mean
        return levels.clamp_(0, 255)

    def denormalise(self, x: Tensor) -> Tensor:
        """Float (N, C, H, W) in normalised units -> uint8 (N, C, H, W), rounded and clamped to 0..255."""
        return self.levels(x).round_().to(torch.uint8)

    @property
    def black(self) -> Tensor:
        """(C, 1, 1), what a black pixel is in normalised units."""
        return -self.mean / self.std

    def encode(self, x: Tensor) -> Tensor:
        """Normalised images (N, C, H, W) -> codes (N, *code_shape)."""
        return self.encoder(x)  # type: ignore[no-any-return]

    def decode(self, codes: Tensor) -> Tensor:
        """Codes (N, *code_shape) -> normalised images (N, C, H, W)."""
        return self.decoder(codes)  # type: ignore[no-any-return]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised images -> (codes, reconstructions)."""
        codes = self.encode(x)
        return codes, self.decode(codes)

    def parameter_count(self) -> int:
        """Return the number of trained values."""
        return sum(parameter.numel() for parameter in self.parameters())


def residual_l2(x: Tensor, reconstruction: Tensor) -> Tensor:
    """Return the L2 norm of each image's reconstruction error, (N,), in normalised units."""
    norms: Tensor = torch.linalg.vector_norm((x - reconstruction).flatten(1), dim=1)
    return norms
