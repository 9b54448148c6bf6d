"""Record a terminal session as an SVG: `record.py session.svg`.

Runs the commands below in a temporary folder, in a pseudo-terminal, so that they print what a user sees. Prints the
same session as text.
"""

import fcntl
import os
import pty
import re
import shlex
import struct
import sys
import tempfile
import termios
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

COMMANDS = (
    "aecli train digits -o run",
    "aecli encode digits:test --model run -o codes.npz",
    "aecli tsne codes.npz -o tsne.png",
    "aecli calibrate --model run --normal digits:test",
    "aecli detect letters:test@O,W --model run",
)
COLUMNS = 104
FIRST_LINES, LAST_LINES = 5, 5
"""The lines of a longer output that are kept."""
TOKENS = re.compile(r"\r?\n|\r|\x1b\[[0-9;?]*[A-Za-z]|[^\r\n\x1b]+|\x1b")


def run(command: str) -> str:
    """Run a command in a pseudo-terminal; return its output.

    Raises:
        RuntimeError: the command failed.
    """
    child, terminal = pty.fork()
    if child == 0:
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
        words = shlex.split(command)
        os.execvpe(words[0], words, os.environ | {"TERM": "xterm-256color", "COLUMNS": str(COLUMNS)})
    chunks = []
    while True:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:  # Linux reports the end of the output as an error
            break
        if not chunk:
            break
        chunks.append(chunk)
    os.close(terminal)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    output = b"".join(chunks).decode()
    if status:
        raise RuntimeError(f"{command} failed with status {status}:\n{output}")
    return output


def screen(output: str) -> list[str]:
    """Return the lines that remain on the screen after the progress bars have redrawn themselves."""
    lines, row, returned = [""], 0, False
    for token in TOKENS.findall(output):
        if token.endswith("\n"):
            row, returned = row + 1, False
            lines += [""] * (row == len(lines))
        elif token == "\r":
            returned = True
        elif up := re.fullmatch(r"\x1b\[(\d+)A", token):
            row = max(0, row - int(up[1]))
        elif token == "\x1b[2K":
            lines[row] = ""
        elif token.endswith("m") or token[0] != "\x1b":
            lines[row] = token if returned else lines[row] + token
            returned = False
    return [line.rstrip() for line in lines[: row + 1]]


def record(path: Path) -> None:
    """Run all commands, print the session and write the SVG."""
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True, color_system="truecolor")
    for command in COMMANDS:
        print(f"$ {command}")
        console.print(Text(f"$ {command}", "bold"), soft_wrap=True)
        lines = [line for line in screen(run(command)) if line]
        if len(lines) > FIRST_LINES + LAST_LINES:
            lines[FIRST_LINES:-LAST_LINES] = ["..."]
        for text in map(Text.from_ansi, lines):
            print(text.plain)
            console.print(text, overflow="fold")
    svg = console.export_svg(title="aecli", theme=MONOKAI)
    svg = re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)  # fonts from the network
    path.write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    target = Path(sys.argv[1]).absolute()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        record(target)
