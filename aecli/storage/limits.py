"""How much memory there is, and how much of it decoded pictures may take."""

import os
from pathlib import Path

from aecli.errors import UnavailableError

UNKNOWN = 4 * 2**30
BOMB_BYTES, BOMB_RATIO = 10**9, 200
"""What unpacks to more than so many bytes and to more than so many times its own size is nothing that anyone made:
deflate comes to 1,032, images and codes hardly to 20."""


def budget(asked: int | None) -> int:
    """Bytes that decoded pictures may take: `asked`, else half of the memory that is available now."""
    return available_memory() // 2 if asked is None else asked


def require_memory(needed: int, what: str, hint: str) -> None:
    """See that `what` takes no more bytes of memory than there are.

    Raises:
        UnavailableError: it does.
    """
    left = available_memory()
    if needed > left:
        raise UnavailableError(
            f"{what} takes {needed / 1e9:,.1f} GB of memory, {left / 1e9:,.1f} GB are available", hint=hint
        )


def require_likely(needed: int, size: int) -> None:
    """See that `size` compressed bytes may honestly stand for `needed` ones.

    Raises:
        ValueError: they are a bomb.
    """
    if needed > max(BOMB_BYTES, BOMB_RATIO * size):
        raise ValueError(f"{size:,} bytes that claim to unpack to {needed:,}")


def available_memory() -> int:
    """Bytes of memory that are available to this process now: the machine's, or what its container has left."""
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
        return UNKNOWN


def _container_memory() -> list[int]:
    try:
        limit, used = (int(Path("/sys/fs/cgroup", name).read_text()) for name in ("memory.max", "memory.current"))
    except (OSError, ValueError):  # no container, or one without a limit ("max")
        return []
    return [max(limit - used, 0)]
