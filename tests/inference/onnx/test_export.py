"""Exported models compute the same as torch for every architecture; otherwise no file is written."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray

from aecli import inference
from aecli.checkpoint import load_checkpoint, read_header, save_checkpoint
from aecli.checkpoint.onnx_file import OPERATORS
from aecli.codes import load_codes
from aecli.errors import InputError
from aecli.inference.onnx import export as exporting
from aecli.inference.onnx import graphs
from aecli.inference.onnx.backend import OnnxModel
from aecli.inference.onnx.export import export
from aecli.inference.torch_backend import TorchModel
from aecli.models.architectures import resolve_arguments
from aecli.models.autoencoder import Autoencoder
from aecli.models.layers import PadToMultiple
from aecli.storage.run_files import MODEL_FILE, ONNX_FILE
from tests.command_line import Run, succeed
from tests.models.image_architectures import IMAGE_ARCHITECTURES

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def exported(conv_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`conv_run`, exported; read-only."""
    path = tmp_path_factory.mktemp("exported") / "digits.onnx"
    export(load_checkpoint(conv_run), path)
    return path


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 13, 10)], ids=str)
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.long] * (name == "resnet")) for name in IMAGE_ARCHITECTURES]
)
def test_every_architecture_gives_the_same_results_with_onnx_runtime(
    name: str, shape: tuple[int, int, int], conv_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "EXPORTERS", (graphs.trace,))
    monkeypatch.setattr(exporting, "MAX_COMPARED", 8)
    channels = shape[0]
    arguments = resolve_arguments(name, {})
    torch.manual_seed(0)
    model = Autoencoder(name, shape, arguments, [0.3] * channels, [0.2] * channels).eval()
    header = replace(
        read_header(conv_run / MODEL_FILE),
        architecture=name,
        arguments=arguments,
        image_shape=shape,
        code_shape=model.code_shape,
        mean=[0.3] * channels,
        std=[0.2] * channels,
        quantizers=[],
    )
    save_checkpoint(model, header, tmp_path / MODEL_FILE)
    result = export(load_checkpoint(tmp_path), tmp_path / ONNX_FILE)
    assert result.relative_error <= 1e-4
    assert result.bytes == (tmp_path / ONNX_FILE).stat().st_size

    exported = inference.load(tmp_path / ONNX_FILE)
    original = inference.load(tmp_path / MODEL_FILE, device="cpu")
    assert isinstance(exported, OnnxModel)
    assert exported.header == original.header
    assert exported.fingerprint == original.fingerprint
    assert exported.decoder_bytes == original.decoder_bytes
    images = np.random.default_rng(1).integers(0, 256, (7, *shape), np.uint8)
    codes = original.encode(images)
    np.testing.assert_allclose(exported.encode(images), codes, atol=1e-4 * np.abs(codes).max())
    np.testing.assert_allclose(exported.score(images), original.score(images), rtol=1e-4)
    assert np.abs(exported.decode(codes).astype(int) - original.decode(codes)).max() <= 1
    (output,), (expected,) = exported.outputs(images), original.outputs(images)
    np.testing.assert_allclose(output.reconstructions, expected.reconstructions, atol=1e-2)
    assert exported.encode(images[:0]).shape == (0, *model.code_shape)


@pytest.mark.parametrize("run", ["conv_run", "mlp_run"])
def test_anomalies_are_the_same_as_with_torch(
    run: str, request: pytest.FixtureRequest, tmp_path: Path, digits: NDArray[Any]
) -> None:
    folder = request.getfixturevalue(run)
    export(load_checkpoint(folder), tmp_path / ONNX_FILE)
    actual, expected = (inference.load(path, device="cpu").score(digits) for path in (tmp_path / ONNX_FILE, folder))
    np.testing.assert_allclose(actual, expected, rtol=1e-4)
    threshold = np.quantile(expected, 0.9)
    np.testing.assert_array_equal(actual > threshold, expected > threshold)


def fail(model: Autoencoder) -> onnx.ModelProto:
    raise RuntimeError("not supported")


def another_model(model: Autoencoder) -> onnx.ModelProto:
    proto = graphs.trace(model)
    weight = proto.graph.initializer[0]
    weight.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(weight) + 1, weight.name))
    return proto


@pytest.mark.parametrize("first", [fail, another_model])
@pytest.mark.long
def test_the_next_exporter_is_used_if_one_fails(
    first: Callable[[Autoencoder], onnx.ModelProto], mlp_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "EXPORTERS", (first, graphs.compile_graph))
    assert export(load_checkpoint(mlp_run), tmp_path / ONNX_FILE).relative_error <= 1e-4
    monkeypatch.setattr(exporting, "EXPORTERS", (first, fail))
    with pytest.raises(InputError, match="not supported"):
        export(load_checkpoint(mlp_run), tmp_path / ONNX_FILE)


