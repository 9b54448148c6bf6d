"""What lower precision costs on a processor."""

import time

import torch
from torch import Tensor

SIZE = 256
TURNS = 3


def bfloat16_slowdown() -> float:
    """Return how many times as long a product of bfloat16 matrices takes on this processor as one of float32.

    Below 1 where it has instructions for whole tiles of them, such as AMX; far above where it has none. It is
    measured, in a tenth of a second at most, since no list of instructions says what libraries make of them; in one
    thread and in its own time, so that other work does not count.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        matrix = torch.rand(SIZE, SIZE, generator=torch.Generator())
        return _seconds(matrix.bfloat16()) / _seconds(matrix)
    finally:
        torch.set_num_threads(threads)


def _seconds(matrix: Tensor) -> float:
    """Return the shortest time of a product, after a first one, which sets the library up."""
    times = []
    for _ in range(1 + TURNS):
        started = time.thread_time()
        matrix @ matrix
        times.append(time.thread_time() - started)
    return max(min(times[1:]), 1e-6)
