"""A new score is one new file: `calibrate`, `detect`, `info` and `--help` know it without further edits."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

NEW_SCORE = '''
"""Largest absolute error of a pixel."""

import numpy as np

UNIT = "gray levels"
SUMMARY = "largest absolute error of a pixel"


def applies_to(header):
    return header.task == "autoencoder"


def measure(output):
    return np.abs(output.images - output.reconstructions).max(axis=(1, 2, 3))[:, None]


def fit(features, seed):
    return {}


def score(features, statistics):
    return features[:, 0]
'''

RUN = """
import json, sys
import aecli.detection.scores
from contextlib import suppress

aecli.detection.scores.__path__.append(sys.argv[1])
from aecli.cli.main import main

for words in json.loads(sys.argv[2]):
    with suppress(SystemExit):
        main(words)
"""


@pytest.fixture
def aecli_with_new_score(python: Callable[..., str], tmp_path: Path) -> Callable[..., str]:
    """Return a function that runs `aecli` commands, in a new process with a score `largest`; it returns the output."""
    folder = tmp_path / "scores"
    folder.mkdir()
    (folder / "largest.py").write_text(NEW_SCORE)

    def run(*commands: Sequence[str | Path]) -> str:
        return python(RUN, folder, json.dumps([list(map(str, words)) for words in commands]))

    return run


def test_help_lists_the_new_score(aecli_with_new_score: Callable[..., str]) -> None:
    help_text = " ".join(aecli_with_new_score(["calibrate", "--help"]).replace("│", " ").split())
    assert "largest: largest absolute error of a pixel" in help_text


@pytest.mark.slow
@pytest.mark.long
def test_commands_use_the_new_score(aecli_with_new_score: Callable[..., str], conv_run: Path, tmp_path: Path) -> None:
    detector, other = tmp_path / "detector.safetensors", tmp_path / "other.safetensors"
    on_digits = ["calibrate", "--model", conv_run, "--normal", "digits:test@-1", "--json"]
    lines = aecli_with_new_score(
        [*on_digits, "--score", "largest", "-o", detector],
        ["detect", "digits:test", "--model", conv_run, "--detector", detector, "--json"],
        ["info", detector, "--json"],
        [*on_digits, "--anomalous", "digits:test@1", "-o", other],
    ).splitlines()
    calibrated, *_, summary, described, compared = map(json.loads, lines)
    assert calibrated["detector"]["score"] == "largest"
    assert summary["summary"]["score"] == "largest"
    assert described["score"] == "largest"
    assert "largest" in [report["score"] for report in compared["scores"]]
