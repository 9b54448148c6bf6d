"""An optimizer step that a GPU does again without Python: launching its small kernels takes longer than they run."""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

STEPS_BEFORE = 3
"""Steps done as they are, before one is recorded: libraries and the optimizer set themselves up in the first ones."""


class Recorder(Protocol):
    """Records what is done on a device, and does it again; `CudaGraph` here, another one in tests."""

    def aside(self, work: Callable[[], Tensor]) -> Tensor:
        """Do the work as it is, where it leaves no trace in what is recorded later."""

    def record(self, work: Callable[[], Tensor]) -> Tensor:
        """Record the work without doing it; return the tensor that each replay fills.

        Raises:
            RuntimeError: the device cannot, or has not the memory; nothing is done then.
        """

    def replay(self) -> None:
        """Do what was recorded."""


class CudaGraph:
    """A CUDA graph of everything that the work launches, random numbers of `randomness` included."""

    def __init__(self, randomness: torch.Generator):
        self._graph = torch.cuda.CUDAGraph()
        self._stream = torch.cuda.Stream()  # type: ignore[no-untyped-call] # one: each keeps the memory that it freed
        if hasattr(self._graph, "register_generator_state"):  # newer versions of torch find generators by themselves
            self._graph.register_generator_state(randomness)

    def aside(self, work: Callable[[], Tensor]) -> Tensor:
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            result = work()
        torch.cuda.current_stream().wait_stream(self._stream)
        return result

    def record(self, work: Callable[[], Tensor]) -> Tensor:
        outside = torch.cuda.current_stream()
        try:
            with torch.cuda.graph(self._graph, stream=self._stream):
                return work()
        except RuntimeError:
            torch.cuda.set_stream(outside)  # a recording that fails leaves its own
            raise

    def replay(self) -> None:
        self._graph.replay()


class CudaGraphStep:
    """Does `step` for batches of one size by a replay, for others, such as an epoch's last, as it is.

    Where it cannot be recorded, all steps are done as they are.

    Args:
        step: takes the indices of a batch's images, (B,) int64 on the device, does an optimizer step wholly on the
            device and returns its loss, a scalar.
        optimizer: the one of the step.
        randomness: what the step draws from; it may be seeded again between steps.
        recorder: of the device.
    """

    def __init__(
        self,
        step: Callable[[Tensor], Tensor],
        optimizer: torch.optim.Optimizer,
        randomness: torch.Generator,
        recorder: Recorder | None = None,
    ):
        self._step = step
        self._optimizer = optimizer
        self._recorder: Recorder | None = recorder or CudaGraph(randomness)
        self._indices: Tensor | None = None  # of the batch, for the recorded step to read
        self._loss: Tensor | None = None  # where it leaves its loss
        self._done = 0

    def __call__(self, indices: Tensor) -> Tensor:
        if self._recorder is None:
            return self._step(indices)
        if self._indices is None:
            self._indices = indices.clone()
        if len(indices) != len(self._indices) or self._done < STEPS_BEFORE:
            self._done += 1
            return self._recorder.aside(lambda: self._step(indices))
        self._indices.copy_(indices)
        if self._loss is None:
            try:
                self._loss = self._record(self._recorder, self._indices)
            except RuntimeError:
                self._recorder = None  # and the memory of what was recorded
                return self._step(indices)
        self._recorder.replay()
        return self._loss

    def _record(self, recorder: Recorder, indices: Tensor) -> Tensor:
        for group in self._optimizer.param_groups:
            # Read by each replay: as a number, the rate of now would be recorded.
            group["lr"] = torch.as_tensor(float(group["lr"]), dtype=torch.float32, device=indices.device)
            if "capturable" in group:
                group["capturable"] = True
        self._optimizer.zero_grad(set_to_none=True)  # gradients are made anew in the graph's own memory
        return recorder.record(lambda: self._step(indices))
