"""Let archives be read wherever images are: their files are decoded by the codecs that were named."""

from threading import Lock

import numpy as np
from numpy.typing import NDArray

from aecli.checkpoint import ModelRef
from aecli.codes.aec import AecImage, short_identity
from aecli.data.formats.aec_images import register_decoder
from aecli.errors import InputError
from aecli.inference.archive_codec import Codec
from aecli.inference.archive_decoding import decode_image


def read_archives_with(model: ModelRef, device: str = "auto") -> None:
    """Decode `.aec` files with a codec from now on, in this process. It is loaded when the first file is read.

    Args:
        model: A resolved model that is a codec.
        device: The torch device to run it on.
    """
    register_decoder(model.file.resolve(), _LazyDecoder(model, device))


class _LazyDecoder:
    def __init__(self, model: ModelRef, device: str):
        self._model, self._device = model, device
        self._codec: Codec | None = None
        self._lock = Lock()

    def __call__(self, image: AecImage) -> NDArray[np.uint8] | None:
        with self._lock:  # a model is not used by several threads at once
            if self._codec is None:
                self._codec = self._load()
            if image.header.identity != short_identity(self._codec.identity):
                return None
            (pixels,) = decode_image(self._codec, [image])
            return pixels

    def _load(self) -> Codec:
        from aecli.inference.codec import load_codec

        try:
            return load_codec(self._model, self._device)
        except InputError as error:
            raise ValueError(error.message) from error
