"""Pipes, devices, rings of links and names without end where a file is wanted: refused at once, in one line."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from aecli.errors import ExitStatus
from tests.command_line import Run

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
def no_files(tmp_path: Path) -> list[Path]:
    ring, broken = tmp_path / "ring.npz", tmp_path / "broken.safetensors"
    ring.symlink_to(ring)
    broken.symlink_to(tmp_path / "nowhere")
    places = [Path("/dev/zero"), Path("/dev/null"), ring, broken, tmp_path / ("x" * 300), tmp_path / ("y/" * 3000)]
    for suffix in ("npz", "npy", "png", "safetensors", "onnx", "toml"):
        os.mkfifo(tmp_path / f"pipe.{suffix}")
        places.append(tmp_path / f"pipe.{suffix}")
    return places


@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_no_file_is_refused(
    command: str, no_files: list[Path], aecli: Run, conv_run: Path, tmp_path: Path
) -> None:
    for place in no_files:
        known = {"RUN": conv_run, "OUT": tmp_path / "out"}
        words = [word.replace("OUT", str(known["OUT"])) if "OUT" in word else word for word in command.split()]
        result = aecli(*(place if word == "{}" else known.get(word, word) for word in words))
        assert result.status in {ExitStatus.INPUT, ExitStatus.USAGE}, f"{place}: {result.err}"
        assert result.err.count("error: ") == 1, result.err
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("out")]


@pytest.mark.parametrize("name", ["last.ckpt", "recipe.toml"])
def test_a_pipe_in_a_run_folder_is_not_waited_for(
    name: str, train: Callable[..., Path], aecli: Run, tmp_path: Path
) -> None:
    run = train(tmp_path / "run", "--epochs", "1", "--recipe", "mlp")
    (run / name).unlink()
    os.mkfifo(run / name)
    result = aecli("train", "digits", "-o", run, "--resume", "--accelerator", "cpu")
    assert result.status == ExitStatus.INPUT, result.err
    assert "not a regular file" in result.err


@pytest.mark.parametrize(
    "words", ["decode - --model RUN -o OUT.png", "info -", "tsne - -o OUT.png", "detect --files-from - --model RUN"]
)
def test_a_standard_input_without_end_is_not_read_to_it(words: str, conv_run: Path, tmp_path: Path) -> None:
    import subprocess
    import sys

    words = words.replace("RUN", str(conv_run)).replace("OUT", str(tmp_path / "out"))
    with Path("/dev/zero").open("rb") as endless:
        done = subprocess.run(
            [sys.executable, "-m", "aecli", *words.split()],
            stdin=endless,
            capture_output=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == ExitStatus.INPUT, done.stderr
