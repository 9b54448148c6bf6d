"""The speed of lower precision on a CPU."""

import time
from collections.abc import Callable

import torch
from torch import Tensor

from aecli.recipes.sections import Precision

MATRIX_SIZE = 256
REPETITIONS = 3

REPORTED_SLOWDOWN = 1.1
"""Above this ratio, lower precision is reported as slower."""


def warn_if_slow(device: torch.device, precision: Precision, on_warning: Callable[[str], None]) -> None:
    """Call `on_warning` if mixed precision makes training slower on this CPU, where Lightning uses bfloat16 for it."""
    if device.type != "cpu" or precision not in ("bf16-mixed", "16-mixed"):
        return
    if (slowdown := bfloat16_slowdown()) > REPORTED_SLOWDOWN:
        on_warning(
            f"bfloat16 matrix products take {slowdown:.1f} times as long as float32 ones on this CPU: "
            "training is faster with --precision 32-true"
        )


def bfloat16_slowdown() -> float:
    """Return the duration of a bfloat16 matrix product on this CPU, divided by that of a float32 one.

    The ratio is below 1 on CPUs with instructions for bfloat16 tiles, such as AMX, and far above 1 on CPUs without
    bfloat16 instructions. It is measured, for up to a tenth of a second, because the CPU's flags do not show what the
    libraries use. One thread and its CPU time make the measurement independent of other load.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        matrix = torch.rand(MATRIX_SIZE, MATRIX_SIZE, generator=torch.Generator())
        return _seconds(matrix.bfloat16()) / _seconds(matrix)
    finally:
        torch.set_num_threads(threads)


def _seconds(matrix: Tensor) -> float:
    """Return the shortest duration of a product; the first one, in which the library initializes, does not count."""
    times = []
    for _ in range(1 + REPETITIONS):
        started = time.thread_time()
        matrix @ matrix
        times.append(time.thread_time() - started)
    return max(min(times[1:]), 1e-6)
