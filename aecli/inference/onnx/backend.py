"""Run exported models with ONNX Runtime on the CPU, without the startup time of torch."""

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aecli.checkpoint import CheckpointHeader
from aecli.checkpoint.normal_statistics import from_tensors
from aecli.checkpoint.onnx_file import CODES, IMAGES, RECONSTRUCTION, RESIDUAL, OnnxFile
from aecli.checkpoint.trained_images import recall
from aecli.errors import InputError
from aecli.inference.model import Model, ModelOutput
from aecli.runtime.thread_count import thread_count

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

FATAL = 4
"""Log level of ONNX Runtime: it also logs, on standard error, the errors that it raises."""


class OnnxModel(Model):
    """An autoencoder or a model of features from a file that `aecli export` wrote.

    Raises:
        InputError: the file is damaged, or does not match its metadata.
    """

    def __init__(self, file: OnnxFile):
        self.header = CheckpointHeader.from_json(file.header, file.path)
        self.fingerprint = file.fingerprint
        file.require_shapes(self.header.image_shape, self.header.code_shape, has_images=self.has_images)
        try:
            self.trained_images = recall(file.trained_images, self.header.trained_images)
            self.normal_statistics = from_tensors(file.statistics)
        except ValueError as error:
            hint = "export it again: aecli export RUN"
            raise InputError(f"damaged model: {file.path}: {error}", hint=hint) from error
        self._file = file
        self._autoencoder = self._session(file.content)

    @property
    def decoder_bytes(self) -> int:
        """Bytes of the decoder's weights in the checkpoint."""
        return self._file.decoder_bytes

    def _encode(self, images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        codes, residuals = self._run(self._autoencoder, {IMAGES: images}, (CODES, RESIDUAL))
        return codes, residuals

    def _forward(self, images: NDArray[np.uint8]) -> ModelOutput:
        if not self.has_images:
            codes, residuals = self._encode(images)
            return ModelOutput(images, codes, None, residuals)
        names = (CODES, RECONSTRUCTION, RESIDUAL)
        codes, reconstructions, residuals = self._run(self._autoencoder, {IMAGES: images}, names)
        return ModelOutput(images, codes, reconstructions, residuals)

    def decode_levels(self, codes: NDArray[np.float32]) -> NDArray[np.float32]:
        (reconstructions,) = self._run(self._decoder, {CODES: codes}, (RECONSTRUCTION,))
        return reconstructions

    @cached_property
    def _decoder(self) -> "InferenceSession":
        return self._session(self._file.decoder())

    def _session(self, content: bytes) -> "InferenceSession":
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = FATAL
        options.intra_op_num_threads = thread_count()
        options.add_session_config_entry("session.load_model_format", "ONNX")
        # Spinning threads would take CPU time from each other and from other programs.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            # The fallback to other providers prints to standard output.
            return onnxruntime.InferenceSession(
                content, options, providers=["CPUExecutionProvider"], enable_fallback=False
            )
        except Exception as error:  # its exceptions have no common base class
            raise self._cannot_run(error) from error

    def _run(
        self, session: "InferenceSession", feeds: Mapping[str, NDArray[Any]], names: tuple[str, ...]
    ) -> list[NDArray[np.float32]]:
        try:
            arrays: list[NDArray[np.float32]] = session.run(names, feeds)
        except Exception as error:
            raise self._cannot_run(error) from error
        count = len(next(iter(feeds.values())))
        for name, array in zip(names, arrays, strict=True):
            if array.shape != (count, *self._file.outputs[name][1]):
                raise self._cannot_run(ValueError(f"{name} of shape {array.shape}"))
        return arrays

    def _cannot_run(self, error: Exception) -> InputError:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        return InputError(f"damaged model: {self._file.path}: {reason}", hint="export it again: aecli export RUN")
