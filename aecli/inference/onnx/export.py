"""A model as ONNX: the same function in one file that needs no torch."""

import copy
import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from aecli.checkpoint import Checkpoint
from aecli.checkpoint.onnx_file import (
    CODES,
    DECODER_BYTES_KEY,
    FINGERPRINT_KEY,
    HEADER_KEY,
    IMAGES,
    RECONSTRUCTION,
    RESIDUAL,
    OnnxFile,
)
from aecli.errors import InputError
from aecli.inference.model import Model, batch_size
from aecli.inference.onnx.backend import OnnxModel
from aecli.inference.torch_backend import TorchModel
from aecli.models.autoencoder import Autoencoder, residual_l2
from aecli.models.layers import replace_derived
from aecli.storage.atomic import atomic_write

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET = 20
"""ONNX's operators of 2023, which ONNX Runtime has known since 1.17."""
TOLERANCE = 1e-4
"""The largest relative error of a model that is written."""
MANY = 256
"""Images in the largest batch that is compared."""
LARGEST = 2**31 - 2**20
"""Bytes of weights that one ONNX file can hold, less some for the graph."""


@dataclass(frozen=True)
class Exported:
    """What was written."""

    path: Path
    bytes: int
    opset: int
    relative_error: float
    """The largest against torch, of codes, residuals, and images in both directions."""


def export(checkpoint: Checkpoint, path: Path) -> Exported:
    """Write a model as ONNX after seeing that ONNX Runtime computes what torch computes.

    Raises:
        InputError: the model cannot be exported, or the results differ; then nothing is written.
        UnavailableError: the system refused to write.
    """
    original = TorchModel(checkpoint, "cpu")
    if checkpoint.model.parameter_count() * 4 > LARGEST:
        raise InputError(f"{checkpoint.path} has more weights than the 2 GB that an ONNX file can hold")
    proto = _to_onnx(checkpoint.autoencoder)
    metadata = {
        HEADER_KEY: checkpoint.header.to_json(),
        FINGERPRINT_KEY: checkpoint.fingerprint,
        DECODER_BYTES_KEY: str(original.decoder_bytes),
    }
    for key, value in metadata.items():
        proto.metadata_props.add(key=key, value=value)
    content = proto.SerializeToString(deterministic=True)
    error = largest_relative_error(OnnxModel(OnnxFile.parse(content, path)), original)
    if not error <= TOLERANCE:
        raise InputError(
            f"not exported: ONNX Runtime's results differ from torch's by {error:.1e}, more than {TOLERANCE:.0e}"
        )
    with atomic_write(path) as file:
        file.write(content)
    return Exported(path, len(content), OPSET, error)


def largest_relative_error(model: Model, original: Model) -> float:
    """Return how far the results of one backend are from those of another, in batches of 1, 2 and many.

    Of codes and of images, the largest difference by the largest value; of residuals, the largest by its own value.
    """
    errors: list[np.float32] = []
    for count in (1, 2, min(MANY, batch_size(model.image_shape))):
        images = _pictures(count, model.image_shape)
        for ours, right in zip(model.outputs(images), original.outputs(images), strict=True):
            levels, decoded = right.reconstructions, model.decode_levels(right.codes)
            errors += [_error(ours.codes, right.codes, np.abs(right.codes).max())]
            errors += [_error(images, levels, levels.max()) for images in (ours.reconstructions, decoded)]
            errors += [_error(ours.residual_l2, right.residual_l2, right.residual_l2)]
    return float(np.max(errors))


def _error(
    values: NDArray[np.float32], right: NDArray[np.float32], sizes: NDArray[np.float32] | np.float32
) -> np.float32:
    error: np.float32 = (np.abs(values - right) / np.maximum(sizes, np.finfo(np.float32).tiny)).max()
    return error


def _pictures(count: int, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Return something like pictures, black, white and in between: large patches, small ones, and some noise."""
    random, (channels, height, width) = np.random.default_rng(0), shape
    patches = random.integers(0, 256, (count, channels, -(-height // 4), -(-width // 4)))
    pictures = patches.repeat(4, axis=2).repeat(4, axis=3)[..., :height, :width]
    noisy = pictures + random.integers(-20, 21, pictures.shape)
    return np.asarray(noisy.clip(0, 255), np.uint8)


class _Graph(nn.Module):
    """uint8 images -> codes, levels of the reconstruction, residual."""

    def __init__(self, model: Autoencoder):
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = self.model.normalize(images)
        codes, reconstruction = self.model(x)
        return codes, self.model.levels(reconstruction), residual_l2(x, reconstruction)


def _to_onnx(model: Autoencoder) -> "ModelProto":
    graph = _Graph(copy.deepcopy(model)).eval()
    replace_derived(graph)
    images = torch.zeros(2, *model.image_shape, dtype=torch.uint8)
    try:
        with _silence():
            program: Any = torch.onnx.export(
                graph,
                (images,),
                dynamo=True,
                opset_version=OPSET,
                input_names=[IMAGES],
                output_names=[CODES, RECONSTRUCTION, RESIDUAL],
                dynamic_shapes=({0: torch.export.Dim("N")},),
                verbose=False,
            )
            proto: ModelProto = program.model_proto
    except (torch.onnx.errors.OnnxExporterError, RuntimeError) as error:
        raise InputError(
            f"architecture {model.architecture} cannot be exported: {_reason(error)}",
            hint="--debug shows more; write the architecture in operations that torch.onnx knows",
        ) from error
    for node in proto.graph.node:  # where in this installation's sources it came from
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
    for value in (*proto.graph.input, *proto.graph.output):
        value.ClearField("metadata_props")
    proto.graph.ClearField("value_info")
    return proto


def _reason(error: BaseException) -> str:
    """Return what went wrong first: the exporter wraps it in advice over many lines."""
    while error.__cause__:
        error = error.__cause__
    return (str(error) or type(error).__name__).splitlines()[0]


@contextmanager
def _silence() -> Iterator[None]:
    """Keep what exporters say of their own steps off both streams."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
