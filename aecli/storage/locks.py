"""Locks on files and folders; the operating system releases them when their process ends."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from aecli.errors import OutputExistsError


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold a folder's lock, so that no other process can; without effect where the file system has no locks.

    Raises:
        OutputExistsError: another process holds the lock.
    """
    with try_lock(folder) as acquired:
        if acquired is False:
            raise OutputExistsError(
                f"another run is using {folder}", hint="wait for it to end, or name another folder with -o"
            )
        yield


@contextmanager
def try_lock(path: Path) -> Iterator[bool | None]:
    """Try to lock a file or folder without waiting, and release the lock at the end of the `with` block.

    Yields:
        True if the lock was acquired; False if another process holds it or has removed the path; None if the file
        system does not support locks, as some network file systems do not.
    """
    acquired: bool | None = None
    with ExitStack() as stack:
        try:
            # Network file systems lock only what is open for writing, which a folder cannot be.
            descriptor = os.open(path, (os.O_RDONLY if path.is_dir() else os.O_RDWR) | getattr(os, "O_NONBLOCK", 0))
        except FileNotFoundError:
            acquired = False
        except OSError:
            pass
        else:
            stack.callback(os.close, descriptor)
            acquired = _lock(descriptor, path)
            if acquired is None:
                stack.close()  # Windows cannot rename an open file
        yield acquired


def _lock(descriptor: int, path: Path) -> bool | None:
    try:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return bool(os.path.samestat(os.fstat(descriptor), path.stat()))
    except (BlockingIOError, FileNotFoundError):
        return False
    except (ImportError, OSError):
        return None
