"""End the process without the part of Python's exit that only unloads libraries."""

import atexit
import os
import sys
import threading


def leave_at_once(status: int) -> None:
    """Run the exit handlers and end the process; return if threads remain, or output that should have been written.

    The output that an error has left is dropped.

    What an ordinary exit does after its handlers takes half a second and 100 MiB with torch's CUDA build.
    """
    if len(threading.enumerate()) > 1:
        return
    atexit._run_exitfuncs()
    is_written = True
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except ValueError:  # it is closed
            return
        except OSError:
            is_written = False
    if is_written or status:  # an ordinary exit would replace the status by 120
        os._exit(status)
