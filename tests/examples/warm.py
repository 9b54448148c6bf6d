"""Commands that need no imports of their own: forked from a process that has done them.

    python warm.py serve SOCKET              # import, say "ready", serve until standard input ends
    python warm.py run SOCKET aecli ...      # as `aecli ...`
    python warm.py run SOCKET python FILE ...

An example is dozens of short commands, each of which spends nearly all of its time on importing torch and Lightning.
"""

import json
import os
import select
import socket
import sys
from pathlib import Path
from typing import Any

STREAMS = (0, 1, 2)
NEEDED = ("aecli.cli.app", "aecli.training.fit", "aecli.plots", "matplotlib.pyplot", "sklearn.neighbors")


def serve(path: str) -> None:
    """Wait for calls, and do each in a process of its own."""
    from importlib import import_module

    for name in NEEDED:
        import_module(name)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen(64)
    print("ready", flush=True)
    while sys.stdin not in select.select([listening, sys.stdin], [], [])[0]:
        caller, _ = listening.accept()
        if os.fork():
            caller.close()
            while _reaped():
                pass
            continue
        listening.close()
        content, streams, *_ = socket.recv_fds(caller, 2**20, len(STREAMS))
        child = os.fork()
        if not child:
            caller.close()
            _become(json.loads(content), streams)
        caller.send(bytes([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 255]))
        os._exit(0)


def _reaped() -> bool:
    try:
        return os.waitpid(-1, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return False


def _become(call: dict[str, Any], streams: list[int]) -> None:
    """Do what the caller would have done, with its streams, folder and environment."""
    import runpy

    for stream, own in zip(streams, STREAMS, strict=True):
        os.dup2(stream, own)
        os.close(stream)
    os.chdir(call["folder"])
    os.environ.clear()
    os.environ.update(call["environment"])
    program, *sys.argv[1:] = call["words"]
    status = 0
    try:
        if program == "aecli":
            from aecli.cli.main import main

            main()
        else:
            del sys.argv[0]
            sys.path[0] = str(Path(sys.argv[0]).resolve().parent)
            runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        import traceback

        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def run(path: str, words: list[str]) -> int:
    """Have the words done, and return the exit status."""
    call = {"words": words, "folder": str(Path.cwd()), "environment": dict(os.environ)}
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(path)
        socket.send_fds(server, [json.dumps(call).encode()], STREAMS)
        return (server.recv(1) or b"\x01")[0]


if __name__ == "__main__":
    what, path, *words = sys.argv[1:]
    if what == "serve":
        serve(path)
    else:
        sys.exit(run(path, words))
