"""Run commands by forking a process that has already imported torch and Lightning.

    python warm.py serve SOCKET              # import, print "ready", serve until the end of standard input
    python warm.py run SOCKET aecli ...      # like `aecli ...`
    python warm.py run SOCKET python FILE ...

An example runs dozens of short commands, which would spend most of their time on imports.
"""

import json
import os
import select
import socket
import sys
from pathlib import Path
from typing import Any

STREAMS = (0, 1, 2)
IMPORTED = (
    *("aecli.cli.app", "aecli.training.fit", "aecli.plots", "matplotlib.pyplot", "sklearn.neighbors", "pydantic"),
    *("aecli.inference.onnx.export", "aecli.inference.onnx.backend", "aecli.analyses.tsne.embed", "constriction"),
)
"""What the commands import, apart from loggers."""


def serve(path: str) -> None:
    """Accept commands and run each in a forked process."""
    from importlib import import_module

    for name in IMPORTED:
        import_module(name)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen(64)
    print("ready", flush=True)
    while sys.stdin not in select.select([listening, sys.stdin], [], [])[0]:
        caller, _ = listening.accept()
        if os.fork():
            caller.close()
            while _reap():
                pass
            continue
        listening.close()
        content, streams, *_ = socket.recv_fds(caller, 2**20, len(STREAMS))
        child = os.fork()
        if not child:
            caller.close()
            _run_in_this_process(json.loads(content), streams)
        caller.send(bytes([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 255]))
        os._exit(0)


def _reap() -> bool:
    """Collect one child that has ended; return whether there was one."""
    try:
        return os.waitpid(-1, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return False


def _run_in_this_process(call: dict[str, Any], streams: list[int]) -> None:
    """Run a command with the streams, the working directory and the environment of the caller, then exit."""
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
    """Send a command to the server; return its exit status."""
    call = {"words": words, "folder": str(Path.cwd()), "environment": dict(os.environ)}
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(path)
        socket.send_fds(server, [json.dumps(call).encode()], STREAMS)
        return (server.recv(1) or b"\x01")[0]


if __name__ == "__main__":
    action, path, *words = sys.argv[1:]
    if action == "serve":
        serve(path)
    else:
        sys.exit(run(path, words))
