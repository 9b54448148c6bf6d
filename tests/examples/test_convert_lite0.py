"""examples/detection: weights of another package under timm's names."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from examples.detection.convert_lite0 import ConversionError, expected, rename

SCRIPT = Path(__file__).parents[2] / "examples" / "detection" / "convert_lite0.py"


def test_tensors_keep_their_order() -> None:
    weights = {"a": torch.zeros(2), "b": torch.ones(2, 3)}
    renamed = rename(weights, {"stem": torch.Size([2]), "head": torch.Size([2, 3])})
    assert list(renamed) == ["stem", "head"]
    assert torch.equal(renamed["head"], weights["b"])


@pytest.mark.parametrize("shapes", [{"stem": (2,)}, {"stem": (2,), "head": (3, 2)}], ids=["number", "shape"])
def test_weights_of_another_network_are_refused(shapes: dict[str, tuple[int, ...]]) -> None:
    with pytest.raises(ConversionError, match="tf_efficientnet_lite0"):
        rename(
            {"a": torch.zeros(2), "b": torch.ones(2, 3)}, {name: torch.Size(shape) for name, shape in shapes.items()}
        )


@pytest.mark.long
def test_the_script_writes_names_of_timm_or_one_line(tmp_path: Path) -> None:
    pytest.importorskip("timm")
    output, weights = tmp_path / "lite0.safetensors", tmp_path / "weights.pth"
    shapes = expected()
    state = {str(number): torch.zeros(shape) for number, shape in enumerate(shapes.values())}
    torch.save(state, weights)
    assert _convert(output, weights).returncode == 0
    assert {name: value.shape for name, value in load_file(output).items()} == shapes

    output.unlink()
    torch.save({"0": state["0"]}, weights)
    failed = _convert(output, weights)
    assert failed.returncode == 1
    assert len(failed.stderr.splitlines()) == 1
    assert not output.exists()


def _convert(output: Path, weights: Path) -> "subprocess.CompletedProcess[str]":
    words = [sys.executable, str(SCRIPT), str(output), "--weights", str(weights)]
    return subprocess.run(words, check=False, capture_output=True, text=True)
