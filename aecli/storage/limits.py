"""Limits on memory: how much is available, and how much decoded images and unpacked archives may take."""

import os
from collections.abc import Iterator
from pathlib import Path

from aecli.errors import UnavailableError
from aecli.runtime.control_groups import own_groups

DEFAULT_MEMORY = 4 * 2**30
"""Bytes that are assumed to be available if the system does not report them."""
GROUP_FILES = {1: ("memory.limit_in_bytes", "memory.usage_in_bytes"), 2: ("memory.max", "memory.current")}
"""The limit and the use of memory of a control group of Linux, by the version of the group."""
OTHER_FILES = 256
"""Files that a process has open besides those that it reads as one set."""
BOMB_BYTES, BOMB_RATIO = 10**9, 200
"""Data that unpacks to more than `BOMB_BYTES` and to more than `BOMB_RATIO` times its compressed size is treated as a
decompression bomb. Deflate reaches a ratio of 1,032; images and codes rarely exceed 20."""
MAX_IMAGE_PIXELS = 100_000_000
"""An image with more pixels is refused before it is decoded, as small files can claim to be enormous."""


def budget(requested: int | None) -> int:
    """Return how many bytes decoded images may take: `requested`, or half of the available memory if None."""
    return available_memory() // 2 if requested is None else requested


def require_memory(needed: int, what: str, hint: str) -> None:
    """Check that `needed` bytes of memory are available for `what`.

    Raises:
        UnavailableError: there is not enough memory.
    """
    available = available_memory()
    if needed > available:
        raise UnavailableError(
            f"{what} takes {needed / 1e9:,.1f} GB of memory, {available / 1e9:,.1f} GB are available", hint=hint
        )


def allow_open_files(count: int) -> None:
    """Let this process open so many files more, as the system allows it.

    Raises:
        UnavailableError: it does not.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = count + OTHER_FILES
    if soft == resource.RLIM_INFINITY or needed <= soft:
        return
    try:
        if hard != resource.RLIM_INFINITY and needed > hard:
            raise ValueError("more than the system allows")
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    except (OSError, ValueError) as error:
        raise UnavailableError(
            f"{count:,} files are read at once, and the system allows {soft:,} open files",
            hint=f"raise the limit: ulimit -n {needed}",
        ) from error


def refuse_bomb(unpacked: int, compressed: int) -> None:
    """Check that `compressed` bytes may plausibly unpack to `unpacked` bytes.

    Raises:
        ValueError: the data is a decompression bomb.
    """
    if unpacked > max(BOMB_BYTES, BOMB_RATIO * compressed):
        raise ValueError(f"{compressed:,} bytes that claim to unpack to {unpacked:,}")


def available_memory() -> int:
    """Return how many bytes of memory this process can still use, of the machine and of its control groups."""
    return min([_machine_memory(), *_group_memory()])


def _machine_memory() -> int:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return DEFAULT_MEMORY


def _group_memory() -> Iterator[int]:
    """Yield how many bytes each control group of this process has left, such as that of its container or batch job."""
    for version, group in own_groups("memory"):
        try:
            limit, used = (int((group / name).read_text()) for name in GROUP_FILES[version])
        except (OSError, ValueError):  # the group has no limit ("max"), or is the root
            continue
        yield max(limit - used + _reclaimable(group), 0)


def _reclaimable(group: Path) -> int:
    """Return the bytes of files in memory, which count as used and which the system takes back when needed."""
    try:
        lines = (group / "memory.stat").read_text().splitlines()
        sizes = {name: int(size) for name, size in map(str.split, lines)}
    except (OSError, ValueError):
        return 0
    names = ("inactive_file", "active_file", "slab_reclaimable")
    # In version 1, only the totals include groups below this one.
    return sum(sizes.get(f"total_{name}", sizes.get(name, 0)) for name in names)
