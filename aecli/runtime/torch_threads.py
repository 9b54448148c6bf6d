"""Keep torch's number of threads at the number of free CPUs while a long computation runs on the CPU."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

from aecli.runtime.cpus import physical_cpus
from aecli.runtime.thread_count import adopt_threads, follows_load, free_threads, stop_following


class LoadFollower:
    """Adapts torch's number of threads, a few times a minute, to what other programs leave free.

    Call `update` between two steps of a computation. It measures every 2 seconds, which takes 10 ms, and less often
    where it takes longer, so that it costs 1% of the time at most. The number grows at once, and shrinks if two
    measurements in a row say so.

    Args:
        most: The largest number of threads.
        measure: Returns the number of free CPUs among so many; replaced in tests.
        now: Returns the time in seconds; replaced in tests.
    """

    SECONDS = 2.0
    SECONDS_TO_CONFIRM = 0.2
    MAX_SHARE = 0.01

    def __init__(
        self, most: int, measure: Callable[[int], int] = free_threads, now: Callable[[], float] = time.monotonic
    ):
        self._most = most
        self._measure = measure
        self._now = now
        self._next = now() + self.SECONDS_TO_CONFIRM
        self._was_fewer = False

    def update(self) -> None:
        """Measure the free CPUs if it is time to, and set torch's number of threads."""
        if self._most == 1 or self._now() < self._next:
            return
        import torch

        started = self._now()
        free, current = self._measure(self._most), torch.get_num_threads()
        pause = max(self.SECONDS, (self._now() - started) / self.MAX_SHARE)
        if free > current or (free < current and self._was_fewer):
            torch.set_num_threads(free)
        self._was_fewer = free < current and not self._was_fewer
        self._next = self._now() + (self.SECONDS_TO_CONFIRM if self._was_fewer else pause)


class FixedThreads:
    """Leaves torch's number of threads as it is."""

    def update(self) -> None:
        """Do nothing."""


def load_follower(device_type: str) -> LoadFollower | FixedThreads:
    """Return what adapts torch's threads during a computation on a device of this type.

    The number of threads stays as it is on a GPU, and if the user has fixed it.
    """
    return LoadFollower(physical_cpus()) if device_type == "cpu" and follows_load() else FixedThreads()


def share_cpus(processes: int) -> None:
    """Give torch this process's share of the CPUs, from now on, if several processes of one machine compute together.

    They would measure each other as the load of other programs. A number that the user has fixed stays.
    """
    if processes > 1 and follows_load():
        import torch

        count = max(1, physical_cpus() // processes)
        stop_following(count)
        torch.set_num_threads(count)


@contextmanager
def using_threads(count: int | None = None) -> Iterator[None]:
    """Let torch use `count` threads in a Python program that has loaded torch; restore their number at the end.

    None follows the load; in a program that has set `OMP_NUM_THREADS` or `AECLI_THREADS` to a number, it stays.
    """
    import torch

    before = torch.get_num_threads()
    with adopt_threads(before) if count is None else nullcontext():
        if count is not None:
            torch.set_num_threads(count)
        try:
            yield
        finally:
            torch.set_num_threads(before)
