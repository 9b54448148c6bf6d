"""Export a model to ONNX: one file that runs without torch."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from aecli.checkpoint import Checkpoint
from aecli.checkpoint.normal_statistics import to_tensors
from aecli.checkpoint.onnx_file import (
    DECODER_BYTES_KEY,
    FINGERPRINT_KEY,
    HEADER_KEY,
    OnnxFile,
)
from aecli.checkpoint.trained_images import TENSOR
from aecli.errors import InputError
from aecli.inference.model import Model, batch_size
from aecli.inference.onnx.backend import OnnxModel
from aecli.inference.onnx.graphs import EXPORTERS, OPSET, remove_local_paths
from aecli.inference.torch_backend import TorchModel
from aecli.runtime.allocator import return_freed_memory
from aecli.storage.atomic import atomic_write

if TYPE_CHECKING:
    from onnx import ModelProto

TOLERANCE = 1e-4
"""Largest relative error, compared with torch, of a model that is written."""
MAX_COMPARED = 256
"""Images in the largest batch that is compared with torch."""
MAX_WEIGHT_BYTES = 2**31 - 2**20
"""Bytes of weights that fit into one ONNX file: 2 GiB, minus room for the graph."""


@dataclass(frozen=True)
class Exported:
    """An exported file."""

    path: Path
    bytes: int
    opset: int
    relative_error: float
    """Largest relative error of codes, residuals and images, compared with torch."""


def export(checkpoint: Checkpoint, path: Path) -> Exported:
    """Export a model to ONNX and check, before the file is written, that ONNX Runtime computes what torch computes.

    Raises:
        InputError: the model cannot be exported, or the results differ.
        UnavailableError: the file cannot be written.
    """
    original = TorchModel(checkpoint, "cpu")
    if checkpoint.model.parameter_count() * 4 > MAX_WEIGHT_BYTES:
        raise InputError(f"{checkpoint.path} has more weights than the 2 GB that an ONNX file can hold")
    content, error = _first_correct(checkpoint, original, path)
    with atomic_write(path) as file:
        file.write(content)
    return Exported(path, len(content), OPSET, error)


def largest_relative_error(model: Model, original: Model) -> float:
    """Return the largest relative error of a backend compared with another, over batches of 1, 2 and many images.

    Errors of codes and images are relative to the largest value of the batch, errors of residuals to each residual.
    """
    errors: list[np.float32] = []
    for count in (1, 2, min(MAX_COMPARED, max(3, batch_size(model.image_shape) // 4))):
        images = _random_images(count, model.image_shape)
        for actual, expected in zip(model.outputs(images), original.outputs(images), strict=True):
            errors += [_error(actual.codes, expected.codes, np.abs(expected.codes).max())]
            errors += [_error(actual.residual_l2, expected.residual_l2, expected.residual_l2)]
            if model.has_images:
                levels, decoded = expected.reconstructions, model.decode_levels(expected.codes)
                errors += [_error(images, levels, levels.max()) for images in (actual.reconstructions, decoded)]
    return float(np.max(errors))


def _error(
    actual: NDArray[np.float32], expected: NDArray[np.float32], scale: NDArray[np.float32] | np.float32
) -> np.float32:
    error: np.float32 = (np.abs(actual - expected) / np.maximum(scale, np.finfo(np.float32).tiny)).max()
    return error


def _random_images(count: int, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Return random images with patches of 4x4 pixels and some noise, over the full range of levels."""
    random, (channels, height, width) = np.random.default_rng(0), shape
    patches = random.integers(0, 256, (count, channels, -(-height // 4), -(-width // 4)))
    images = patches.repeat(4, axis=2).repeat(4, axis=3)[..., :height, :width]
    noisy = images + random.integers(-20, 21, images.shape)
    return np.asarray(noisy.clip(0, 255), np.uint8)


def _first_correct(checkpoint: Checkpoint, original: TorchModel, path: Path) -> tuple[bytes, float]:
    """Return the bytes of the first exported graph that computes what torch computes, and its largest relative error.

    Raises:
        InputError: no exporter converts the model, or the results differ.
    """
    *alternatives, last = EXPORTERS
    for exporter in alternatives:
        with suppress(Exception):  # that of the last one is reported
            return _correct(exporter(checkpoint.encoder_with_decoder), checkpoint, original, path)
    try:
        proto = last(checkpoint.encoder_with_decoder)
    except (torch.onnx.errors.OnnxExporterError, RuntimeError) as error:
        raise InputError(
            f"architecture {checkpoint.header.architecture} cannot be exported: {_reason(error)}",
            hint="use operations that torch.onnx supports; --debug shows the details",
        ) from error
    return _correct(proto, checkpoint, original, path)


def _correct(proto: "ModelProto", checkpoint: Checkpoint, original: TorchModel, path: Path) -> tuple[bytes, float]:
    """Return the bytes of the graph with the checkpoint's metadata, and its largest relative error.

    Raises:
        InputError: the graph contains more than arithmetic, or its results differ from torch's.
    """
    return_freed_memory()  # the conversion needs more than the comparison, and keeps it
    remove_local_paths(proto)
    if checkpoint.trained_images:
        _add_constant(proto, TENSOR, np.frombuffer(checkpoint.trained_images.pack(), np.uint8))
    for name, array in to_tensors(checkpoint.normal_statistics).items():
        _add_constant(proto, name, array)
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
    return content, error


def _add_constant(proto: "ModelProto", name: str, values: NDArray[Any]) -> None:
    """Add values to the graph that it does not compute with, as a constant of a node that computes nothing.

    Without the node, ONNX Runtime would warn of an unused constant whenever it loads the model.
    """
    from onnx import helper, numpy_helper

    proto.graph.initializer.append(numpy_helper.from_array(values, name))
    proto.graph.node.append(helper.make_node("Identity", [name], [f"{name}_unused"]))


def _reason(error: BaseException) -> str:
    """Return the first line of the original error: the exporter wraps it in many lines of advice."""
    while error.__cause__:
        error = error.__cause__
    return (str(error) or type(error).__name__).splitlines()[0]
