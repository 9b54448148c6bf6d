"""Untrusted ONNX files are run as arithmetic or refused in one line, whatever they contain."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper

from aecli import inference
from aecli.checkpoint import load_checkpoint
from aecli.errors import AecliError, InputError
from aecli.inference.onnx.export import export
from aecli.reports.describe import describe
from tests.command_line import Run


@pytest.fixture(scope="module")
def content(conv_run: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("exported") / "digits.onnx"
    export(load_checkpoint(conv_run), path)
    return path.read_bytes()


@pytest.fixture
def forge(content: bytes, tmp_path: Path) -> Callable[[Callable[[ModelProto], object]], Path]:
    """Return a function that writes a changed model and returns its path."""

    def write(change: Callable[[ModelProto], object]) -> Path:
        model = onnx.load_model_from_string(content)
        change(model)
        path = tmp_path / "forged.onnx"
        path.write_bytes(model.SerializeToString())
        return path

    return write


def set_metadata(key: str, value: str) -> Callable[[ModelProto], None]:
    def change(model: ModelProto) -> None:
        next(entry for entry in model.metadata_props if entry.key == key).value = value

    return change


def set_header(**values: object) -> Callable[[ModelProto], None]:
    def change(model: ModelProto) -> None:
        entry = next(entry for entry in model.metadata_props if entry.key == "aecli")
        entry.value = json.dumps(json.loads(entry.value) | values)

    return change


def use_external_data(path: str) -> Callable[[ModelProto], None]:
    def change(model: ModelProto) -> None:
        weight = model.graph.initializer[0]
        weight.ClearField("raw_data")
        weight.data_location = TensorProto.EXTERNAL
        weight.external_data.add(key="location", value=path)

    return change


def add_loop(model: ModelProto) -> None:
    body = helper.make_graph([], "body", [], [])
    model.graph.node.append(helper.make_node("Loop", ["", ""], ["endless"], body=body))


def set_weight_to_nan(model: ModelProto) -> None:
    weight = model.graph.initializer[0]
    weight.CopyFrom(onnx.numpy_helper.from_array(np.full(weight.dims, np.nan, np.float32), weight.name))


def set_memory(values: NDArray[Any], name: str = "trained_images") -> Callable[[ModelProto], None]:
    """Replace the memory of the training images."""

    def change(model: ModelProto) -> None:
        memory = next(tensor for tensor in model.graph.initializer if tensor.name == "trained_images")
        memory.CopyFrom(onnx.numpy_helper.from_array(values, name))

    return change


def detach_codes(model: ModelProto) -> None:
    """Make the decoder use a hidden value instead of the output `codes`."""
    node = next(node for node in model.graph.node if "codes" in node.output)
    model.graph.node.append(helper.make_node("Relu", [node.input[0]], ["codes"]))
    node.output[0] = "hidden"
    for later in model.graph.node:
        later.input[:] = ["hidden" if name == "codes" else name for name in later.input]


def add_padding(model: ModelProto, border: int | None) -> None:
    """Pad the images by `border` pixels on each side; None is a size that the graph computes."""
    if border is not None:
        pads = np.array([0, 0, border, border] * 2, np.int64)
        model.graph.initializer.append(onnx.numpy_helper.from_array(pads, "border"))
    model.graph.node.append(helper.make_node("Pad", ["images", "border"], ["large"]))


HOSTILE: dict[str, tuple[str, Callable[[ModelProto], object]]] = {
    "no metadata": ("not made by aecli", lambda model: model.ClearField("metadata_props")),
    "no fingerprint": ("metadata", set_metadata("fingerprint", "")),
    "other fingerprint": ("metadata", set_metadata("fingerprint", "sha256:\n")),
    "negative decoder size": ("metadata", set_metadata("decoder_bytes", "-1")),
    "no header": ("metadata", set_metadata("aecli", "{}]")),
    "header of a detector": ("not a checkpoint", set_header(kind="detector")),
    "newer format": ("newer", set_header(format=999)),
    "larger images": ("inputs", set_header(image_shape=[1, 16, 8])),
    "other codes": ("inputs", set_header(code_shape=[4, 2, 3])),
    "weights in a system file": ("weights", use_external_data("/etc/passwd")),
    "weights in the file itself": ("weights", use_external_data("forged.onnx")),
    "weights that are not finite": ("not finite", set_weight_to_nan),
    "truncated weights": (
        "weight",
        lambda model: setattr(model.graph.initializer[0], "raw_data", model.graph.initializer[0].raw_data[:-1]),
    ),
    "loop": ("loops", add_loop),
    "function": ("functions", lambda model: model.functions.add(name="f", domain="d")),
    "other operators": ("operators", lambda model: setattr(model.graph.node[0], "domain", "com.microsoft")),
    "sparse weights": ("sparse weights", lambda model: model.graph.sparse_initializer.add()),
    "no output": ("inputs", lambda model: model.graph.output.pop()),
    "other input": ("inputs", lambda model: setattr(model.graph.input[0], "name", "photo")),
    "float images": (
        "inputs",
        lambda model: setattr(model.graph.input[0].type.tensor_type, "elem_type", TensorProto.FLOAT),
    ),
    "images of an unknown type": (
        "inputs",
        lambda model: setattr(model.graph.input[0].type.tensor_type, "elem_type", 2**31 - 1),
    ),
    "no memory": ("memory", set_memory(np.zeros(9, np.uint8), "other")),
    "too short a memory": ("memory", set_memory(np.zeros(100, np.uint8))),
    "memory of floats": ("memory", set_memory(np.zeros(9, np.float32))),
    "unknown operator": ("operators", lambda model: setattr(model.graph.node[0], "op_type", "Nonsense")),
    "huge constant": (
        "operators",
        lambda model: setattr(model.graph.node[0], "op_type", "ConstantOfShape"),
    ),
    "huge padding": ("sizes", lambda model: add_padding(model, 40_000)),
    "computed padding": ("sizes", lambda model: add_padding(model, None)),
    "no nodes": ("damaged model", lambda model: model.graph.ClearField("node")),
    "newer opset": ("damaged model", lambda model: setattr(model.opset_import[0], "version", 9999)),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files_are_refused(
    case: str, forge: Callable[..., Path], capfd: pytest.CaptureFixture[str], aecli: Run, tmp_path: Path
) -> None:
    message, change = HOSTILE[case]
    path = forge(change)
    with pytest.raises(InputError, match=message) as caught:
        inference.load(path)
    assert "\n" not in caught.value.message
    assert str(path) in caught.value.message
    result = aecli("encode", "digits:test", "--model", path, "-o", tmp_path / "codes.npz")
    assert result.status == 4
    assert capfd.readouterr() == ("", "")  # ONNX Runtime prints nothing either


def test_a_decoder_that_does_not_use_the_codes_is_refused(forge: Callable[..., Path], digits: NDArray[Any]) -> None:
    model = inference.load(forge(detach_codes))
    codes = model.encode(digits[:2])
    with pytest.raises(InputError, match="damaged model"):
        model.decode(codes)


def test_results_of_another_shape_are_refused(forge: Callable[..., Path], digits: NDArray[Any]) -> None:
    def sum_over_batch(model: ModelProto) -> None:
        norm = next(node for node in model.graph.node if "residual" in node.output)
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([1, -1]), "one_row"))
        reshape = onnx.helper.make_node("Reshape", [norm.input[0], "one_row"], ["images_as_one"])
        model.graph.node.insert(list(model.graph.node).index(norm), reshape)
        norm.input[0] = "images_as_one"

    with pytest.raises(InputError, match="damaged model"):
        inference.load(forge(sum_over_batch)).score(digits[:3])


@pytest.mark.parametrize("other", [b"PK\3\4", b"nonsense" * 50, b"\x08\x0a", b"\0" * 1000])
def test_files_of_other_formats_are_refused(other: bytes, tmp_path: Path) -> None:
    path = tmp_path / "other.onnx"
    path.write_bytes(other)
    for read in (inference.load, describe):
        with pytest.raises(InputError, match=r"not an ONNX model|not made by aecli"):
            read(path)


@pytest.mark.slow
def test_random_bytes_are_refused_or_harmless(
    content: bytes, tmp_path: Path, digits: NDArray[Any], capfd: pytest.CaptureFixture[str]
) -> None:
    random = np.random.default_rng(0)
    path = tmp_path / "changed.onnx"
    for _ in range(150):
        changed = bytearray(content)
        for offset in random.integers(0, len(content), random.integers(1, 4)):
            changed[offset] = random.integers(0, 256)
        path.write_bytes(bytes(changed[: random.integers(1, len(content))] if random.random() < 0.1 else changed))
        for use in (describe, lambda path: inference.load(path).reconstruct(digits[:2])):
            with suppress(AecliError):
                use(path)
    assert capfd.readouterr() == ("", "")
