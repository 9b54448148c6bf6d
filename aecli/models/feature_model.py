"""A model of features: a frozen pretrained network, and principal components of its feature maps."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from aecli.errors import RecipeError
from aecli.models.architectures import build_parts
from aecli.models.architectures.features import FeatureEncoder
from aecli.models.encoder_model import EncoderModel


class FeatureModel(EncoderModel):
    """Encodes uint8 images to principal components of features; its decoder returns to features, not to images.

    Its arguments are those of `EncoderModel`, whose encoder it builds.

    Raises:
        RecipeError: the architecture cannot be built with these arguments, or the images are too small for it.
        UnavailableError: the library of the backbone is not installed.
    """

    encoder: FeatureEncoder

    def __init__(
        self,
        architecture: str,
        image_shape: tuple[int, int, int],
        arguments: Mapping[str, Any],
        mean: Sequence[float],
        std: Sequence[float],
    ):
        encoder, decoder = build_parts(architecture, image_shape, arguments)
        try:
            super().__init__(encoder, architecture, image_shape, arguments, mean, std)
        except RuntimeError as error:
            _, height, width = image_shape
            raise RecipeError(
                f"{arguments.get('backbone', 'the backbone')} cannot encode images of {width}x{height} pixels: "
                f"{str(error).splitlines()[0]}",
                hint="--image-size 224",
            ) from error
        self.decoder = decoder.to(memory_format=torch.channels_last)

    @property
    def network_shape(self) -> tuple[int, int, int]:
        """(3, H, W) of the backbone's input, for which gray images are repeated: the size of batches depends on it."""
        return 3, *self.image_shape[1:]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Normalized images -> (codes, residuals (N,)); see `residual`."""
        features = self.encoder.features(x)
        codes = self.encoder.projection(features)
        return codes, self.residual(features, codes)

    def residual(self, features: Tensor, codes: Tensor) -> Tensor:
        """Return the L2 norm of the difference of the standardized features and those of the codes, (N,)."""
        norms: Tensor = torch.linalg.vector_norm((features - self.decoder(codes)).flatten(1), dim=1)
        return norms
