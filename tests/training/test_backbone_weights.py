"""Weights of a backbone from files: checked by name, shape and value, and read without running code."""

import os
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from aecli.errors import InputError
from aecli.storage import limits
from aecli.training.pretrained import Pretrained, load_backbone, load_start
from tests.tiny_backbone import feature_model, random_network, write_weights

FIRST = "features.0.0.weight"
Weights = dict[str, Any]


class Hostile:
    """Removes a file when it is unpickled."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.remove, (str(self.path),)


def weights() -> Weights:
    return dict(random_network().state_dict())


def read(path: Path) -> dict[str, Tensor]:
    start = load_start(path)
    assert isinstance(start, Pretrained)
    return start.weights


def loaded(path: Path) -> dict[str, Tensor]:
    """Return the weights of a backbone that were loaded from a file."""
    model = feature_model()
    for parameter in model.encoder.backbone.parameters():
        parameter.data.zero_()
    load_backbone(model, read(path), str(path))
    return model.encoder.backbone.network.state_dict()


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth", "w.pt", "w.bin"])
def test_the_weights_of_the_used_part_are_loaded(name: str, tmp_path: Path) -> None:
    expected = random_network().state_dict()
    found = loaded(write_weights(tmp_path / name))
    assert found.keys() < expected.keys()
    assert all(torch.equal(value, expected[key]) for key, value in found.items())


@pytest.mark.parametrize(
    "wrap",
    [
        lambda content: {"state_dict": content, "epoch": 3, "optimizer": {"lr": 0.1}},
        lambda content: {"model": content},
        OrderedDict,
        lambda content: {key: torch.nn.Parameter(value, False) for key, value in content.items()},
        lambda content: {key: value.half() if value.is_floating_point() else value for key, value in content.items()},
        lambda content: {key: value for key, value in content.items() if not key.endswith("num_batches_tracked")},
    ],
)
@pytest.mark.parametrize("zipped", [True, False])
def test_files_of_training_scripts_and_of_older_versions_are_read(
    wrap: Callable[[Weights], Weights], zipped: bool, tmp_path: Path
) -> None:
    torch.save(wrap(weights()), tmp_path / "w.pth", _use_new_zipfile_serialization=zipped)
    found, expected = loaded(tmp_path / "w.pth"), random_network().state_dict()
    torch.testing.assert_close(found[FIRST], expected[FIRST], atol=1e-3, rtol=1e-2)


def expanded(tensor: Tensor) -> Tensor:
    """Return a tensor that claims far more values than its file holds."""
    return torch.as_strided(tensor, (10**9, 10**9), (0, 0))


CHANGES: dict[str, Callable[[Weights], Any]] = {
    "missing": lambda w: w.pop(FIRST),
    "another shape": lambda w: w.update({FIRST: torch.zeros(3, 3)}),
    "not finite": lambda w: w[FIRST].fill_(float("nan")),
    "integers": lambda w: w.update({FIRST: w[FIRST].int()}),
    "complex numbers": lambda w: w.update({FIRST: w[FIRST].cfloat()}),
    "8 bits": lambda w: w.update({FIRST: w[FIRST].to(torch.float8_e4m3fn)}),
}
PICKLED_CHANGES: dict[str, Callable[[Weights], Any]] = {
    "a sparse tensor": lambda w: w.update({FIRST: w[FIRST].to_sparse()}),
    "a tensor without values": lambda w: w.update({FIRST: w[FIRST].to("meta")}),
    "more values than stored": lambda w: w.update({FIRST: expanded(w[FIRST])}),
    "numbers": lambda w: w.update({FIRST: 3.5}),
    "nothing": lambda w: w.clear(),
    "a list": lambda w: w.update({"state_dict": [1, 2]}),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
def test_weights_that_do_not_fit_are_refused(change: Callable[[Weights], Any], suffix: str, tmp_path: Path) -> None:
    content, path = weights(), tmp_path / f"w.{suffix}"
    change(content)
    save_file(content, path) if suffix == "safetensors" else torch.save(content, path)
    with pytest.raises(InputError, match=r"weight|read") as caught:
        loaded(path)
    assert str(path) in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("change", PICKLED_CHANGES.values(), ids=list(PICKLED_CHANGES))
def test_other_objects_than_weights_are_refused(change: Callable[[Weights], Any], tmp_path: Path) -> None:
    content, path = weights(), tmp_path / "w.pth"
    change(content)
    torch.save(content, path)
    with pytest.raises(InputError, match="weight"):
        loaded(path)


@pytest.mark.parametrize("name", ["w.pth", "w.pt", "w.bin", "w.ckpt", "w.pkl"])
@pytest.mark.parametrize("zipped", [True, False, None])
def test_reading_runs_no_code(name: str, zipped: bool | None, tmp_path: Path) -> None:
    precious, path = tmp_path / "precious", tmp_path / name
    precious.touch()
    content = {"state_dict": weights(), "extra": Hostile(precious)}
    if zipped is None:
        path.write_bytes(pickle.dumps({"extra": Hostile(precious)}))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(InputError) as caught:
        load_start(path)
    assert precious.exists()
    assert "torch.save" in (caught.value.hint or "")


def test_a_decompression_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BOMB_BYTES", 10**6)
    torch.save({"zeros": torch.zeros(10**6)}, tmp_path / "w.pth")
    with (
        zipfile.ZipFile(tmp_path / "w.pth") as archive,
        zipfile.ZipFile(tmp_path / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as bomb,
    ):
        for name in archive.namelist():
            bomb.writestr(name, archive.read(name))
    load_start(tmp_path / "w.pth")
    monkeypatch.setattr(torch, "load", pytest.fail)
    with pytest.raises(InputError, match=r"bomb\.pth"):
        load_start(tmp_path / "bomb.pth")


@pytest.mark.parametrize("content", [b"\0" * 10240, b"x", b"ustar"])
def test_files_that_torch_did_not_write_are_not_unpacked(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "w.pth").write_bytes(content)
    monkeypatch.setattr(torch, "load", pytest.fail)
    with pytest.raises(InputError, match=r"w\.pth"):
        load_start(tmp_path / "w.pth")


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
@pytest.mark.parametrize("length", [0, 1, 100, 5000, -1, -500])
def test_truncated_files_are_refused(name: str, length: int, tmp_path: Path) -> None:
    path = write_weights(tmp_path / name)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(InputError, match=name) as refused:
        load_start(path)
    assert "weights" in str(refused.value)
    assert "damaged" in str(refused.value) or length == 0
    assert "model.safetensors" not in str(refused.value.hint)


def test_a_file_that_is_not_safetensors_is_no_damaged_model(tmp_path: Path) -> None:
    """Its user named weights of a network: nothing of aecli is at fault."""
    path = tmp_path / "w.safetensors"
    path.write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(InputError, match="weights"):
        load_start(path)


def test_missing_files_are_refused(tmp_path: Path) -> None:
    for name in ("none.pth", "none.safetensors"):
        with pytest.raises(InputError, match="none"):
            load_start(tmp_path / name)
