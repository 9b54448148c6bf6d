"""Limits on memory: how much is available, and how much decoded images and unpacked archives may take."""

import os
from pathlib import Path

from aecli.errors import UnavailableError

DEFAULT_MEMORY = 4 * 2**30
"""Bytes that are assumed to be available if the system does not report them."""
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


def refuse_bomb(unpacked: int, compressed: int) -> None:
    """Check that `compressed` bytes may plausibly unpack to `unpacked` bytes.

    Raises:
        ValueError: the data is a decompression bomb.
    """
    if unpacked > max(BOMB_BYTES, BOMB_RATIO * compressed):
        raise ValueError(f"{compressed:,} bytes that claim to unpack to {unpacked:,}")


def available_memory() -> int:
    """Return how many bytes of memory this process can still use, of the machine and of its container."""
    return min([_machine_memory(), *_container_memory()])


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


def _container_memory() -> list[int]:
    try:
        limit, used = (int(Path("/sys/fs/cgroup", name).read_text()) for name in ("memory.max", "memory.current"))
    except (OSError, ValueError):  # no container, or one without a limit ("max")
        return []
    return [max(limit - used, 0)]
