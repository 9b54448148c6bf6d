"""Turn an autoencoder into an ONNX graph, with either of the two exporters of torch.

The exporter that traces a module takes a tenth of a second. It is deprecated, and it writes sizes that a module looks
up, such as those of an image to be padded, as computations; they are constants here. The exporter that is built on
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

import torch
from torch import Tensor, nn

from aecli.checkpoint.onnx_file import CODES, IMAGES, RECONSTRUCTION, RESIDUAL
from aecli.models.autoencoder import Autoencoder, residual_l2
from aecli.models.layers import PadToMultiple, replace_derived

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto

OPSET = 20
"""ONNX operator set of 2023, supported since ONNX Runtime 1.17."""
OUTPUTS = (CODES, RECONSTRUCTION, RESIDUAL)


class Graph(nn.Module):
    """Map uint8 images to codes, pixel levels of the reconstructions, and residuals."""

    def __init__(self, model: Autoencoder):
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = self.model.normalize(images)
        codes, reconstruction = self.model(x)
        return codes, self.model.levels(reconstruction), residual_l2(x, reconstruction)


def trace(model: Autoencoder) -> "ModelProto":
    """Export by running the model once, without torch's compiler.

    Raises:
        Exception: torch cannot export the model this way, or has no such exporter any more.
    """
    import onnx

    graph = _graph(model)
    images = _example(model)
    _fix_sizes(graph, images)
    content = io.BytesIO()
    with _quiet():
        torch.onnx.export(
            graph,
            (images,),
            content,  # type: ignore[arg-type]  # a file object works as well
            dynamo=False,
            opset_version=OPSET,
            input_names=[IMAGES],
            output_names=list(OUTPUTS),
            dynamic_axes={name: {0: "N"} for name in (IMAGES, *OUTPUTS)},
        )
    proto = onnx.load_model_from_string(content.getvalue())
    _fold_constants(proto)
    shapes = {CODES: model.code_shape, RECONSTRUCTION: model.image_shape, RESIDUAL: ()}
    for output in proto.graph.output:
        tensor = output.type.tensor_type
        tensor.shape.ClearField("dim")
        tensor.shape.dim.add(dim_param="N")
        for size in shapes[output.name]:
            tensor.shape.dim.add(dim_value=size)
    return proto


def compile_graph(model: Autoencoder) -> "ModelProto":
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
            output_names=list(OUTPUTS),
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


class _Reshape(nn.Module):
    """`nn.Unflatten(1, shape)` of (N, M) tensors, without looking up a size."""

    def __init__(self, shape: tuple[int, ...]):
        super().__init__()
        self.shape = shape

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(-1, *self.shape)


def _graph(model: Autoencoder) -> Graph:
    graph = Graph(copy.deepcopy(model)).eval()
    replace_derived(graph)
    return graph


def _example(model: Autoencoder) -> Tensor:
    return torch.zeros(2, *model.image_shape, dtype=torch.uint8)


def _fix_sizes(graph: nn.Module, images: Tensor) -> None:
    """Replace layers that look up the size of their input by layers that know it; `images` is an example of inputs."""
    fixed: dict[nn.Module, nn.Module] = {}

    def record(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        (x,) = inputs
        if isinstance(layer, PadToMultiple):
            fixed[layer] = nn.ReplicationPad2d((0, output.shape[-1] - x.shape[-1], 0, output.shape[-2] - x.shape[-2]))
        elif isinstance(layer, nn.Unflatten) and x.ndim == 2 and layer.dim == 1:
            fixed[layer] = _Reshape(tuple(output.shape[1:]))

    layers = [layer for layer in graph.modules() if isinstance(layer, PadToMultiple | nn.Unflatten)]
    hooks = [layer.register_forward_hook(record) for layer in layers]
    with torch.no_grad():
        graph(images)
    for hook in hooks:
        hook.remove()
    for parent in list(graph.modules()):
        for name, layer in parent.named_children():
            if layer in fixed:
                setattr(parent, name, fixed[layer])


def _fold_constants(proto: "ModelProto") -> None:
    """Turn the values of all nodes that do not depend on the images into weights."""
    graph = proto.graph
    weights = {weight.name for weight in graph.initializer}
    constant, others = [], []
    known = set(weights)
    for node in graph.node:
        if known.issuperset(name for name in node.input if name):
            constant.append(node)
            known.update(node.output)
        else:
            others.append(node)
    used = {name for node in others for name in node.input} & known - weights
    values = _compute(proto, constant, sorted(used))
    del graph.node[:]
    graph.node.extend(others)
    graph.initializer.extend(values)
    needed = {name for node in others for name in node.input}
    kept = [weight for weight in graph.initializer if weight.name in needed]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def _compute(proto: "ModelProto", nodes: "Sequence[NodeProto]", names: Sequence[str]) -> "list[TensorProto]":
    """Return the named outputs of nodes that depend on the weights only."""
    import onnxruntime
    from onnx import helper, numpy_helper

    if not names:
        return []
    inputs = {name for node in nodes for name in node.input}
    weights = [weight for weight in proto.graph.initializer if weight.name in inputs]
    outputs = [helper.make_empty_tensor_value_info(name) for name in names]
    constants = helper.make_graph(nodes, "constants", [], outputs, weights)
    model = helper.make_model(constants, ir_version=proto.ir_version, opset_imports=proto.opset_import)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return [
        numpy_helper.from_array(value, name) for name, value in zip(names, session.run(list(names), {}), strict=True)
    ]


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
