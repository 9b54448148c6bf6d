"""Keep freed memory for the next batch, or return it to the system."""

import ctypes
import sys
from contextlib import suppress

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4


def keep_freed_memory() -> None:
    """Make glibc keep large freed buffers instead of returning them to the system; do nothing with other libraries.

    Every training step frees and allocates the same large buffers. By default glibc returns each to the system, which
    maps it again page by page, zeroed. This takes half of the training time of a convolutional model on a CPU.
    """
    if sys.platform != "linux":
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another libc, such as musl
        return
    mallopt(M_MMAP_MAX, 0)
    mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def return_freed_memory() -> None:
    """Return freed memory to the system, with glibc on Linux: after a stage that needed more than the next ones."""
    if sys.platform != "linux":
        return
    with suppress(OSError, AttributeError):  # another libc, such as musl
        ctypes.CDLL(None).malloc_trim(0)
