"""Which of several processes that train one model together this one is."""

import os
from dataclasses import dataclass

from aecli.errors import UsageError, unknown

STRATEGIES = ("auto", "ddp", "ddp_find_unused_parameters_true")
"""Of Lightning's, those where each process has the whole model."""


@dataclass(frozen=True)
class Process:
    """One of `count` processes."""

    number: int = 0
    """From 0. The first one alone talks and writes."""
    count: int = 1

    @property
    def is_first(self) -> bool:
        return self.number == 0


ALONE = Process()


@dataclass(frozen=True)
class Processes:
    """All that work together, one for each device."""

    devices: int = 1
    """On each machine."""
    nodes: int = 1

    @property
    def count(self) -> int:
        return self.devices * self.nodes

    @property
    def launched_by_slurm(self) -> bool:
        """Tell whether `srun` has begun one task for each; else its tasks have nothing to do with each other."""
        return self.count > 1 and os.environ.get("SLURM_NTASKS") == str(self.count) and "SLURM_PROCID" in os.environ

    def this_one(self) -> Process:
        """Return which of them this is, as `torchrun`, SLURM or Lightning, which begins the others, says."""
        if launched_by_torchrun():
            return Process(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))
        if self.launched_by_slurm:
            return Process(int(os.environ["SLURM_PROCID"]), self.count)
        if self.count == 1:
            return ALONE
        node, device = (int(os.environ.get(name, "0")) for name in ("NODE_RANK", "LOCAL_RANK"))
        return Process(node * self.devices + device, self.count)


ONE = Processes()


def launched_by_torchrun() -> bool:
    """Tell whether `torchrun` has begun this process, and maybe others."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def find_processes(devices: int, nodes: int, strategy: str = "auto") -> Processes:
    """Return as many processes as are asked for, or as `torchrun` has begun.

    Raises:
        UsageError: less than one, not as many as `torchrun` has begun, or no such strategy.
    """
    if strategy not in STRATEGIES:
        raise UsageError(unknown("strategy", strategy, STRATEGIES))
    if devices < 1 or nodes < 1:
        raise UsageError("--devices and --num-nodes are at least 1")
    if not launched_by_torchrun():
        return Processes(devices, nodes)
    local, world = int(os.environ["LOCAL_WORLD_SIZE"]), int(os.environ["WORLD_SIZE"])
    begun = Processes(local, world // local)
    if (devices, nodes) not in {(1, 1), (begun.devices, begun.nodes)}:
        raise UsageError(
            f"torchrun has begun {begun.devices} processes on {begun.nodes} nodes, not {devices} on {nodes}",
            hint="leave out --devices and --num-nodes under torchrun",
        )
    return begun
