"""The model run by ONNX Runtime on the CPU: no torch, so a process begins and ends in a fraction of a second."""

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aecli.checkpoint import CheckpointHeader
from aecli.checkpoint.onnx_file import CODES, IMAGES, RECONSTRUCTION, RESIDUAL, OnnxFile
from aecli.errors import InputError
from aecli.inference.model import Model, ModelOutput
from aecli.runtime.threads import usable_cpus

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

FATAL = 4
"""ONNX Runtime's level for what it says on standard error by itself; its errors are raised all the same."""


class OnnxModel(Model):
    """A file that `aecli export` wrote.

    Raises:
        InputError: it is damaged, or not what its metadata say.
    """

    def __init__(self, file: OnnxFile):
        self.header = CheckpointHeader.from_json(file.header, file.path)
        self.fingerprint = file.fingerprint
        file.require_shapes(self.header.image_shape, self.header.code_shape)
        self._file = file
        self._whole = self._session(file.content)

    @property
    def decoder_bytes(self) -> int:
        """Bytes of the weights that decoding needs."""
        return self._file.decoder_bytes

    def _encode(self, images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        codes, residuals = self._run(self._whole, {IMAGES: images}, (CODES, RESIDUAL))
        return codes, residuals

    def _forward(self, images: NDArray[np.uint8]) -> ModelOutput:
        names = (CODES, RECONSTRUCTION, RESIDUAL)
        codes, reconstructions, residuals = self._run(self._whole, {IMAGES: images}, names)
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
        options.intra_op_num_threads = usable_cpus()
        options.add_session_config_entry("session.load_model_format", "ONNX")
        # Threads that wait by turning in circles take the processors from one another, and from other programs.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            # Its fall-back to other providers prints on standard output.
            return onnxruntime.InferenceSession(
                content, options, providers=["CPUExecutionProvider"], enable_fallback=False
            )
        except Exception as error:  # its errors have no common base
            raise self._cannot_run(error) from error

    def _run(
        self, session: "InferenceSession", given: Mapping[str, NDArray[Any]], names: tuple[str, ...]
    ) -> list[NDArray[np.float32]]:
        try:
            arrays: list[NDArray[np.float32]] = session.run(names, given)
        except Exception as error:
            raise self._cannot_run(error) from error
        count = len(next(iter(given.values())))
        for name, array in zip(names, arrays, strict=True):
            if array.shape != (count, *self._file.outputs[name][1]):
                raise self._cannot_run(ValueError(f"{name} of shape {array.shape}"))
        return arrays

    def _cannot_run(self, error: Exception) -> InputError:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        return InputError(f"damaged model: {self._file.path}: {reason}", hint="make it again: aecli export RUN")
