"""Completion in the real shells: what the Tab key makes of a command line that is typed on a terminal."""

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from aecli.cli.completion import script

ROOT = str(Path(__file__).parents[3])

START = {
    "bash": ["bash", "--noprofile", "--norc", "-i"],
    "zsh": ["zsh", "-f", "-i"],
}
SETUP = {
    "bash": "PS1='READY '; bind 'set enable-bracketed-paste off'; source completion",
    "zsh": "PS1='READY '; unsetopt zle_bracketed_paste prompt_sp; bindkey -e; source ./completion",
}
LINES = [
    # typed, and the command line after the Tab key
    ("aecli train mnist5k:te", "aecli train mnist5k:test "),
    ("aecli train digits --recipe min", "aecli train digits --recipe mine.toml "),
    ("aecli train digits --set optimizer.l", "aecli train digits --set optimizer.lr="),
    ("aecli train digits --set optimizer.name=s", "aecli train digits --set optimizer.name=sgd "),
    (
        "aecli train digits --recipe mlp --set model.arguments.h",
        "aecli train digits --recipe mlp --set model.arguments.hidden=",
    ),
    ("aecli train photos/@ca", "aecli train photos/@cats "),
    ("aecli encode digits --model ru", "aecli encode digits --model run/"),
    ("aecli encode digits --device=cp", "aecli encode digits --device=cpu "),
    ("aecli knn-probe a.npz b.npz --methods knn-cosine,li", "aecli knn-probe a.npz b.npz --methods knn-cosine,linear "),
    ("aecli tsne cod", "aecli tsne codes.npz "),
]


class Terminal:
    """A shell on a terminal of its own."""

    def __init__(self, shell: str, folder: Path, environment: dict[str, str]):
        self._master, slave = pty.openpty()
        self._process = subprocess.Popen(
            START[shell], stdin=slave, stdout=slave, stderr=slave, cwd=folder, env=environment, start_new_session=True
        )
        os.close(slave)
        self._output = ""
        self.type(SETUP[shell] + "\r")
        self.wait_for("READY ")

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def wait_for(self, pattern: str, seconds: float = 20) -> "re.Match[str]":
        """Return the match of a pattern in the output that has not been matched yet."""
        ends = time.monotonic() + seconds
        while (match := re.search(pattern, self._output)) is None:
            assert time.monotonic() < ends, self._output
            if select.select([self._master], [], [], 0.1)[0]:
                text = os.read(self._master, 10_000).decode(errors="replace")
                self._output += re.sub(r"\x1b(\[[0-9;?<>=]*[A-Za-z]|[()].|[=>78]|\][^\x07]*\x07)", "", text)
        self._output = self._output[match.end() :]
        return match

    def completed(self, line: str) -> str:
        """Return what the Tab key makes of the line: it is not run, but printed."""
        self.type(line + "\t")
        time.sleep(0.05)
        self.type(".\x01echo '<\x05>'\r")
        return self.wait_for(r"\n<(.*)\.>").group(1)

    def close(self) -> None:
        os.close(self._master)
        with suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()


def prepare(shell: str, folder: Path) -> dict[str, str]:
    """Fill a folder with the files of the command lines, the script and the program; return the environment."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    for name in ("run", "photos/cats", "photos/dogs", "bin"):
        (folder / name).mkdir(parents=True)
    for name in ("codes.npz", "codes.txt", "mine.toml", "mine.txt"):
        (folder / name).touch()
    (folder / "completion").write_text(script(shell))
    program = folder / "bin" / "aecli"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m aecli "$@"\n')
    program.chmod(0o755)
    paths = f"{program.parent}:{os.environ['PATH']}"
    return os.environ | {"PATH": paths, "HOME": str(folder), "TERM": "xterm", "LC_ALL": "C.UTF-8", "PYTHONPATH": ROOT}


@pytest.fixture(scope="module", params=START)
def terminal(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """A terminal with one of the shells; tests are skipped if it is not installed."""
    folder = tmp_path_factory.mktemp(request.param)
    with closing(Terminal(request.param, folder, prepare(request.param, folder))) as opened:
        yield opened


@pytest.mark.slow
@pytest.mark.parametrize(("typed", "completed"), LINES, ids=[line for line, _ in LINES])
def test_the_tab_key_completes_a_command_line(terminal: Terminal, typed: str, completed: str) -> None:
    assert terminal.completed(typed) == completed


@pytest.mark.slow
def test_fish_completes_command_lines(tmp_path: Path) -> None:
    environment = prepare("fish", tmp_path)
    commands = "".join(f'complete --do-complete "{typed}"; echo ---; ' for typed, _ in LINES)
    done = subprocess.run(
        ["fish", "--no-config", "-c", f"source completion; {commands}"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    answers = done.stdout.split("---\n")
    found = [[line.split("\t")[0] for line in answer.splitlines()] for answer in answers]
    for (typed, completed), candidates in zip(LINES, found, strict=False):
        assert candidates == [completed.rstrip().rpartition(" ")[2]], typed
