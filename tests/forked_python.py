"""Python code in forks of a process that has run other code before, such as imports that take seconds."""

import json
import os
import subprocess
import sys
from pathlib import Path

SERVER = """
import json, os, sys, traceback

def run(code, output):
    status = 1
    try:
        for number, path in zip((1, 2), output):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
        exec(compile(code, "<code>", "exec"), names)
        status = 0
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)

names = {"__name__": "__main__"}
exec(compile(sys.argv[1], "<before>", "exec"), names)
for line in sys.stdin:
    child = os.fork()
    if not child:
        run(*json.loads(line))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class ForkedPython:
    """Runs each code in its own fork of one process, which has run the code `before`; needs `os.fork`."""

    def __init__(self, before: str, folder: Path) -> None:
        """Start the process.

        Args:
            before: The code that the process runs once.
            folder: An empty folder for the output of each code.
        """
        self._folder, self._count = folder, 0
        environment = os.environ | {"CUDA_VISIBLE_DEVICES": ""}  # a context of CUDA cannot be forked
        self._process = subprocess.Popen(
            [sys.executable, "-c", SERVER, before],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def __call__(self, code: str) -> str:
        """Run the code and return its standard output."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._count += 1
        out, err = (self._folder / f"{self._count}.{stream}" for stream in ("out", "err"))
        self._process.stdin.write(json.dumps([code, [str(out), str(err)]]) + "\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "0\n", err.read_text("utf-8") if err.exists() else "it has ended"
        return out.read_text("utf-8")

    def close(self) -> None:
        """End the process."""
        self._process.communicate()
