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

from aecli.errors import UnavailableError
from aecli.inference.model import Model, batches
from aecli.packages import quiet_lightning
from aecli.processes import Process, Processes, begun_by_torchrun
from aecli.progress import Progress, silent

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
        path = self._file(self._process.number)
        shape = (rows.stop - rows.start, int(np.prod(model.header.code_shape)) + 1)
        if shape[0]:
            kept = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
            done = 0
            for codes, residuals in model.encode_batches(images[rows]):
                kept[done : done + len(codes), :-1] = codes.reshape(len(codes), -1)
                kept[done : done + len(codes), -1] = residuals
                done += len(codes)
            kept.flush()
        self._fabric.barrier()

    def join(self, model: Model, images: NDArray[np.uint8], progress: Progress = silent) -> Iterator[Codes]:
        """Yield the codes of this process, the first, and then those that the others have made meanwhile."""
        yield from model.encode_batches(images[self._share(len(images), 0)], progress)
        self._fabric.barrier()
        try:
            for number in range(1, self._process.count):
                rows = self._share(len(images), number)
                if rows.stop > rows.start:
                    kept = np.load(self._file(number), mmap_mode="r")
                    for some in batches(len(kept), model.image_shape):
                        codes = np.ascontiguousarray(kept[some, :-1])
                        yield codes.reshape(len(codes), *model.header.code_shape), kept[some, -1]
                        progress("joining", rows.start + some.stop, len(images))
        finally:
            for number in range(1, self._process.count):
                self._file(number).unlink(missing_ok=True)

    def _share(self, count: int, number: int) -> slice:
        ends = np.linspace(0, count, self._process.count + 1).round().astype(int).tolist()
        return slice(*list(pairwise(ends))[number])

    def _file(self, number: int) -> Path:
        return self._output.with_name(f".{self._output.name}.share-{number}.part")


@contextmanager
def begun(processes: Processes, device: str, output: Path) -> Iterator[Shards]:
    """Begin the other processes, with the command line of this one, unless `torchrun` or SLURM did; end them, too.

    Raises:
        UnavailableError: there are not so many devices here.
    """
    outside = begun_by_torchrun() or processes.begun_by_slurm
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
