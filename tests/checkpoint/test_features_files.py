"""Checkpoints and exported models of features: they load as they were saved, and hostile ones are refused."""

import json
import resource
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from aecli import inference
from aecli.checkpoint import METADATA_KEY, load_checkpoint, save_checkpoint
from aecli.detection.detector import detector_for
from aecli.errors import ExitStatus, InputError
from aecli.storage.run_files import MODEL_FILE, ONNX_FILE
from tests.command_line import Run

Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def forge(features_run: Path, tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes `features_run`'s checkpoint with a changed header or changed tensors."""

    def run(header: Change = len, tensors: Change = len) -> Path:
        with safe_open(features_run / MODEL_FILE, framework="np") as file:
            document = json.loads(file.metadata()[METADATA_KEY])
        content = load_file(features_run / MODEL_FILE)
        header(document)
        tensors(content)
        path = tmp_path / "forged.safetensors"
        save_file(content, path, metadata={METADATA_KEY: json.dumps(document)})
        return path

    return run


def test_a_saved_model_is_loaded_unchanged(features_run: Path, tmp_path: Path) -> None:
    loaded, again = load_checkpoint(features_run), tmp_path / "again.safetensors"
    save_checkpoint(loaded.model, loaded.header, again, loaded.trained_images, loaded.normal_statistics)
    assert again.read_bytes() == (features_run / MODEL_FILE).read_bytes()
    assert {"position", "patch", "pooled"} <= loaded.normal_statistics.keys()
    images = np.random.default_rng(0).integers(0, 256, (3, *loaded.header.image_shape), np.uint8)
    first, second = (inference.load(path, device="cpu") for path in (features_run / MODEL_FILE, again))
    np.testing.assert_array_equal(first.encode(images), second.encode(images))


def test_the_file_holds_no_weights_that_are_not_used(features_run: Path) -> None:
    names = load_file(features_run / MODEL_FILE).keys()
    numbers = {int(name.split(".")[4]) for name in names if name.startswith("encoder.backbone.network.features.")}
    assert numbers == set(range(12)), "the last layer that is used is features.11, of 13"
    assert not any("classifier" in name for name in names)


def set_argument(name: str, value: object) -> Change:
    return lambda header: header["arguments"].update({name: value})


HOSTILE_HEADERS: dict[str, Change] = {
    "huge components": set_argument("components", 10**9),
    "more components": set_argument("components", 9),
    "huge grid": set_argument("stride", 1),
    "no stride": set_argument("stride", 0),
    "unknown backbone": set_argument("backbone", "torchvision/no_such_network"),
    "backbone of a hub": set_argument("backbone", "timm/hf-hub:timm/resnet18.a1_in1k"),
    "backbone of a folder": set_argument("backbone", "timm/local-dir:/etc"),
    "detector as backbone": set_argument("backbone", "torchvision/fasterrcnn_resnet50_fpn"),
    "other backbone": set_argument("backbone", "torchvision/resnet18"),
    "huge backbone": set_argument("backbone", "torchvision/regnet_y_128gf"),
    "huge backbone of timm": set_argument("backbone", "timm/vit_gigantic_patch14_clip_224"),
    "backbone that is a number": set_argument("backbone", 5),
    "unknown layers": set_argument("layers", ["features.99"]),
    "layers that are text": set_argument("layers", "features.3"),
    "even smoothing": set_argument("smoothing", 2),
    "huge smoothing": set_argument("smoothing", 10**15 + 1),
    "code without a grid": lambda header: header.update(code_shape=[8]),
    "huge images": lambda header: header.update(image_shape=[3, 10**9, 10**9]),
    "another task": lambda header: header.update(task="autoencoder"),
}


@pytest.mark.parametrize("change", HOSTILE_HEADERS.values(), ids=list(HOSTILE_HEADERS))
@pytest.mark.long
def test_hostile_headers_are_refused_in_one_line(
    change: Change, forge: Callable[..., Path], aecli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(*_: object, **__: object) -> None:
        raise AssertionError("a connection")

    monkeypatch.setattr(socket, "getaddrinfo", connect)
    monkeypatch.setattr(socket.socket, "connect", connect)
    path, before = forge(header=change), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = aecli("encode", "digits:test", "--model", path, "-o", path.with_suffix(".npz"), "--device", "cpu")
    assert result.status == ExitStatus.INPUT, result.err
    assert result.err.count("error: ") == 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000, "kilobytes"


HOSTILE_STATISTICS: dict[str, Change] = {
    "not finite": lambda tensors: tensors["normal.position.mean"].fill_(float("nan")),
    "of 16 bits": lambda tensors: tensors.update({"normal.position.mean": torch.zeros(8, 2, 2, dtype=torch.bfloat16)}),
    "missing": lambda tensors: tensors.pop("normal.position.mean"),
    "none at all": lambda tensors: [tensors.pop(name) for name in list(tensors) if name.startswith("normal.")],
    "of another grid": lambda tensors: tensors.update({"normal.position.mean": torch.zeros(8, 3, 3)}),
    "without axes": lambda tensors: tensors.update({"normal.position.mean": torch.tensor(0.0)}),
    "of other components": lambda tensors: tensors.update({"normal.position.whitening": torch.zeros(4, 3)}),
    "too large": lambda tensors: tensors["normal.position.whitening"].fill_(3e38),
}


@pytest.mark.parametrize("change", HOSTILE_STATISTICS.values(), ids=list(HOSTILE_STATISTICS))
@pytest.mark.long
def test_hostile_statistics_are_refused_in_one_line(
    change: Change, forge: Callable[..., Path], features_run: Path, aecli: Run, tmp_path: Path
) -> None:
    result = aecli("detect", "digits:test", "--model", forge(tensors=change), "--device", "cpu")
    assert result.status == ExitStatus.INPUT, result.err
    assert result.err.count("error: ") == 1
    assert not result.out

    model = onnx.load(features_run / ONNX_FILE)
    tensors = {
        value.name: torch.from_numpy(numpy_helper.to_array(value).copy())
        for value in model.graph.initializer
        if value.name.startswith("normal.")
    }
    names = list(tensors)
    change(tensors)
    kept = [value for value in model.graph.initializer if value.name not in names]
    kept += [numpy_helper.from_array(value.float().numpy(), name) for name, value in tensors.items()]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    unused = [node for node in model.graph.node if node.input[0] in names and node.input[0] not in tensors]
    for node in unused:
        model.graph.node.remove(node)
    onnx.save(model, tmp_path / "forged.onnx")
    result = aecli("detect", "digits:test", "--model", tmp_path / "forged.onnx")
    if change is not HOSTILE_STATISTICS["of 16 bits"]:
        assert result.status == ExitStatus.INPUT, result.err
        assert result.err.count("error: ") == 1


def test_the_statistics_are_those_of_the_checkpoint(features_run: Path) -> None:
    checkpoint, exported = load_checkpoint(features_run), inference.load(features_run / ONNX_FILE)
    assert exported.normal_statistics.keys() == checkpoint.normal_statistics.keys()
    for score, arrays in checkpoint.normal_statistics.items():
        for name, array in arrays.items():
            np.testing.assert_array_equal(exported.normal_statistics[score][name], array)


def test_a_score_that_the_model_does_not_have_is_refused(forge: Callable[..., Path]) -> None:
    model = inference.load(forge(header=lambda header: header.update(default_score="mse")), device="cpu")
    with pytest.raises(InputError):
        detector_for(model, None).scores(next(iter(model.outputs(np.zeros((2, *model.image_shape), np.uint8)))))
