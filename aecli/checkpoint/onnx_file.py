"""Read and check `.onnx` files that `aecli export` wrote, without trusting them.

The graph has the input `images`, uint8 (N, C, H, W), and three float32 outputs: `codes`, (N, *code shape);
`reconstruction`, (N, C, H, W), pixel levels clamped to 0..255 but not rounded; `residual`, (N,), the L2 norm of the
error in normalized units. A model of features has no output `reconstruction`. N is dynamic. The metadata hold the
checkpoint's header, under the same key as in a `.safetensors` file, its fingerprint, and the size of its decoder. The
memory of the training images and their statistics for anomaly scores are constants, since metadata are text.

A hostile file may contain more than arithmetic: references to other files, endless loops, custom functions. Such files
are refused before ONNX Runtime reads them.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aecli.checkpoint.normal_statistics import is_statistic
from aecli.checkpoint.trained_images import TENSOR
from aecli.errors import InputError
from aecli.storage.paths import require_file

if TYPE_CHECKING:
    from onnx import ModelProto, TensorProto, ValueInfoProto

SUFFIX = ".onnx"
HEADER_KEY, FINGERPRINT_KEY, DECODER_BYTES_KEY = "aecli", "fingerprint", "decoder_bytes"
IMAGES, CODES, RECONSTRUCTION, RESIDUAL = "images", "codes", "reconstruction", "residual"

OPERATORS = {
    *("Abs", "Add", "AveragePool", "BatchNormalization", "Cast", "Clip", "Concat", "Conv", "ConvTranspose"),
    *("DepthToSpace", "Div", "Elu", "Erf", "Exp", "Flatten", "Gelu", "Gemm", "GlobalAveragePool", "GroupNormalization"),
    *("HardSigmoid", "HardSwish", "Identity", "InstanceNormalization", "LayerNormalization", "LeakyRelu", "Log"),
    *("MatMul", "Max", "MaxPool", "Mean", "Min", "Mul", "Neg", "Pad", "Pow", "PRelu", "Reciprocal", "ReduceL2"),
    *("ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum", "Relu", "Reshape", "Resize", "Sigmoid", "Slice", "Softmax"),
    *("Softplus", "SpaceToDepth", "Split", "Sqrt", "Squeeze", "Sub", "Sum", "Tanh", "Transpose", "Unsqueeze"),
}
"""The operators that networks consist of. Their outputs are not much larger than their inputs, except through the
inputs and attributes below, whose values are limited."""
SIZED_BY_INPUTS = {"Pad", "Resize"}
SIZE_ATTRIBUTES = {"pads", "output_padding", "output_shape", "dilations", "strides", "blocksize"}
MAX_SIZE = 10_000

Signature = dict[str, tuple[str, tuple[int, ...]]]
"""The data type and the shape without N of each input or output, by name."""


@dataclass(frozen=True)
class OnnxFile:
    """A checked ONNX model and its metadata."""

    path: Path
    content: bytes
    header: str
    """JSON of the checkpoint's header."""
    fingerprint: str
    """Fingerprint of the checkpoint that the model was exported from."""
    decoder_bytes: int
    """Bytes of the decoder's weights in that checkpoint; folded kernels in the graph may be larger."""
    inputs: Signature
    outputs: Signature
    trained_images: NDArray[Any] | None = None
    """The packed memory of the training images; None if the checkpoint has none."""
    statistics: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    """The tensors of `normal_statistics`."""

    @classmethod
    def parse(cls, content: bytes, path: Path) -> "OnnxFile":
        """Parse and check the bytes of a file; errors name `path`.

        Raises:
            InputError: the file is not ONNX, was not made by aecli, or contains more than arithmetic.
        """
        import onnx
        from google.protobuf.message import DecodeError

        try:
            model = onnx.load_model_from_string(content)
        except DecodeError as error:
            raise InputError(f"not an ONNX model: {path}", hint="create one: aecli export RUN") from error
        # Values that are not UTF-8 are bytes.
        metadata = {entry.key: entry.value for entry in model.metadata_props if isinstance(entry.value, str)}
        if HEADER_KEY not in metadata:
            raise InputError(f"not made by aecli: {path}", hint="create one: aecli export RUN")
        digest, decoder_bytes = metadata.get(FINGERPRINT_KEY, ""), metadata.get(DECODER_BYTES_KEY, "")
        if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest) or not re.fullmatch(r"[0-9]{1,18}", decoder_bytes):
            raise _damaged(path, "invalid metadata")
        _require_arithmetic(model, path)
        inputs, outputs = (_signature(values) for values in (model.graph.input, model.graph.output))
        memory = next((_require_values(value, path) for value in model.graph.initializer if value.name == TENSOR), None)
        statistics = {
            value.name: _require_values(value, path)
            for value in model.graph.initializer
            if isinstance(value.name, str) and is_statistic(value.name)  # protobuf reads damaged text as bytes
        }
        header, size = metadata[HEADER_KEY], int(decoder_bytes)
        return cls(path, content, header, digest, size, inputs, outputs, memory, statistics)

    def require_shapes(
        self, image_shape: tuple[int, int, int], code_shape: tuple[int, ...], *, has_images: bool = True
    ) -> None:
        """Check that the inputs and outputs of the graph match the header.

        Without `has_images`, the graph has no output for reconstructions.

        Raises:
            InputError: an input or output differs.
        """
        floats: dict[str, tuple[int, ...]] = {CODES: code_shape, RESIDUAL: ()}
        if has_images:
            floats[RECONSTRUCTION] = image_shape
        expected: tuple[Signature, Signature] = (
            {IMAGES: ("UINT8", image_shape)},
            {name: ("FLOAT", shape) for name, shape in floats.items()},
        )
        if (self.inputs, self.outputs) != expected:
            raise _damaged(self.path, "its inputs and outputs do not match its metadata")

    def decoder(self) -> bytes:
        """Return the subgraph from `codes` to `reconstruction` as a model.

        Raises:
            InputError: there is no such subgraph.
        """
        import onnx
        from onnx.utils import Extractor

        model = onnx.load_model_from_string(self.content)
        try:
            decoder = Extractor(model).extract_model([CODES], [RECONSTRUCTION])
        except (ValueError, TypeError, AssertionError) as error:
            raise _damaged(self.path, "its decoder is incomplete") from error
        return bytes(decoder.SerializeToString())


