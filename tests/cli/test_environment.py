"""Home, cache and temporary folders that are missing or read-only."""

import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from aecli.errors import ExitStatus
from tests.command_line import run_in_shell

pytestmark = pytest.mark.long

NO_FOLDERS = {
    "HOME": "/dev/null",
    "XDG_CACHE_HOME": "/dev/null/x",
    "MPLCONFIGDIR": "/dev/null/x",
    "TMPDIR": "/dev/null",
}
WITHOUT_OVERRIDE = (
    "setpriv",
    "--bounding-set=-dac_override,-dac_read_search",
    "--inh-caps=-dac_override,-dac_read_search",
)
"""A command prefix that makes file permissions apply to root too."""


def test_commands_work_silently_without_home_cache_and_temporary_folders(
    onnx_file: Path, conv_run: Path, tmp_path: Path
) -> None:
    codes = tmp_path / "codes.npz"
    for words in (
        ("detect", "digits:test", "--model", onnx_file, "--quiet"),
        ("encode", "digits:test", "--model", conv_run, "-o", codes),
    ):
        result = run_in_shell(*words, environment=NO_FOLDERS)
        assert (result.status, result.err) == (0, ""), result.err
    result = run_in_shell("compare", conv_run, conv_run / ".." / "run" / ".", "--quiet", environment=NO_FOLDERS)
    assert result.status == ExitStatus.USAGE, result.err
    result = run_in_shell("knn-probe", codes, codes, "-o", tmp_path / "plot.png", environment=NO_FOLDERS)
    assert result.err.count("\n") == 2  # an error and a hint


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("setpriv"), reason="permissions do not apply to root")
def test_commands_work_silently_with_a_read_only_home(
    onnx_file: Path, conv_run: Path, digits: NDArray[np.uint8]
) -> None:
    prefix = WITHOUT_OVERRIDE if os.geteuid() == 0 else ()
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root)
        folder.chmod(0o755)
        np.save(folder / "images.npy", digits[:20])
        (folder / "home" / ".cache" / "aecli").mkdir(parents=True)
        (folder / "out").mkdir()
        (folder / "out").chmod(0o777)
        for path in (conv_run / "model.safetensors", onnx_file):
            shutil.copy(path, folder)
        for name in ("", ".cache", ".cache/aecli"):
            (folder / "home" / name).chmod(0o555)
        environment = {"HOME": f"{folder}/home", "MPLCONFIGDIR": f"{folder}/home/mpl"}
        for words in (
            ("detect", "images.npy", "--model", "model.onnx", "--quiet"),
            ("encode", "images.npy", "--model", "model.safetensors", "-o", "out/codes.npz", "--quiet"),
            ("tsne", "out/codes.npz", "--perplexity", 3, "--max-iter", 20, "-o", "out/plane.png", "--quiet"),
        ):
            result = run_in_shell(*words, prefix=prefix, cwd=folder, environment=environment)
            assert (result.status, result.err) == (0, ""), result.err
        result = run_in_shell(
            *("encode", "images.npy", "--model", "model.safetensors", "-o", "home/codes.npz"), prefix=prefix, cwd=folder
        )
        assert result.status == ExitStatus.UNAVAILABLE
        assert result.err.startswith("error: ")
        assert "home" in result.err
        assert "permission" in result.err
