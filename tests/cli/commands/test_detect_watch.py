"""`aecli detect --watch`: images are scored as they arrive, until a signal ends the command."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from aecli.errors import ExitStatus
from tests.command_line import Run

LATEST = 30
"""Seconds until a result must have arrived on the busiest machine."""


class Watching:
    """A running `aecli detect --watch --json`."""

    def __init__(self, process: "subprocess.Popen[str]"):
        self.process = process

    def next_document(self) -> dict[str, Any]:
        """Return the next line of standard output."""
        assert self.process.stdout
        document = json.loads(self.process.stdout.readline())
        assert isinstance(document, dict)
        return document

    def end(self, number: int) -> tuple[dict[str, Any], str, int]:
        """Send a signal; return the summary, standard error and the exit status."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=LATEST)
        return json.loads(out.splitlines()[-1])["summary"], err, self.process.returncode


Start = Callable[..., Any]


@pytest.fixture
def watching(conv_run: Path, tmp_path: Path) -> Start:
    """Return a context manager of a watch of `tmp_path / "incoming"`, with further words of the command line."""
    (tmp_path / "incoming").mkdir()

    @contextmanager
    def start(*words: str) -> Iterator[Watching]:
        command = [sys.executable, "-m", "aecli", "detect", "--watch", "incoming", "--model", str(conv_run), "--json"]
        pipe = subprocess.PIPE
        with subprocess.Popen([*command, *words], stdout=pipe, stderr=pipe, text=True, cwd=tmp_path) as process:
            try:
                yield Watching(process)
            finally:
                process.kill()

    return start


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_images_are_scored_as_they_arrive(watching: Start, digit: Path, tmp_path: Path) -> None:
    incoming = tmp_path / "incoming"
    shutil.copy(digit, incoming / "first.png")
    with watching() as watch:
        assert watch.next_document()["path"] == str(Path("incoming", "first.png"))
        (incoming / "later").mkdir()
        shutil.copy(digit, incoming / "later" / "second.png")
        document = watch.next_document()
        assert document["path"] == str(Path("incoming", "later", "second.png"))
        assert {"score", "threshold", "verdict"} < document.keys()
        (incoming / "damaged.png").write_bytes(b"damaged")
        assert watch.next_document().keys() == {"path", "error"}
        (incoming / "first.png").unlink()
        (incoming / "damaged.png").write_bytes(digit.read_bytes())
        assert watch.next_document()["score"] == pytest.approx(document["score"])
        summary, err, status = watch.end(signal.SIGINT)
    assert (summary["images"], summary["failed"]) == (3, 1)
    assert err.count("damaged.png") == 1
    assert status == ExitStatus.INTERRUPTED
    assert err.splitlines()[-2].startswith("interrupted")


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_termination_ends_the_watch_with_the_summary(watching: Start, digit: Path, tmp_path: Path) -> None:
    shutil.copy(digit, tmp_path / "incoming" / "1.png")
    shutil.copy(digit, tmp_path / "incoming" / "2.png")
    with watching("--only", "anomalies", "--threshold", "0", "--heatmaps", "maps") as watch:
        drawn = {watch.next_document()["heatmap"] for _ in range(2)}
        summary, _, status = watch.end(signal.SIGTERM)
    assert status == ExitStatus.TERMINATED
    assert (summary["images"], summary["anomalies"]) == (2, 2)
    assert {tmp_path / path for path in drawn} == {*(tmp_path / "maps").iterdir()}


@pytest.mark.parametrize(
    ("words", "noun"),
    [
        (("--sort", "score"), "--sort"),
        (("--top", "3"), "--top"),
        (("--fail-on-anomaly",), "--fail-on-anomaly"),
        (("digits:test",), "--watch"),
        (("--files-from", "-"), "--watch"),
        (("--heatmaps", "{folder}/maps"), "maps"),
    ],
)
def test_options_that_need_an_end_are_refused(words: tuple[str, ...], noun: str, detect: Run, tmp_path: Path) -> None:
    result = detect("--watch", tmp_path, *(word.format(folder=tmp_path) for word in words))
    assert (result.status, result.out) == (ExitStatus.USAGE, "")
    assert noun in result.err.splitlines()[0]


def test_a_missing_folder_is_refused(detect: Run, tmp_path: Path) -> None:
    result = detect("--watch", tmp_path / "none")
    assert (result.status, result.out) == (ExitStatus.INPUT, "")
    assert "none" in result.err.splitlines()[0]
