"""How many threads the numerical libraries use: a fixed number, or as many as other programs leave CPUs free.

Threads that share one computation wait for each other. If other programs use the CPUs, the threads mostly wait for one
that is not running: training is then several times faster with fewer threads.

The command line chooses the number before the libraries are loaded, through the environment variables that they read.
Results depend on the number by rounding only. They are the same to the byte if it is fixed: by `--threads`, by
`AECLI_THREADS` or by `OMP_NUM_THREADS`.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from aecli.errors import UsageError
from aecli.runtime.cpus import free_cpus, physical_cpus, usable_cpus

VARIABLE = "AECLI_THREADS"
OPENMP = "OMP_NUM_THREADS"
LIBRARIES = (OPENMP, "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""The variables from which OpenMP (torch, scikit-learn, openTSNE), OpenBLAS (numpy, scipy), MKL and Accelerate read
their number of threads when they are loaded."""
WAITING = {"GOMP_SPINCOUNT": "10000", "KMP_BLOCKTIME": "1"}
"""How long threads of OpenMP, by GNU and by LLVM, keep a CPU busy while they wait for each other: some 30 microseconds
and 1 ms. By default it is milliseconds, and 200 ms."""
PROBES = 3
"""Measurements of the free CPUs at the start: a single one can be too small by chance."""
ALMOST = 0.4
"""A CPU counts as free if more than 60% of it is."""

Threads = int | Literal["auto"]

_chosen: dict[str, int | None] = {"fixed": None, "started_with": None}


def parse_threads(text: str) -> Threads:
    """Parse a number of threads, or `auto`.

    Raises:
        UsageError: the text is neither `auto` nor a positive integer.
    """
    if text.strip() == "auto":
        return "auto"
    if not text.strip().isdecimal() or not 1 <= int(text) <= 1024:
        raise UsageError(
            f"the number of threads must be from 1 to 1,024, or auto, not {text!r}",
            hint=f"--threads 1, or {VARIABLE}=1",
        )
    return int(text)


def choose_threads(threads: Threads | None = None) -> None:
    """Choose the number of threads of this process, before it loads a numerical library.

    Args:
        threads: A fixed number; or `auto`, the number of free CPUs. None is a fixed number if the user has set
            `OMP_NUM_THREADS`, and `auto` otherwise.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        for name, value in WAITING.items():
            os.environ.setdefault(name, value)
    _chosen.update(fixed=None, started_with=None)
    if isinstance(threads, int):
        _chosen["fixed"] = threads
        os.environ.update(dict.fromkeys(LIBRARIES, str(threads)) | {VARIABLE: str(threads)})
    elif threads == "auto" or OPENMP not in os.environ:
        os.environ[VARIABLE] = "auto"  # for processes that this one launches
        _chosen["started_with"] = count = free_threads(physical_cpus(), PROBES)
        os.environ[OPENMP] = str(count)
        for name in LIBRARIES:  # a number that the user has set for one library stays
            os.environ.setdefault(name, str(count))


def follows_load() -> bool:
    """Return whether `choose_threads` was called, and chose an automatic number."""
    return _chosen["started_with"] is not None


def stop_following(count: int) -> None:
    """Use this number of threads from now on."""
    _chosen.update(fixed=count, started_with=None)


@contextmanager
def adopt_threads(count: int) -> Iterator[None]:
    """Treat `count`, the number that the libraries use, as an automatic one in the `with` block, unless it is fixed."""
    before = dict(_chosen)
    if before["started_with"] is None and _fixed_by_user() is None:
        _chosen["started_with"] = count
    try:
        yield
    finally:
        _chosen.update(before)


def thread_count() -> int:
    """Return the number of threads for a computation whose threads wait for each other."""
    return _chosen["started_with"] or _fixed_by_user() or usable_cpus()


def worker_count() -> int:
    """Return the number of threads for independent tasks, such as decoding: that of the usable CPUs unless fixed."""
    return _chosen["fixed"] or _number(os.environ.get(VARIABLE)) or usable_cpus()


def free_threads(cpus: int, probes: int = 1) -> int:
    """Return the number of free CPUs among `cpus`, at least 1: the best of up to `probes` measurements."""
    if cpus == 1:
        return 1
    best = 1
    for _ in range(probes):
        best = max(best, int(free_cpus(cpus) + ALMOST))
        if best >= cpus:
            break
    return min(best, cpus)


def _fixed_by_user() -> int | None:
    return _chosen["fixed"] or _number(os.environ.get(VARIABLE)) or _number(os.environ.get(OPENMP))


def _number(text: str | None) -> int | None:
    """Return the number in an environment variable; None if it is unset or not a positive integer."""
    return int(text) if text and text.isdecimal() and int(text) else None
