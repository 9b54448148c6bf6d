"""Replay an optimizer step as a CUDA graph: launching its small kernels from Python takes longer than running them."""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

WARMUP_STEPS = 3
"""Steps before the first recording, in which libraries and the optimizer initialize."""


class Recorder(Protocol):
    """Records the work on a device and replays it: `CudaGraph`, or a substitute in tests."""

    def warm_up(self, work: Callable[[], Tensor]) -> Tensor:
        """Do the work without recording it, apart from the memory that a later recording uses."""

    def record(self, work: Callable[[], Tensor]) -> Tensor:
        """Record the work without doing it; return the tensor that each replay fills.

        Raises:
            RuntimeError: the work cannot be recorded, or the memory does not suffice. Nothing is done then.
        """

    def replay(self) -> None:
        """Do the recorded work."""


class CudaGraph:
    """A CUDA graph of all kernels that the work launches, including the random numbers of a generator."""

    def __init__(self, randomness: torch.Generator):
        self._graph = torch.cuda.CUDAGraph()
        self._stream = torch.cuda.Stream()  # type: ignore[no-untyped-call] # one: each keeps the memory that it freed
        if hasattr(self._graph, "register_generator_state"):  # newer versions of torch find generators by themselves
            self._graph.register_generator_state(randomness)

    def warm_up(self, work: Callable[[], Tensor]) -> Tensor:
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            result = work()
        torch.cuda.current_stream().wait_stream(self._stream)
        return result

    def record(self, work: Callable[[], Tensor]) -> Tensor:
        previous = torch.cuda.current_stream()
        try:
            with torch.cuda.graph(self._graph, stream=self._stream):
                return work()
        except RuntimeError:
            torch.cuda.set_stream(previous)  # a failed recording leaves its own stream current
            raise

    def replay(self) -> None:
        self._graph.replay()


class CudaGraphStep:
    """Performs `step` by a replay for batches of one size, and directly for others, such as an epoch's last batch.

    If the step cannot be recorded, all steps are performed directly.

    Args:
        step: Takes the indices of a batch's images, (B,) int64 on the device, performs an optimizer step entirely on
            the device and returns the loss, a scalar.
        optimizer: The optimizer of the step.
        randomness: The generator that the step draws from; it may be seeded again between steps.
        recorder: Records the step; by default, a `CudaGraph`.
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
        self._indices: Tensor | None = None  # the recorded step reads them
        self._loss: Tensor | None = None  # the recorded step fills it
        self._direct_steps = 0

    def __call__(self, indices: Tensor) -> Tensor:
        if self._recorder is None:
            return self._step(indices)
        if self._indices is None:
            self._indices = indices.clone()
        if len(indices) != len(self._indices) or self._direct_steps < WARMUP_STEPS:
            self._direct_steps += 1
            return self._recorder.warm_up(lambda: self._step(indices))
        self._indices.copy_(indices)
        if self._loss is None:
            try:
                self._loss = self._record(self._recorder, self._indices)
            except RuntimeError:
                self._recorder = None  # frees the memory of the recording
                return self._step(indices)
        self._recorder.replay()
        return self._loss

    def _record(self, recorder: Recorder, indices: Tensor) -> Tensor:
        for group in self._optimizer.param_groups:
            # A tensor is read by each replay; the graph would keep the present value of a float.
            group["lr"] = torch.as_tensor(float(group["lr"]), dtype=torch.float32, device=indices.device)
            if "capturable" in group:
                group["capturable"] = True
        self._optimizer.zero_grad(set_to_none=True)  # gradients are allocated in the graph's own memory
        return recorder.record(lambda: self._step(indices))
