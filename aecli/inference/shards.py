"""Several processes that encode one set of images, each its share; the first one joins the codes."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments import LightningEnvironment  # type: ignore[attr-defined]
from lightning_fabric.strategies import DDPStrategy  # type: ignore[attr-defined]
from numpy.typing import NDArray
from torch import distributed

from aecli.errors import UnavailableError
from aecli.inference.model import Model, batches
from aecli.runtime.optional_packages import quiet_lightning
from aecli.runtime.processes import Process, Processes, launched_by_torchrun
from aecli.runtime.progress import Progress, silent
from aecli.storage.partial_files import unfinished_file

Codes = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Codes, (B, ...), and their residuals, (B,)."""

LONGEST_WAIT = timedelta(days=7)
"""For the slowest of the processes."""


class Shards:
    """Shares of the images, as contiguous rows, and files beside the output that hold the codes of a share."""

    def __init__(self, fabric: Fabric, process: Process, output: Path):
        self._fabric = fabric
        self._process = process
        self._output = output

    @property
    def device(self) -> str:
        """Where this process is to run the model."""
        return str(self._fabric.device)

    def encode(self, model: Model, images: NDArray[np.uint8]) -> None:
        """Encode the share of this process, which is not the first, and keep the codes for the first one."""
        rows = self._share(len(images), self._process.number)
        with unfinished_file(self._output) as path:
            with path.open("wb") as file:
                for codes, residuals in model.encode_batches(images[rows]):
                    file.write(np.column_stack([codes.reshape(len(codes), -1), residuals]).data)
            self._tell(str(path))
            self._fabric.barrier()  # the first one has read it

    def join(self, model: Model, images: NDArray[np.uint8], progress: Progress = silent) -> Iterator[Codes]:
        """Yield the codes of this process, the first, and then those that the others have made meanwhile."""
        yield from model.encode_batches(images[self._share(len(images), 0)], progress)
        values = int(np.prod(model.header.code_shape)) + 1  # the last one is the residual
        for number, path in enumerate(self._tell("")):
            rows = self._share(len(images), number)
            for some in batches(rows.stop - rows.start, model.image_shape) if path else ():
                count, before = (some.stop - some.start) * values, 4 * some.start * values
                kept = np.fromfile(path, np.float32, count, offset=before).reshape(-1, values)
                codes = np.ascontiguousarray(kept[:, :-1])
                yield codes.reshape(len(codes), *model.header.code_shape), kept[:, -1]
                progress("joining", rows.start + some.stop, len(images))
        self._fabric.barrier()

    def _share(self, count: int, number: int) -> slice:
        ends = np.linspace(0, count, self._process.count + 1).round().astype(int).tolist()
        return slice(*list(pairwise(ends))[number])

    def _tell(self, path: str) -> list[str]:
        """Tell all processes where the codes of this one are; return what each said, once all have."""
        told = [""] * self._process.count
        distributed.all_gather_object(told, path)  # type: ignore[no-untyped-call, misc]
        return told


@contextmanager
def begun(processes: Processes, device: str, output: Path) -> Iterator[Shards]:
    """Begin the other processes, with the command line of this one, unless `torchrun` or SLURM did; end them, too.

    Raises:
        UnavailableError: there are not so many devices here.
    """
    outside = launched_by_torchrun() or processes.launched_by_slurm
    try:
        with quiet_lightning():
            fabric = Fabric(
                accelerator=device,
                devices=processes.devices,
                num_nodes=processes.nodes,
                strategy=DDPStrategy(timeout=LONGEST_WAIT),
                plugins=[] if outside else [LightningEnvironment()],
            )
    except (ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise UnavailableError(
            f"no {processes.devices} devices '{device}' here: {reason}", hint="--devices 1"
        ) from error
    with quiet_lightning():
        fabric.launch()
    try:
        yield Shards(fabric, processes.this_one(), output)
    except BaseException:
        for other in getattr(fabric.strategy.launcher, "procs", ()):
            other.terminate()  # it would wait for this one
        raise
