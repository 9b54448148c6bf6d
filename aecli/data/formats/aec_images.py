"""Decode `.aec` files as images, with the codecs that this process knows.

This layer cannot load models: whoever loads a codec registers it here, so that archives are read wherever images are.
"""

from collections.abc import Callable
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from aecli.codes.aec import AecHeader, AecImage, read_aec, read_aec_header

Decoder = Callable[[AecImage], NDArray[np.uint8] | None]
"""Returns the pixels, (C, H, W), of an image; None if another model made it. Raises ValueError for a damaged one."""

_decoders: dict[Path, Decoder] = {}


class NoCodecError(Exception):
    """No codec that this process knows has made the image."""


def register_decoder(file: Path, decoder: Decoder) -> None:
    """Add the decoder of a model's file, or replace it. It may be called from several threads."""
    _decoders[file] = decoder


def decoder_files() -> list[Path]:
    """Return the files of the models that decode images, in a fixed order.

    Without them, the `.aec` files that they made cannot be read.
    """
    return sorted(_decoders)


def read_shape(file: IO[bytes]) -> tuple[int, int, int]:
    """Return (C, H, W) from the header of a file.

    Raises:
        ValueError: it is damaged.
    """
    header = _header(file)
    return header.channels, header.height, header.width


def decode_aec(file: IO[bytes]) -> NDArray[np.uint8]:
    """Return the pixels of a file, (C, H, W).

    Raises:
        NoCodecError: no registered decoder knows the model that made it.
        ValueError: it is damaged.
    """
    file.seek(0)
    image = read_aec(file)
    for decoder in list(_decoders.values()):
        pixels = decoder(image)
        if pixels is not None:
            return pixels
    raise NoCodecError(f"compressed by a codec that is not loaded (identity {image.header.identity}): add --codec")


def _header(file: IO[bytes]) -> AecHeader:
    file.seek(0)
    return read_aec_header(file)
