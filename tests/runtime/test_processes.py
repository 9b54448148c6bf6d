"""Several processes train one model or encode one data set together."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from lightning_fabric import Fabric
from torch import distributed

from aecli import inference
from aecli.errors import Interrupted, UsageError
from aecli.inference.shards import Shards
from aecli.runtime.processes import Process, Processes, find_processes
from tests.command_line import Run, succeed

pytestmark = pytest.mark.long

SLURM = {"SLURM_NTASKS": "4", "SLURM_PROCID": "3"}
TORCHRUN = {"TORCHELASTIC_RUN_ID": "x", "RANK": "2", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2", "LOCAL_RANK": "0"}
TRAIN = ("train", "digits", "--recipe", "mlp", "--epochs", "3", "--batch-size", "200", "--seed", "1", "--json")


@pytest.mark.parametrize(
    ("environment", "devices", "nodes", "process"),
    [
        ({}, 1, 1, Process(0, 1)),
        ({}, 2, 1, Process(0, 2)),
        ({"LOCAL_RANK": "1"}, 2, 1, Process(1, 2)),
        ({"NODE_RANK": "1", "LOCAL_RANK": "0"}, 2, 2, Process(2, 4)),
        (SLURM, 2, 2, Process(3, 4)),
        (SLURM, 1, 1, Process(0, 1)),  # independent tasks
        (TORCHRUN, 1, 1, Process(2, 4)),
        (TORCHRUN, 2, 2, Process(2, 4)),
    ],
)
def test_a_process_finds_its_rank(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, Any], devices: int, nodes: int, process: Process
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert find_processes(devices, nodes).current() == process


def test_invalid_numbers_of_processes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for devices, nodes in ((0, 1), (1, 0)):
        with pytest.raises(UsageError, match="--devices"):
            find_processes(devices, nodes)
    with pytest.raises(UsageError, match="strategy"):
        find_processes(2, 1, "ddq")
    for name, value in TORCHRUN.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match="torchrun"):
        find_processes(3, 1)
    assert find_processes(1, 1) == Processes(2, 2)


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a module of Python in a new process."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-m", *map(str, words)]
    return subprocess.run(command, text=True, capture_output=True, env=environment, check=False)


def run_as_torchrun(*words: str | Path) -> list[str]:
    """Run a module of Python in two processes, with the variables that torchrun sets; return the output of each."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    together = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "GROUP_RANK": "0", "TORCHELASTIC_RUN_ID": "x"}
    environment = os.environ | together | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", *map(str, words)],
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment | {"RANK": rank, "LOCAL_RANK": rank, "CUDA_VISIBLE_DEVICES": ""},
        )
        for rank in ("0", "1")
    ]
    outputs = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    return [output for output, _ in outputs]


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the report of a run that one process trained."""
    run = tmp_path_factory.mktemp("single") / "run"
    return succeed(*TRAIN, "--device", "cpu", "-o", run).document


@pytest.fixture(scope="module")
def model(single: dict[str, Any]) -> Path:
    return Path(single["run"])


@pytest.fixture(scope="module")
def whole(model: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the code file that one process writes."""
    path = tmp_path_factory.mktemp("whole") / "codes.npz"
    succeed("encode", "digits", "--model", model, "--device", "cpu", "-o", path)
    return path.read_bytes()


@pytest.mark.parametrize("launcher", ["lightning", "torchrun"])
def test_two_processes_train_to_the_same_loss(single: dict[str, Any], tmp_path: Path, launcher: str) -> None:
    if launcher == "lightning":
        devices = ("--devices", "2", "--device", "cpu", "--strategy", "ddp")
        done = run("aecli", *TRAIN, *devices, "-o", tmp_path / "run")
    else:
        torchrun = ("torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m")
        done = run(*torchrun, "aecli", *TRAIN, "--no-export", "-o", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    together = json.loads(done.stdout)  # one document: only rank 0 writes
    assert done.stderr.count("epoch 3/3") == 1
    assert "error" not in done.stderr.lower()
    for metric in ("train_loss", "val_loss", "val_mse"):
        assert together["training"][metric] == pytest.approx(single["training"][metric], rel=1e-4)
    assert (tmp_path / "run" / "model.onnx").exists() == (launcher == "lightning")
    assert not list((tmp_path / "run").glob("*.part"))


@pytest.mark.parametrize("launcher", ["lightning", "torchrun"])
def test_two_processes_encode_to_the_same_bytes(model: Path, whole: bytes, tmp_path: Path, launcher: str) -> None:
    words = ("encode", "digits", "--model", model, "--json")
    if launcher == "lightning":
        done = run("aecli", *words, "--devices", "2", "--device", "cpu", "-o", tmp_path / "joined.npz")
        outputs = [done.stdout]
        assert done.returncode == 0, done.stderr
    else:
        outputs = run_as_torchrun("aecli", *words, "-o", tmp_path / "joined.npz")
    assert [json.loads(output)["codes"] for output in outputs if output] == [1797]
    assert (tmp_path / "joined.npz").read_bytes() == whole
    assert [path.name for path in tmp_path.iterdir()] == ["joined.npz"]


def test_the_codes_of_a_share_are_removed_when_its_process_ends(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class InterruptedFabric:
        def barrier(self) -> None:
            assert len(list(tmp_path.iterdir())) == 1
            raise Interrupted

    monkeypatch.setattr(distributed, "all_gather_object", lambda paths, path: None)
    shards = Shards(cast(Fabric, InterruptedFabric()), Process(1, 2), tmp_path / "codes.npz")
    loaded = inference.load(model, device="cpu")
    with pytest.raises(Interrupted):
        shards.encode(loaded, np.zeros((9, *loaded.image_shape), np.uint8))
    assert not list(tmp_path.iterdir())


def test_several_processes_do_not_write_codes_to_standard_output(model: Path, aecli: Run) -> None:
    result = aecli("encode", "digits", "--model", model, "--devices", "2", "--device", "cpu", "-o", "-")
    assert result.status == 2
    assert "-o" in result.err


def test_an_error_ends_all_processes(tmp_path: Path) -> None:
    done = run("aecli", *TRAIN, "--lr", "1e30", "--devices", "2", "--device", "cpu", "-o", tmp_path / "run")
    assert done.returncode == 4, done.stderr
    assert "diverged" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_signal_ends_all_processes(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "aecli", *TRAIN, "--epochs", "100000", "-o", str(tmp_path / "run")]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    devices = ["--devices", "2", "--device", "cpu"]
    with subprocess.Popen([*words, *devices], text=True, stderr=subprocess.PIPE, env=environment) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("epoch "):  # one is done
                break
        process.send_signal(signal.SIGTERM)
        rest = process.stderr.read()  # ends when the last process has closed it
    assert process.returncode == 143
    assert "--resume" in rest
    assert {"last.ckpt", "loss.png", "model.safetensors"} <= {path.name for path in (tmp_path / "run").iterdir()}
    assert "Traceback" not in rest