def read_onnx(path: Path) -> OnnxFile:
    """Read a file that `aecli export` wrote.

    Raises:
        InputError: the file is missing or damaged, or was not made by aecli.
    """
    return OnnxFile.parse(require_file(path, "model").read_bytes(), path)


def _require_arithmetic(model: "ModelProto", path: Path) -> None:
    """Check that the graph consists of standard operators on tensors in the file, without branches and loops."""
    from onnx import AttributeProto

    graph, tensors = model.graph, (AttributeProto.TENSOR, AttributeProto.TENSORS)
    plain = {*tensors, AttributeProto.FLOAT, AttributeProto.FLOATS, AttributeProto.INT, AttributeProto.INTS}
    plain |= {AttributeProto.STRING, AttributeProto.STRINGS}
    attributes = [attribute for node in graph.node for attribute in node.attribute]
    names = {tensor.name for tensor in graph.initializer}
    size_inputs = [name for node in graph.node if node.op_type in SIZED_BY_INPUTS for name in node.input[1:] if name]
    size_attributes = [attribute for attribute in attributes if attribute.name in SIZE_ATTRIBUTES]
    refused = {
        "custom functions": bool(model.functions or model.training_info),
        "nonstandard operators": any(
            domain not in {"", "ai.onnx"}
            for domain in [node.domain for node in graph.node] + [opset.domain for opset in model.opset_import]
        ),
        "branches or loops": any(attribute.type not in plain or attribute.HasField("g") for attribute in attributes),
        "sparse weights": bool(graph.sparse_initializer),
        "operators that networks do not use": not {node.op_type for node in graph.node} <= OPERATORS,
        "computed sizes": not set(size_inputs) <= names,
        "excessive sizes": any(max(map(abs, [a.i, *a.ints])) > MAX_SIZE for a in size_attributes),
    }
    for what, found in refused.items():
        if found:
            raise InputError(f"not made by aecli: {path}: it contains {what}", hint="create one: aecli export RUN")
    for tensor in _tensors(model):
        values = _require_values(tensor, path)
        if tensor.name in size_inputs and not (values.dtype.kind in "fi" and (abs(values) <= MAX_SIZE).all()):
            raise _damaged(path, "excessive sizes")


def _tensors(model: "ModelProto") -> "Iterator[TensorProto]":
    yield from model.graph.initializer
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors


def _require_values(tensor: "TensorProto", path: Path) -> NDArray[Any]:
    """Return the values of a tensor, which must be in the file and finite."""
    from onnx import TensorProto, numpy_helper

    if tensor.external_data or tensor.data_location != TensorProto.DEFAULT:
        raise InputError(
            f"not made by aecli: {path}: it keeps weights in other files", hint="create one: aecli export RUN"
        )
    try:
        values = numpy_helper.to_array(tensor)
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise _damaged(path, f"weight {tensor.name} cannot be read") from error
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise _damaged(path, "its weights are not finite")
    return values


def _signature(values: "Iterator[ValueInfoProto]") -> Signature:
    from onnx import TensorProto

    names = {number: name for name, number in TensorProto.DataType.items()}
    return {
        value.name: (
            names.get(value.type.tensor_type.elem_type, "unknown"),
            tuple(axis.dim_value for axis in value.type.tensor_type.shape.dim[1:]),
        )
        for value in values
    }


def _damaged(path: Path, reason: str) -> InputError:
    return InputError(f"damaged model: {path}: {reason}", hint="export it again: aecli export RUN")
