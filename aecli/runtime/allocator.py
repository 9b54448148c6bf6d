"""Keep freed memory for the next batch, or return it to the system, with glibc on Linux."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
DEFAULT_TRIM_THRESHOLD, DEFAULT_MMAP_MAX = 128 * 1024, 65536
owned = False
"""Whether this process runs a command of aecli and nothing else, so that its allocator may stay changed."""


def keep_freed_memory() -> None:
    """Let a process of aecli's own keep large freed buffers from now on. In a notebook, nothing is changed."""
    if owned:
        _keep()


@contextmanager
def kept_freed_memory() -> Iterator[None]:
    """Keep large freed buffers during the `with` block, and for good in a process of aecli's own.

    Every training step frees and allocates the same large buffers. By default glibc returns each to the system, which
    maps it again page by page, zeroed. This takes half of the training time of a convolutional model on a CPU.
    """
    _keep()
    try:
        yield
    finally:
        if not owned:
            _set(M_MMAP_MAX, DEFAULT_MMAP_MAX)
            _set(M_TRIM_THRESHOLD, DEFAULT_TRIM_THRESHOLD)
            return_freed_memory()


def return_freed_memory() -> None:
    """Return freed memory to the system: after a stage that needed more than the next ones."""
    _call("malloc_trim", 0)


def _keep() -> None:
    _set(M_MMAP_MAX, 0)
    _set(M_TRIM_THRESHOLD, 2**31 - 1)


def _set(parameter: int, value: int) -> None:
    _call("mallopt", parameter, value)


def _call(function: str, *arguments: int) -> None:
    """Call a function of glibc; do nothing with other libraries, such as musl, and on other systems."""
    if sys.platform == "linux":
        import ctypes

        with suppress(OSError, AttributeError):
            getattr(ctypes.CDLL(None), function)(*arguments)
