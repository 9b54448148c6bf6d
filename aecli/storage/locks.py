"""Locks on files and folders, which the operating system frees when their process ends."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from aecli.errors import OutputExistsError


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Keep other processes that ask for the same folder out of it, where the system has locks.

    Raises:
        OutputExistsError: another process is in it.
    """
    with try_lock(folder) as ours:
        if ours is False:
            raise OutputExistsError(
                f"another run is under way in {folder}", hint="wait for it, or name another folder with -o"
            )
        yield


@contextmanager
def try_lock(path: Path) -> Iterator[bool | None]:
    """Hold the lock of a file or folder if it is free; never waits.

    Gives True where it was; False where another process has it, or removed the path; None where that cannot be told,
    as on some network file systems. The system frees the lock of a process that ends, however it ends.
    """
    ours: bool | None = None
    with ExitStack() as stack:
        try:
            # Network file systems lock only what is open for writing, which a folder cannot be.
            descriptor = os.open(path, (os.O_RDONLY if path.is_dir() else os.O_RDWR) | getattr(os, "O_NONBLOCK", 0))
        except FileNotFoundError:
            ours = False
        except OSError:
            pass
        else:
            stack.callback(os.close, descriptor)
            ours = _lock(descriptor, path)
            if ours is None:
                stack.close()  # Windows moves no file that is open
        yield ours


def _lock(descriptor: int, path: Path) -> bool | None:
    try:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return bool(os.path.samestat(os.fstat(descriptor), path.stat()))
    except (BlockingIOError, FileNotFoundError):
        return False
    except (ImportError, OSError):
        return None
