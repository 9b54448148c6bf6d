"""An autoencoder: the encoder and the decoder of an architecture."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from aecli.models.architectures import build_parts
from aecli.models.encoder_model import EncoderModel
from aecli.models.rate import RateModel


class Autoencoder(EncoderModel):
    """Encodes uint8 images and decodes codes; its arguments are those of `EncoderModel`, whose encoder it builds.

    With `rate_weights`, it is a codec: `rate` knows the steps to which codes are rounded at each rate.

    Raises:
        RecipeError: the architecture cannot be built with these arguments.
    """

    def __init__(
        self,
        architecture: str,
        image_shape: tuple[int, int, int],
        arguments: Mapping[str, Any],
        mean: Sequence[float],
        std: Sequence[float],
        rate_weights: Sequence[float] = (),
        *,
        priors_of_units: bool = False,
    ):
        encoder, decoder = build_parts(architecture, image_shape, arguments)
        super().__init__(encoder, architecture, image_shape, arguments, mean, std)
        self.decoder = decoder.to(memory_format=torch.channels_last)
        self.rate_weights = list(rate_weights)
        if rate_weights:
            self.rate = RateModel(rate_weights, self.code_shape, by_unit=priors_of_units)

    def levels(self, x: Tensor) -> Tensor:
        """Float (N, C, H, W) in normalized units -> float (N, C, H, W), clamped to 0..255 but not rounded."""
        levels: Tensor = x * self.std + self.mean
        return levels.clamp_(0, 255)

    def denormalize(self, x: Tensor) -> Tensor:
        """Float (N, C, H, W) in normalized units -> uint8 (N, C, H, W), rounded and clamped to 0..255."""
        return self.levels(x).round_().to(torch.uint8)

    def decode(self, codes: Tensor) -> Tensor:
        """Codes (N, *code_shape) -> normalized images (N, C, H, W)."""
        return self.decoder(codes)  # type: ignore[no-any-return]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Normalized images -> (codes, reconstructions)."""
        codes = self.encode(x)
        return codes, self.decode(codes)


def residual_l2(x: Tensor, reconstruction: Tensor) -> Tensor:
    """Return the L2 norm of each image's reconstruction error, (N,), in normalized units."""
    norms: Tensor = torch.linalg.vector_norm((x - reconstruction).flatten(1), dim=1)
    return norms
