"""Parallel work in as many threads as `aecli.runtime.thread_count` says."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from aecli.runtime.thread_count import thread_count, worker_count

Item = TypeVar("Item")
Result = TypeVar("Result")

MAX_THREADS = 32
PENDING_PER_THREAD = 4
"""Submitted items per thread: enough to keep all threads busy, few enough to bound memory and to stop quickly."""


def map_ordered(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    weigh: Callable[[Item], int] = lambda item: 0,
    most: int = 0,
) -> Iterator[Result]:
    """Yield `function(item)` for each item, in the order of the items, computed in one thread per CPU.

    The weights of the items that are computed ahead add up to at most `most`, except for a single heavier item. The
    first exception is raised and cancels all items that have not started.
    """
    threads = min(worker_count(), MAX_THREADS)
    pending: deque[tuple[Future[Result], int]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="aecli")
    try:
        for item in items:
            weight = weigh(item)
            while pending and sum(other for _, other in pending) + weight > most:
                yield pending.popleft()[0].result()
            pending.append((pool.submit(function, item), weight))
            if len(pending) >= PENDING_PER_THREAD * threads:
                yield pending.popleft()[0].result()
        while pending:
            yield pending.popleft()[0].result()
    finally:
        # No waiting: an abandoned generator may be collected in one of these very threads.
        pool.shutdown(wait=False, cancel_futures=True)


def parallel_for(
    function: Callable[[int], None], indices: Sequence[int], on_progress: Callable[[int], None] = lambda done: None
) -> None:
    """Call `function(index)` for each index in one thread per free CPU, and `on_progress` with the number done.

    BLAS runs single-threaded within each call: for small products, its threads would mostly wait for each other.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(thread_count()) as pool:
        try:
            for done, _ in enumerate(pool.map(function, indices), 1):
                on_progress(done)
        finally:
            pool.shutdown(cancel_futures=True)
