"""The network that codes come from, without its weights."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class EncoderNetwork:
    """What is needed to build an encoder with new weights."""

    architecture: str
    arguments: dict[str, Any]
    """All arguments of the architecture."""
    mean: list[float]
    std: list[float]
    """Standard deviation of each channel, like `mean` for pixels scaled to 0..1."""
