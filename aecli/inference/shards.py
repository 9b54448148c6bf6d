"""Encode one set of images with several processes; rank 0 joins their codes."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments import LightningEnvironment  # type: ignore[attr-defined]
from lightning_fabric.strategies import DDPStrategy  # type: ignore[attr-defined]
from lightning_fabric.utilities.exceptions import MisconfigurationException
from numpy.typing import NDArray
from torch import distributed

from aecli.errors import UnavailableError
from aecli.inference.model import Model, batches
from aecli.runtime.lightning_internals import quiet_lightning, terminate_launched_processes
from aecli.runtime.processes import Process, Processes, launched_by_torchrun
from aecli.runtime.progress import Progress, silent
from aecli.storage.partial_files import unfinished_file

CodesAndResiduals = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Codes, (B, *code shape), and their residuals, (B,)."""

TIMEOUT = timedelta(days=7)
"""How long a process waits for the slowest one."""


class Shards:
    """Contiguous shares of the images, one for each process.

    Each process but rank 0 writes the codes of its share to a temporary file beside the output, which rank 0 reads.
    """

    def __init__(self, fabric: Fabric, process: Process, output: Path):
        self._fabric = fabric
        self._process = process
        self._output = output

    @property
    def device(self) -> str:
        """The torch device of this process."""
        return str(self._fabric.device)

    def encode(self, model: Model, images: NDArray[np.uint8]) -> None:
        """Encode the share of this process, which is not rank 0, and keep the codes until rank 0 has read them."""
        share = self._share(len(images), self._process.rank)
        with unfinished_file(self._output) as path:
            with path.open("wb") as file:
                for codes, residuals in model.encode_batches(images[share]):
                    file.write(np.column_stack([codes.reshape(len(codes), -1), residuals]).data)
            self._gather(str(path))
            self._fabric.barrier()  # rank 0 has read the file

    def join(self, model: Model, images: NDArray[np.uint8], progress: Progress = silent) -> Iterator[CodesAndResiduals]:
        """Yield the codes of rank 0, which is this process, and then those that the other ranks have written."""
        yield from model.encode_batches(images[self._share(len(images), 0)], progress)
        columns = int(np.prod(model.header.code_shape)) + 1  # the last one is the residual
        for rank, path in enumerate(self._gather("")):
            share = self._share(len(images), rank)
            for batch in batches(share.stop - share.start, model.image_shape) if path else ():
                count, offset = (batch.stop - batch.start) * columns, 4 * batch.start * columns
                rows = np.fromfile(path, np.float32, count, offset=offset).reshape(-1, columns)
                codes = np.ascontiguousarray(rows[:, :-1])
                yield codes.reshape(len(codes), *model.header.code_shape), rows[:, -1]
                progress("joining codes", share.start + batch.stop, len(images))
        self._fabric.barrier()

    def _share(self, count: int, rank: int) -> slice:
        ends = np.linspace(0, count, self._process.world_size + 1).round().astype(int).tolist()
        return slice(*list(pairwise(ends))[rank])

    def _gather(self, path: str) -> list[str]:
        """Send the path of this process's codes to all processes; return the paths of all ranks, once all have sent."""
        paths = [""] * self._process.world_size
        distributed.all_gather_object(paths, path)  # type: ignore[no-untyped-call, misc]
        return paths


@contextmanager
def launch(processes: Processes, device: str, output: Path) -> Iterator[Shards]:
    """Start the other processes with the command line of this one, unless `torchrun` or SLURM did; end them on errors.

    Raises:
        UnavailableError: there are fewer devices than `processes` has on a machine.
    """
    launched = launched_by_torchrun() or processes.launched_by_slurm
    try:
        with quiet_lightning():
            fabric = Fabric(
                accelerator=device,
                devices=processes.devices,
                num_nodes=processes.nodes,
                strategy=DDPStrategy(timeout=TIMEOUT),
                plugins=[] if launched else [LightningEnvironment()],
            )
    except (MisconfigurationException, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise UnavailableError(
            f"{processes.devices} devices of type '{device}' are not available: {reason}", hint="--devices 1"
        ) from error
    with quiet_lightning():
        fabric.launch()
    try:
        yield Shards(fabric, processes.current(), output)
    except BaseException:
        terminate_launched_processes(fabric.strategy)
        raise
