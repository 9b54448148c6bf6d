"""An `.onnx` file that `aecli export` wrote, read without trusting it.

Its graph takes `images`, uint8 (N, C, H, W), and gives three float32 outputs: `codes`, (N, *code shape);
`reconstruction`, (N, C, H, W), levels clamped to 0..255 but not rounded; `residual`, (N,), the L2 norm of the error in
normalized units. N is free. The metadata hold the checkpoint's header under the same key as in a `.safetensors` file,
its fingerprint, and what its decoder takes.

A file of others may ask for more than arithmetic: weights in other files, loops without an end, code of its own. Such
is refused before ONNX Runtime sees it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

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
"""What networks are made of; none makes much of little, but for these by what they are told:"""
GROWING, GROWING_BY = {"Pad", "Resize"}, {"pads", "output_padding", "output_shape", "dilations", "strides", "blocksize"}
MOST_GROWTH = 10_000

Signature = dict[str, tuple[str, tuple[int, ...]]]
"""The type of a value and its shape behind N, by its name."""


@dataclass(frozen=True)
class OnnxFile:
    """The bytes of a model, looked through, and what its metadata say."""

    path: Path
    content: bytes
    header: str
    """JSON of the checkpoint's header."""
    fingerprint: str
    """Of the checkpoint that it was exported from."""
    decoder_bytes: int
    """Of the weights that decoding needs in that checkpoint; in the graph, kernels may be folded and so larger."""
    inputs: Signature
    outputs: Signature

    @classmethod
    def parse(cls, content: bytes, path: Path) -> "OnnxFile":
        """Look through the bytes of a file; `path` is named in errors.

        Raises:
            InputError: not ONNX, not of aecli, or a graph that asks for more than arithmetic.
        """
        import onnx
        from google.protobuf.message import DecodeError

        try:
            model = onnx.load_model_from_string(content)
        except DecodeError as error:
            raise InputError(f"not an ONNX model: {path}", hint="make one: aecli export RUN") from error
        # What is no UTF-8 comes as bytes.
        metadata = {entry.key: entry.value for entry in model.metadata_props if isinstance(entry.value, str)}
        if HEADER_KEY not in metadata:
            raise InputError(f"not made by aecli: {path}", hint="make one: aecli export RUN")
        digest, decoder_bytes = metadata.get(FINGERPRINT_KEY, ""), metadata.get(DECODER_BYTES_KEY, "")
        if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest) or not re.fullmatch(r"[0-9]{1,18}", decoder_bytes):
            raise _damaged(path, "its metadata cannot be read")
        _require_arithmetic(model, path)
        inputs, outputs = (_signature(values) for values in (model.graph.input, model.graph.output))
        return cls(path, content, metadata[HEADER_KEY], digest, int(decoder_bytes), inputs, outputs)

    def require_shapes(self, image_shape: tuple[int, int, int], code_shape: tuple[int, ...]) -> None:
        """See that the graph takes and gives what the header says.

        Raises:
            InputError: it does not.
        """
        floats = {CODES: code_shape, RECONSTRUCTION: image_shape, RESIDUAL: ()}
        expected: tuple[Signature, Signature] = (
            {IMAGES: ("UINT8", image_shape)},
            {name: ("FLOAT", shape) for name, shape in floats.items()},
        )
        if (self.inputs, self.outputs) != expected:
            raise _damaged(self.path, "its inputs and outputs are not those that its header tells of")

    def decoder(self) -> bytes:
        """Return a model of the part from `codes` to `reconstruction`.

        Raises:
            InputError: there is no such part.
        """
        import onnx
        from onnx.utils import Extractor

        model = onnx.load_model_from_string(self.content)
        try:
            decoder = Extractor(model).extract_model([CODES], [RECONSTRUCTION])
        except (ValueError, TypeError, AssertionError) as error:
            raise _damaged(self.path, "codes cannot be decoded") from error
        return bytes(decoder.SerializeToString())


def read_onnx(path: Path) -> OnnxFile:
    """Read a file that `aecli export` wrote.

    Raises:
        InputError: missing, damaged, or not of aecli.
    """
    return OnnxFile.parse(require_file(path, "model").read_bytes(), path)


def _require_arithmetic(model: "ModelProto", path: Path) -> None:
    """See that the graph is one of standard operators on tensors in the file: no other file, no branch, no loop."""
    from onnx import AttributeProto

    graph, tensors = model.graph, (AttributeProto.TENSOR, AttributeProto.TENSORS)
    plain = {*tensors, AttributeProto.FLOAT, AttributeProto.FLOATS, AttributeProto.INT, AttributeProto.INTS}
    plain |= {AttributeProto.STRING, AttributeProto.STRINGS}
    attributes = [attribute for node in graph.node for attribute in node.attribute]
    names = {tensor.name for tensor in graph.initializer}
    told = [name for node in graph.node if node.op_type in GROWING for name in node.input[1:] if name]
    growth = [attribute for attribute in attributes if attribute.name in GROWING_BY]
    refused = {
        "functions of its own": bool(model.functions or model.training_info),
        "operators that are not standard": any(
            domain not in {"", "ai.onnx"}
            for domain in [node.domain for node in graph.node] + [known.domain for known in model.opset_import]
        ),
        "branches or loops": any(attribute.type not in plain or attribute.HasField("g") for attribute in attributes),
        "sparse weights": bool(graph.sparse_initializer),
        "operators that no network has": not {node.op_type for node in graph.node} <= OPERATORS,
        "sizes that are computed": not set(told) <= names,
        "sizes beyond measure": any(max(map(abs, [a.i, *a.ints])) > MOST_GROWTH for a in growth),
    }
    for what, found in refused.items():
        if found:
            raise InputError(f"not made by aecli: {path}: it has {what}", hint="make one: aecli export RUN")
    for tensor in _tensors(model):
        values = _require_values(tensor, path)
        if tensor.name in told and not (values.dtype.kind in "fi" and (abs(values) <= MOST_GROWTH).all()):
            raise _damaged(path, "sizes beyond measure")


def _tensors(model: "ModelProto") -> "Iterator[TensorProto]":
    yield from model.graph.initializer
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors


def _require_values(tensor: "TensorProto", path: Path) -> NDArray[Any]:
    """Return the values of a tensor, if they are here and finite."""
    from onnx import TensorProto, numpy_helper

    if tensor.external_data or tensor.data_location != TensorProto.DEFAULT:
        raise InputError(f"not made by aecli: {path}: it keeps weights in other files", hint="aecli export RUN")
    try:
        values = numpy_helper.to_array(tensor)
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise _damaged(path, f"weight {tensor.name} cannot be read") from error
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise _damaged(path, "weights that are not finite")
    return values


def _signature(values: "Iterator[ValueInfoProto]") -> Signature:
    from onnx import TensorProto

    return {
        value.name: (
            TensorProto.DataType.Name(value.type.tensor_type.elem_type),
            tuple(axis.dim_value for axis in value.type.tensor_type.shape.dim[1:]),
        )
        for value in values
    }


def _damaged(path: Path, reason: str) -> InputError:
    return InputError(f"damaged model: {path}: {reason}", hint="make it again: aecli export RUN")
