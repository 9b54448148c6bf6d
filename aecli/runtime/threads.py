"""Parallel work in as many threads as there are usable CPUs."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from math import ceil
from pathlib import Path
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

MAX_THREADS = 32
PENDING_PER_THREAD = 4
"""Submitted items per thread: enough to keep all threads busy, few enough to bound memory and to stop quickly."""
CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def map_ordered(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield `function(item)` for each item, in the order of the items, computed in one thread per usable CPU.

    The first exception is raised and cancels all items that have not started.
    """
    threads = min(usable_cpus(), MAX_THREADS)
    pending: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="aecli")
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) >= PENDING_PER_THREAD * threads:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        # No waiting: an abandoned generator may be collected in one of these very threads.
        pool.shutdown(wait=False, cancel_futures=True)


def parallel_for(
    function: Callable[[int], None], indices: Sequence[int], on_progress: Callable[[int], None] = lambda done: None
) -> None:
    """Call `function(index)` for each index in one thread per usable CPU, and `on_progress` with the number done.

    BLAS runs single-threaded within each call: for small products, its threads would mostly wait for each other.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(usable_cpus()) as pool:
        try:
            for done, _ in enumerate(pool.map(function, indices), 1):
                on_progress(done)
        finally:
            pool.shutdown(cancel_futures=True)


def usable_cpus() -> int:
    """Return how many CPUs this process may use: its affinity, limited by the CPU quota of its container.

    `joblib.cpu_count()` also honors cgroup v1 and `LOKY_MAX_CPU_COUNT`, but importing joblib takes 60 ms, which
    commands that run an exported model would pay at each start.
    """
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = CPU_QUOTA.read_text().split()
        return max(1, min(cpus, ceil(int(quota) / int(period))))
    except (OSError, ValueError):  # no container, or one without a quota ("max")
        return cpus
