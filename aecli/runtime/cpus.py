"""The CPUs that this process may use, and those of them that other programs leave free."""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from math import ceil
from pathlib import Path
from threading import Barrier, Thread

from aecli.runtime.control_groups import own_groups

CPUS = Path("/sys/devices/system/cpu")
PROBE_SECONDS = 0.01
"""Long enough for the scheduler to give other programs their turn."""
PROBE_BLOCK = bytes(1 << 18)
"""`hashlib` releases the interpreter's lock for blocks of this size."""
MAX_PROBES = 32
"""Threads of a probe; on larger machines they stand for all CPUs."""


def usable_cpus() -> int:
    """Return how many CPUs this process may use: its affinity, limited by the CPU quota of its container.

    `joblib.cpu_count()` also honors `LOKY_MAX_CPU_COUNT`, but importing joblib takes 60 ms, which commands that run an
    exported model would pay at each start; and it does not know the quotas of nested groups.
    """
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([cpus, *(ceil(quota) for quota in _quotas())]))


def cpu_quota() -> float | None:
    """Return the CPU quota of the container, in CPUs; None if there is none."""
    return min(_quotas(), default=None)


def physical_cpus() -> int:
    """Return `usable_cpus()` with the hyperthreads of one core counted once, where Linux tells them apart.

    Two hyperthreads share the arithmetic units of their core, so that numerical libraries gain nothing from the second.
    """
    usable = usable_cpus()
    return min(usable, len(_one_cpu_per_core()) or usable)


def free_cpus(cpus: int) -> float:
    """Return how many of `cpus` CPUs other programs leave to this process at the moment, from 0 to `cpus`.

    One thread on each CPU computes for 10 ms; the result is the CPU time that the threads got, divided by the time
    that passed. A single result can be too small by chance, but hardly too large. Each thread stays on a CPU of its
    own, because Linux may run threads that wake each other on one CPU for longer than that.
    """
    from hashlib import sha256  # imports OpenSSL, which `aecli --help` does not need
    from random import Random

    threads = min(cpus, MAX_PROBES)
    cores = _one_cpu_per_core()
    places = Random().sample(cores, threads) if threads <= len(cores) else []
    used = [0.0] * threads
    barrier = Barrier(threads)

    def compute(index: int) -> None:
        if places:
            with suppress(OSError):  # the affinity of the process has just changed
                os.sched_setaffinity(0, {places[index]})  # 0 is this thread
        barrier.wait()
        started, end = time.thread_time(), time.perf_counter() + PROBE_SECONDS
        while time.perf_counter() < end:
            sha256(PROBE_BLOCK)
        used[index] = time.thread_time() - started

    workers = [Thread(target=compute, args=(index,), daemon=True) for index in range(threads)]
    started = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return min(1.0, sum(used) / (time.perf_counter() - started) / threads) * cpus


def _one_cpu_per_core() -> list[int]:
    """Return one CPU of each core that this process may use; empty where the system does not tell."""
    if not hasattr(os, "sched_getaffinity"):
        return []
    first: dict[str, int] = {}
    for cpu in sorted(os.sched_getaffinity(0)):
        if siblings := _read(CPUS / f"cpu{cpu}/topology/thread_siblings_list"):
            first.setdefault(siblings, cpu)
    return list(first.values())


def _quotas() -> Iterator[float]:
    """Yield the limits, in CPUs, of the control groups of this process."""
    read = {1: _quota_of_version_1, 2: _quota_of_version_2}
    for version, group in own_groups("cpu"):
        if (quota := read[version](group)) is not None:
            yield quota


def _quota_of_version_1(group: Path) -> float | None:
    return _ratio(_read(group / "cpu.cfs_quota_us"), _read(group / "cpu.cfs_period_us"))


def _quota_of_version_2(group: Path) -> float | None:
    quota, _, period = _read(group / "cpu.max").partition(" ")
    return _ratio(quota, period)


def _ratio(quota: str, period: str) -> float | None:
    """Return quota / period; None if there is no limit, which is `max`, or -1 in version 1."""
    return int(quota) / int(period) if quota.isdecimal() and period.isdecimal() and int(period) else None


def _read(file: Path) -> str:
    try:
        return file.read_text().strip()
    except (OSError, ValueError):
        return ""
