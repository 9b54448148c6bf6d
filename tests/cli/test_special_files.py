"""Paths that are not regular files, such as pipes, devices and link loops, are refused without waiting."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from aecli.errors import ExitStatus
from tests.command_line import Run

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs named pipes and devices")

COMMANDS = [
    "encode {} --model RUN -o OUT.npz",
    "encode digits:test --model {} -o OUT.npz",
    "decode {} --model RUN -o OUT.png",
    "tsne {} -o OUT.png",
    "knn-probe {} {} -o OUT.png",
    "compress-report {} --model RUN",
    "calibrate --model RUN --normal {} -o OUT.safetensors",
    "detect {} --model RUN",
    "detect RUN --model RUN --detector {}",
    "classify {} --model RUN",
    "compare {} RUN",
    "export {} -o OUT.onnx",
    "info {}",
    "train {} -o OUT --epochs 1",
    "train digits -o OUT --recipe {}",
    "train digits -o OUT --init-from {}",
]


@pytest.fixture
def special_files(tmp_path: Path) -> list[Path]:
    """Return paths that are not regular files, and paths that are too long."""
    loop, broken = tmp_path / "loop.npz", tmp_path / "broken.safetensors"
    loop.symlink_to(loop)
    broken.symlink_to(tmp_path / "nowhere")
    paths = [Path("/dev/zero"), Path("/dev/null"), loop, broken, tmp_path / ("x" * 300), tmp_path / ("y/" * 3000)]
    for suffix in ("npz", "npy", "png", "safetensors", "onnx", "toml"):
        os.mkfifo(tmp_path / f"pipe.{suffix}")
        paths.append(tmp_path / f"pipe.{suffix}")
    return paths


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_refuses_special_files(
    command: str, special_files: list[Path], aecli: Run, conv_run: Path, tmp_path: Path
) -> None:
    out = str(tmp_path / "out")
    for path in special_files:
        paths = {"RUN": conv_run, "{}": path}
        result = aecli(*(paths.get(word, word.replace("OUT", out)) for word in command.split()))
        assert result.status in {ExitStatus.INPUT, ExitStatus.USAGE}, f"{path}: {result.err}"
        assert result.err.count("error: ") == 1, result.err
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("out")]


@pytest.mark.parametrize("name", ["last.ckpt", "recipe.toml"])
def test_resuming_refuses_a_pipe_in_the_run_folder(
    name: str, train: Callable[..., Path], aecli: Run, tmp_path: Path
) -> None:
    run = train(tmp_path / "run", "--epochs", "1", "--recipe", "mlp", "--keep-state")
    (run / name).unlink()
    os.mkfifo(run / name)
    result = aecli("train", "digits", "-o", run, "--resume", "--device", "cpu")
    assert result.status == ExitStatus.INPUT, result.err
    assert "regular file" in result.err