def test_layers_that_compute_sizes_are_exported_by_tracing() -> None:
    """Their sizes become constants, which `OnnxFile` requires."""
    model = Autoencoder("mlp", (3, 12, 12), {}, [0.3] * 3, [0.2] * 3).eval()
    model.encoder = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3, stride=2, padding=1, padding_mode="reflect"),
        torch.nn.BatchNorm2d(4),
        torch.nn.GELU(),
        PadToMultiple(4),
        torch.nn.AvgPool2d(2),
        torch.nn.GroupNorm(2, 4),
        torch.nn.Flatten(2),
        torch.nn.Unflatten(2, (4, 4)),
        torch.nn.Flatten(),
        torch.nn.Linear(64, 128),
    )
    operators = {node.op_type for node in graphs.trace(model).graph.node}
    assert "Pad" in operators
    assert operators <= OPERATORS


def test_constants_of_the_graph_are_folded(tmp_path: Path, conv_run: Path) -> None:
    arguments = {"channels": [64, 48, 8]}
    model = Autoencoder("conv", (1, 8, 8), arguments, [0.3], [0.2])
    header = replace(
        read_header(conv_run / MODEL_FILE), arguments=arguments, code_shape=model.code_shape, quantizers=[]
    )
    save_checkpoint(model, header, tmp_path / MODEL_FILE)
    export(load_checkpoint(tmp_path), tmp_path / ONNX_FILE)
    graph = onnx.load(tmp_path / ONNX_FILE).graph
    weights = {weight.name for weight in graph.initializer}
    convolutions = [node for node in graph.node if node.op_type in ("Conv", "ConvTranspose")]
    assert len(convolutions) == 6
    assert all(set(node.input[1:]) <= weights for node in convolutions)


def test_exported_files_are_reproducible_and_contain_no_local_paths(
    exported: Path, conv_run: Path, tmp_path: Path
) -> None:
    content = exported.read_bytes()
    for word in (b"site-packages", b"aecli/models", b"torch/", str(tmp_path.parent).encode()):
        assert word not in content
    export(load_checkpoint(conv_run), tmp_path / "again.onnx")
    assert (tmp_path / "again.onnx").read_bytes() == content


def test_a_model_with_different_results_is_not_written(
    conv_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "EXPORTERS", (graphs.trace,))
    path = tmp_path / ONNX_FILE
    path.write_bytes(b"before")
    decode = OnnxModel.decode_levels
    monkeypatch.setattr(OnnxModel, "decode_levels", lambda model, codes: decode(model, codes) + np.float32(0.1))
    with pytest.raises(InputError, match="not exported"):
        export(load_checkpoint(conv_run), path)
    monkeypatch.setattr(OnnxModel, "decode_levels", lambda model, codes: decode(model, codes) * np.float32("nan"))
    with pytest.raises(InputError, match="not exported"):
        export(load_checkpoint(conv_run), path)
    assert path.read_bytes() == b"before"
    assert [file.name for file in tmp_path.iterdir()] == [ONNX_FILE]


def test_a_model_that_is_too_large_for_one_file_is_refused(
    conv_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "MAX_WEIGHT_BYTES", 1000)
    with pytest.raises(InputError, match="2 GB"):
        export(load_checkpoint(conv_run), tmp_path / ONNX_FILE)


def test_the_export_command(aecli_apart: Run, copied_run: Path, tmp_path: Path) -> None:
    into_run = aecli_apart("export", copied_run)
    assert into_run.status == 0
    assert into_run.err == ""
    path, line = into_run.out.splitlines()
    assert path == str(copied_run / ONNX_FILE)
    assert "opset 20" in line
    document = succeed("export", copied_run / MODEL_FILE, "-o", tmp_path / "digits.onnx", "--json").document
    assert document["bytes"] == (tmp_path / "digits.onnx").stat().st_size
    assert document["opset"] == 20
    assert 0 <= document["relative_error"] <= 1e-4


def test_invalid_exports_are_refused(aecli: Run, conv_run: Path, exported: Path, tmp_path: Path) -> None:
    no_output = aecli("export", conv_run / MODEL_FILE)
    assert no_output.status == 2
    assert "-o" in no_output.err
    assert aecli("export", conv_run, "-o", tmp_path / "digits.pt").status == 2
    assert aecli("export", tmp_path / "none", "-o", tmp_path / "digits.onnx").status == 4
    again = aecli("export", exported, "-o", tmp_path / "digits.onnx")
    assert again.status == 4
    assert "run folder" in again.err


