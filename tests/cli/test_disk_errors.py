"""Every command that writes a file reports a full or broken disk in one line, and keeps the previous file."""

import errno
import os
from pathlib import Path

import pytest

from aecli.errors import ExitStatus
from tests.command_line import Run

OUTPUTS: dict[str, tuple[object, ...]] = {
    "codes.npz": ("encode", "digits:test", "--model", "RUN"),
    "grid.png": ("decode", "CODES", "--model", "RUN"),
    "images": ("decode", "CODES", "--model", "RUN"),
    "plane.png": ("tsne", "CODES", "--sample", 20, "--perplexity", 3, "--max-iter", 20),
    "detector.safetensors": ("calibrate", "--model", "RUN", "--normal", "digits:test", "--score", "residual"),
    "run": ("train", "digits@0", "--recipe", "mlp", "--epochs", 1, "--device", "cpu"),
}
"""Command lines by the name of the file or folder that they write."""


@pytest.mark.parametrize("name", OUTPUTS)
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO], ids=["full", "broken"])
def test_a_write_error_is_reported_and_the_previous_file_is_kept(
    name: str,
    code: int,
    aecli: Run,
    conv_run: Path,
    codes_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    path = tmp_path / name
    if path.suffix:
        path.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", fail)
    inputs = {"RUN": conv_run, "CODES": codes_file}
    result = aecli(*(inputs.get(str(word), word) for word in OUTPUTS[name]), "-o", path, "--quiet")
    assert result.status == ExitStatus.UNAVAILABLE, result.err
    error, hint = result.err.splitlines()
    assert error.startswith("error: ")
    assert "write" in error
    assert os.strerror(code).lower() in error
    assert hint.startswith("hint: ")
    remaining = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert remaining == ([path] if path.suffix else [])
    assert all(file.read_bytes() == b"old" for file in remaining)
