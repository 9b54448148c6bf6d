"""The processes that train or encode together, one for each device."""

import os
from dataclasses import dataclass

from aecli.errors import UsageError, unknown

STRATEGIES = ("auto", "ddp", "ddp_find_unused_parameters_true")
"""Lightning's strategies in which each process holds the whole model."""

ACCELERATORS = ("auto", "cpu", "cuda", "gpu", "hpu", "mps", "tpu")
"""Names of Lightning's accelerators, on whatever machine; `gpu` is `cuda` or `mps`."""


def check_training_device(device: str) -> None:
    """Check the name of the device to train on: one of `ACCELERATORS`, or one of several GPUs, such as `cuda:1`.

    Raises:
        UsageError: there is no such name.
    """
    name, colon, number = device.partition(":")
    if name not in ACCELERATORS or (colon and not (name in {"cuda", "gpu"} and number.isdecimal())):
        raise UsageError(unknown("device", device, ACCELERATORS), hint="or the number of a GPU: --device cuda:1")


@dataclass(frozen=True)
class Process:
    """One process of a group."""

    rank: int = 0
    """Only rank 0 writes files and logs."""
    world_size: int = 1

    @property
    def is_rank_zero(self) -> bool:
        return self.rank == 0


SINGLE_PROCESS = Process()


@dataclass(frozen=True)
class Processes:
    """A group of processes, one for each device."""

    devices: int = 1
    """On each machine."""
    nodes: int = 1

    @property
    def world_size(self) -> int:
        return self.devices * self.nodes

    @property
    def launched_by_slurm(self) -> bool:
        """Return whether `srun` has launched one task per device; otherwise its tasks are independent of each other."""
        tasks = os.environ.get("SLURM_NTASKS")
        return self.world_size > 1 and tasks == str(self.world_size) and "SLURM_PROCID" in os.environ

    def current(self) -> Process:
        """Return this process's place in the group, from the environment of `torchrun`, SLURM or Lightning."""
        if launched_by_torchrun():
            return Process(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))
        if self.launched_by_slurm:
            return Process(int(os.environ["SLURM_PROCID"]), self.world_size)
        if self.world_size == 1:
            return SINGLE_PROCESS
        node, device = (int(os.environ.get(name, "0")) for name in ("NODE_RANK", "LOCAL_RANK"))
        return Process(node * self.devices + device, self.world_size)


SINGLE_DEVICE = Processes()


def launched_by_torchrun() -> bool:
    """Return whether `torchrun` has launched this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def find_processes(devices: int, nodes: int, strategy: str = "auto") -> Processes:
    """Return the group of processes that the options ask for, or that `torchrun` has launched.

    Raises:
        UsageError: a number is below 1 or differs from what `torchrun` has launched, or the strategy is unknown.
    """
    if strategy not in STRATEGIES:
        raise UsageError(unknown("strategy", strategy, STRATEGIES))
    if devices < 1 or nodes < 1:
        raise UsageError("--devices and --num-nodes must be at least 1", hint="--devices 1 --num-nodes 1")
    if not launched_by_torchrun():
        return Processes(devices, nodes)
    local, world = int(os.environ["LOCAL_WORLD_SIZE"]), int(os.environ["WORLD_SIZE"])
    launched = Processes(local, world // local)
    if (devices, nodes) not in {(1, 1), (launched.devices, launched.nodes)}:
        raise UsageError(
            f"torchrun has launched {launched.devices} processes on each of {launched.nodes} nodes, "
            f"not {devices} on {nodes}",
            hint="leave out --devices and --num-nodes under torchrun",
        )
    return launched