@pytest.fixture
def copied_run(conv_run: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "copied"
    folder.mkdir()
    (folder / MODEL_FILE).write_bytes((conv_run / MODEL_FILE).read_bytes())
    return folder


def test_the_exported_model_of_a_run_folder_is_used_on_the_cpu(copied_run: Path, exported: Path, mlp_run: Path) -> None:
    (copied_run / ONNX_FILE).write_bytes(exported.read_bytes())
    model = inference.load(copied_run, device="cpu")
    assert isinstance(model, OnnxModel)
    assert not model.notes
    assert isinstance(inference.load(copied_run / MODEL_FILE, device="cpu"), TorchModel)

    (copied_run / MODEL_FILE).write_bytes((mlp_run / MODEL_FILE).read_bytes())
    other = inference.load(copied_run, device="cpu")
    assert isinstance(other, TorchModel)
    assert other.header.architecture == "mlp"
    (note,) = other.notes
    assert "another model" in note
    assert f"aecli export {copied_run}" in note

    (copied_run / ONNX_FILE).write_bytes(exported.read_bytes()[:1000])
    (note,) = inference.load(copied_run, device="cpu").notes
    assert "ONNX" in note

    (copied_run / MODEL_FILE).unlink()
    (copied_run / ONNX_FILE).write_bytes(exported.read_bytes())
    assert isinstance(inference.load(copied_run), OnnxModel)


def test_commands_note_that_the_exported_model_is_not_used(
    aecli: Run, copied_run: Path, mlp_run: Path, exported: Path, tmp_path: Path
) -> None:
    (copied_run / MODEL_FILE).write_bytes((mlp_run / MODEL_FILE).read_bytes())
    (copied_run / ONNX_FILE).write_bytes(exported.read_bytes())
    codes = tmp_path / "codes.npz"
    model = ("--model", copied_run, "--device", "cpu")
    calls: list[tuple[str | Path, ...]] = [
        ("encode", "digits:test", "-o", codes),
        ("decode", codes, "-o", tmp_path / "grid.png"),
        ("compress-report", "digits:test@0"),
    ]
    for words in calls:
        result = aecli(*words, *model)
        assert result.status == 0, result.err
        assert result.err.count("note: ") == 1 + ("resized" in result.err)
        assert "another model" in result.err


@pytest.mark.long
def test_commands_accept_an_exported_model(aecli: Run, exported: Path, codes_file: Path, tmp_path: Path) -> None:
    codes, images = tmp_path / "codes.npz", tmp_path / "images.npz"
    assert aecli("encode", "digits:test", "--model", exported, "-o", codes).status == 0
    actual, expected = load_codes(codes), load_codes(codes_file)
    assert actual.meta == expected.meta
    assert actual.residual_l2 is not None
    assert expected.residual_l2 is not None
    np.testing.assert_allclose(actual.codes, expected.codes, atol=1e-4 * np.abs(expected.codes).max())
    np.testing.assert_allclose(actual.residual_l2, expected.residual_l2, rtol=1e-4)
    assert aecli("decode", codes_file, "--model", exported, "-o", images).status == 0
    assert aecli("compress-report", "digits:test", "--model", exported).status == 0
    info = aecli("info", exported, "--json")
    document = json.loads(info.out)
    assert document["kind"] == "exported model"
    assert document["fingerprint"] == expected.meta.model_fingerprint
    assert document["architecture"] == "conv"
    on_gpu = aecli("encode", "digits:test", "--model", exported, "-o", codes, "--device", "cuda")
    assert on_gpu.status == 6
    assert "--device cpu" in on_gpu.err


def test_an_exported_model_cannot_be_trained(aecli: Run, exported: Path, tmp_path: Path) -> None:
    result = aecli("train", "digits", "-o", tmp_path / "run", "--init-from", exported)
    assert result.status == 4
    assert "exported" in result.err
    assert not (tmp_path / "run").exists()


def test_overwriting_a_run_removes_its_exported_model(
    train: Callable[..., Path], exported: Path, tmp_path: Path
) -> None:
    folder = train(tmp_path / "run", "--epochs", 1)
    (folder / ONNX_FILE).write_bytes(exported.read_bytes())
    train(folder, "--epochs", 1, "--overwrite")
    assert not (folder / ONNX_FILE).exists()
