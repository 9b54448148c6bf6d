"""A classifier: the encoder of an architecture and one linear layer."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from torch import Tensor, nn

from aecli.models.architectures import build_parts
from aecli.models.encoder_model import EncoderModel


class Classifier(EncoderModel):
    """Encodes uint8 images and classifies their codes into `classes` classes.

    Its other arguments are those of `EncoderModel`, whose encoder it builds. The architecture's decoder is not used.

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
        classes: int,
    ):
        encoder, _ = build_parts(architecture, image_shape, arguments)
        super().__init__(encoder, architecture, image_shape, arguments, mean, std)
        self.head = nn.Linear(prod(self.code_shape), classes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Normalized images -> (codes, logits (N, classes))."""
        codes = self.encode(x)
        return codes, self.head(codes.flatten(1))
