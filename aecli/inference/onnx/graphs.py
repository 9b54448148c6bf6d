"""Turn an autoencoder or a model of features into an ONNX graph, with either of the two exporters of torch.

The exporter that traces a module takes a tenth of a second. It is deprecated, and it writes sizes that a module looks
up, such as those of an image to be padded, as computations; they become constants here. The exporter that is built on
`torch.export` takes seconds to import, and converts more operations. Try them in the order of `EXPORTERS`, and use the
first graph whose results are those of torch.
"""

import copy
import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from aecli.checkpoint.onnx_file import CODES, IMAGES, RECONSTRUCTION, RESIDUAL
from aecli.models.autoencoder import Autoencoder, residual_l2
from aecli.models.feature_model import FeatureModel
from aecli.models.layers import replace_derived

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, TensorProto

OPSET = 20
"""ONNX operator set of 2023, supported since ONNX Runtime 1.17."""
SIZED = {"Expand", "Pad", "Reshape", "Resize", "Slice", "Tile"}
"""The operators that take sizes as inputs, after the first one."""
Exportable = Autoencoder | FeatureModel


def outputs_of(model: Exportable) -> dict[str, tuple[int, ...]]:
    """Return the shape without N of each output: codes, pixel levels of the reconstructions if any, and residuals."""
    if isinstance(model, FeatureModel):
        return {CODES: model.code_shape, RESIDUAL: ()}
    return {CODES: model.code_shape, RECONSTRUCTION: model.image_shape, RESIDUAL: ()}


class Graph(nn.Module):
    """Map uint8 images to the outputs that `outputs_of` lists."""

    def __init__(self, model: Exportable):
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        x = self.model.normalize(images)
        if isinstance(self.model, FeatureModel):
            codes, residuals = self.model(x)
            return codes, residuals
        codes, reconstruction = self.model(x)
        return codes, self.model.levels(reconstruction), residual_l2(x, reconstruction)


def trace(model: Exportable) -> "ModelProto":
    """Export by running the model once, without torch's compiler.

    Raises:
        Exception: torch cannot export the model this way, or has no such exporter anymore.
    """
    import onnx

    content, shapes = io.BytesIO(), outputs_of(model)
    with _quiet():
        torch.onnx.export(
            _graph(model),
            (_example(model),),
            content,  # type: ignore[arg-type]  # a file object works as well
            dynamo=False,
            opset_version=OPSET,
            input_names=[IMAGES],
            output_names=list(shapes),
            dynamic_axes={name: {0: "N"} for name in (IMAGES, *shapes)},
        )
    proto = onnx.load_model_from_string(content.getvalue())
    _fold_constants(proto, model.image_shape)
    for output in proto.graph.output:
        tensor = output.type.tensor_type
        tensor.shape.ClearField("dim")
        tensor.shape.dim.add(dim_param="N")
        for size in shapes[output.name]:
            tensor.shape.dim.add(dim_value=size)
    return proto


def compile_graph(model: Exportable) -> "ModelProto":
    """Export by `torch.export`.

    Raises:
        RuntimeError: torch cannot export the model.
    """
    with _quiet():
        program: Any = torch.onnx.export(
            _graph(model),
            (_example(model),),
            dynamo=True,
            opset_version=OPSET,
            input_names=[IMAGES],
            output_names=list(outputs_of(model)),
            dynamic_shapes=({0: torch.export.Dim("N")},),
            verbose=False,
        )
        proto: ModelProto = program.model_proto
    return proto


EXPORTERS = (trace, compile_graph)


def remove_local_paths(proto: "ModelProto") -> None:
    """Remove what the exporters note about the source code on this machine."""
    for node in proto.graph.node:
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
    for value in (*proto.graph.input, *proto.graph.output):
        value.ClearField("metadata_props")
    proto.graph.ClearField("value_info")


def _graph(model: Exportable) -> Graph:
    graph = Graph(copy.deepcopy(model)).eval()
    replace_derived(graph)
    return graph


def _example(model: Exportable) -> Tensor:
    return torch.zeros(2, *model.image_shape, dtype=torch.uint8)


def _fold_constants(proto: "ModelProto", image_shape: tuple[int, int, int]) -> None:
    """Turn all values into weights that do not depend on the images, or only on their size."""
    graph = proto.graph
    known = {weight.name for weight in graph.initializer}
    wanted: set[str] = set()
    for node in graph.node:
        if known.issuperset(name for name in node.input if name):
            known.update(node.output)
        else:
            sizes = node.input[1:] if node.op_type in SIZED else []
            wanted.update(name for name in [*node.input, *sizes] if name in known or name in sizes)
    computed = sorted(wanted - {weight.name for weight in graph.initializer} - {""})
    graph.initializer.extend(_compute(proto, computed, image_shape))
    _resize_sides_only(graph)
    _remove_unused(graph)


def _resize_sides_only(graph: "GraphProto") -> None:
    """Leave the number of images, which may be any, out of the sizes of resized maps."""
    from onnx import helper, numpy_helper

    weights = {weight.name: weight for weight in graph.initializer}
    for node in graph.node:
        if node.op_type == "Resize" and len(node.input) == 4 and node.input[3] in weights:
            sizes = numpy_helper.to_array(weights[node.input[3]])
            name = f"{node.input[3]}_sides"
            if name not in weights:  # maps may share their sizes
                weights[name] = numpy_helper.from_array(sizes[2:], name)
                graph.initializer.append(weights[name])
            node.input[3] = name
            node.attribute.append(helper.make_attribute("axes", [2, 3]))


def _compute(proto: "ModelProto", names: Sequence[str], image_shape: tuple[int, int, int]) -> "list[TensorProto]":
    """Return the values of the graph with these names that are the same for all images.

    A shape of which only one size depends on the number of images is given as such, with -1 for that size.
    """
    import onnxruntime
    from onnx import ModelProto, helper, numpy_helper

    if not names:
        return []
    model = ModelProto()
    model.CopyFrom(proto)
    model.graph.ClearField("output")
    model.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    _remove_unused(model.graph)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    two, three = (session.run(names, {IMAGES: np.zeros((count, *image_shape), np.uint8)}) for count in (2, 3))
    weights = []
    for name, value, other in zip(names, two, three, strict=True):
        if value.shape == other.shape and (value != other).sum() <= (1 if value.dtype == np.int64 else 0):
            weights.append(numpy_helper.from_array(np.where(value == other, value, -1).astype(value.dtype), name))
    return weights


def _remove_unused(graph: "GraphProto") -> None:
    """Remove nodes and weights that no output depends on, and nodes whose results are weights by now."""
    weights = {weight.name for weight in graph.initializer}
    needed = {output.name for output in graph.output}
    nodes = []
    for node in reversed(graph.node):
        if needed.intersection(node.output) and not weights.issuperset(node.output):
            needed.update(node.input)
            nodes.append(node)
    kept = [weight for weight in graph.initializer if weight.name in needed]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(reversed(nodes))
    graph.initializer.extend(kept)


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress the logs, warnings and prints of the exporters."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
