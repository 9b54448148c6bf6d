"""Every command that writes a file says in one line that the disk is full, and leaves what was there."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from aecli.errors import ExitStatus
from tests.command_line import Run


@pytest.fixture
def commands(conv_run: Path, codes_file: Path) -> dict[str, tuple[object, ...]]:
    """Command lines by the name of what they write."""
    return {
        "codes.npz": ("encode", "digits:test", "--model", conv_run),
        "grid.png": ("decode", codes_file, "--model", conv_run),
        "pictures": ("decode", codes_file, "--model", conv_run),
        "plane.png": ("tsne", codes_file, "--sample", 20, "--perplexity", 3, "--max-iter", 20),
        "detector.safetensors": ("calibrate", "--model", conv_run, "--normal", "digits:test", "--score", "residual"),
        "run": ("train", "digits@0", "--recipe", "mlp", "--epochs", 1, "--accelerator", "cpu"),
    }


NAMES = ("codes.npz", "grid.png", "pictures", "plane.png", "detector.safetensors", "run")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO], ids=["full", "broken"])
def test_a_disk_that_refuses_is_told_in_one_line(
    name: str, code: int, commands: dict[str, Any], aecli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    if "." in name:
        (tmp_path / name).write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", refuse)
    result = aecli(*commands[name], "-o", tmp_path / name, "--quiet")
    assert result.status == ExitStatus.UNAVAILABLE, result.err
    error, hint = result.err.splitlines()
    assert error.startswith("error: cannot write ")
    assert os.strerror(code).lower() in error
    assert hint.startswith("hint: ")
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert left == ([tmp_path / name] if "." in name else [])
    assert all(path.read_bytes() == b"old" for path in left)
