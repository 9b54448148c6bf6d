"""Streams that are closed, folders that are not there, a locale without letters: the work is done all the same."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from aecli.errors import ExitStatus
from tests.command_line import Run

NOWHERE = {"HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null/x", "MPLCONFIGDIR": "/dev/null/x", "TMPDIR": "/dev/null"}
AS_OTHERS = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search")
"""Takes from root the right to write anywhere."""
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def run(
    *words: object, shell: str = "", bound: bool = False, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """Run `aecli` as a shell does, with redirections such as `>&-` or `| head -c 1`.

    `bound`: by what may and may not be written, also where this is root.
    """
    command = f'set -o pipefail; "$@" {shell}'
    python = [sys.executable, "-m", "aecli", *map(str, words)]
    kept = {key: value for key, value in os.environ.items() if key not in {"AECLI_CACHE", "AECLI_DATA"}}
    return subprocess.run(
        [*(AS_OTHERS if bound and os.geteuid() == 0 else ()), "bash", "-c", command, "bash", *python],
        capture_output=True,
        timeout=120,
        cwd=cwd,
        env=kept | environment,
        check=False,
    )


@pytest.fixture(scope="module")
def exported(conv_run: Path, aecli: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exported") / "model.onnx"
    assert aecli("export", conv_run, "-o", path).status == 0
    return path


@pytest.mark.parametrize("shell", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", "| head -c 1"])
def test_a_closed_stream_does_no_harm(shell: str, exported: Path) -> None:
    for words in (["detect", "digits:test", "--model", exported], ["datasets"], ["info", exported], ["--help"]):
        done = run(*words, shell=shell)
        assert done.returncode == 0, done.stderr
        assert b"Traceback" not in done.stderr
        assert b"error" not in done.stderr


def test_without_any_folder_of_its_own_nothing_is_said(exported: Path, conv_run: Path, tmp_path: Path) -> None:
    done = run("detect", "digits:test", "--model", exported, "--quiet", **NOWHERE)
    assert (done.returncode, done.stderr) == (0, b""), done.stderr
    done = run("encode", "digits:test", "--model", conv_run, "-o", tmp_path / "codes.npz", **NOWHERE)
    assert (done.returncode, done.stderr) == (0, b""), done.stderr
    done = run("compare", conv_run, conv_run / ".." / "run" / ".", "--quiet", **NOWHERE)
    assert done.returncode == 2, done.stderr
    words = ("knn-probe", tmp_path / "codes.npz", tmp_path / "codes.npz", "-o", tmp_path / "plot.png")
    assert run(*words, **NOWHERE).stderr.count(b"\n") == 2  # an error and a hint


def test_names_of_any_bytes_in_a_locale_without_letters(exported: Path, digits: NDArray[Any], tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path / "pics")
    names = ["ü mlaut.png".encode(), b"bad\xff\xfe.png", b"quo'te\".png", b"-dash.png", "☃.png".encode()]
    for label in (b"cl\xff", "clässe".encode()):
        os.makedirs(os.path.join(folder, label))  # noqa: PTH103, PTH118
        for index, name in enumerate(names):
            Image.fromarray(digits[index, 0]).save(os.path.join(folder, label, name), "PNG")  # noqa: PTH118
    for locale in ({}, ASCII):
        done = run("encode", tmp_path / "pics", "--model", exported, "-o", tmp_path / "codes.npz", **locale)
        assert done.returncode == 0, done.stderr
        out = tmp_path / f"out{len(locale)}"
        done = run("decode", tmp_path / "codes.npz", "--model", exported, "-o", out, **locale)
        assert done.returncode == 0, done.stderr
        assert len(os.listdir(out)) == 10  # noqa: PTH208
        done = run("detect", tmp_path / "pics", "--model", exported, "--heatmaps", tmp_path / "heat", **locale)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count(b"\n") == 10
        assert b"\\udcff" in done.stdout


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("setpriv"), reason="root may write anywhere")
def test_a_home_and_a_cache_that_may_not_be_written(exported: Path, conv_run: Path, digits: NDArray[Any]) -> None:
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root)
        folder.chmod(0o755)
        np.save(folder / "images.npy", digits[:20])
        (folder / "home" / ".cache" / "aecli").mkdir(parents=True)
        (folder / "out").mkdir()
        (folder / "out").chmod(0o777)
        for path in (conv_run / "model.safetensors", exported):
            shutil.copy(path, folder)
        for name in ("", ".cache", ".cache/aecli"):
            (folder / "home" / name).chmod(0o555)
        home = {"HOME": f"{folder}/home", "MPLCONFIGDIR": f"{folder}/home/mpl"}
        for words in (
            ("detect", "images.npy", "--model", "model.onnx", "--quiet"),
            ("encode", "images.npy", "--model", "model.safetensors", "-o", "out/codes.npz", "--quiet"),
            ("tsne", "out/codes.npz", "--perplexity", 3, "--max-iter", 20, "-o", "out/plane.png", "--quiet"),
        ):
            done = run(*words, bound=True, cwd=folder, **home)
            assert (done.returncode, done.stderr) == (0, b""), done.stderr
        done = run(
            "encode", "images.npy", "--model", "model.safetensors", "-o", "home/codes.npz", bound=True, cwd=folder
        )
        assert done.returncode == ExitStatus.UNAVAILABLE
        assert done.stderr.startswith(b"error: cannot write home: permission denied"), done.stderr


def test_a_hundred_thousand_files_in_a_folder_are_listed_in_little_memory(
    tmp_path: Path, python: Callable[..., str], digits: NDArray[Any]
) -> None:
    for index in range(100_000):
        if index % 10_000 == 0:  # a file may have no more names than that, on some disks
            picture = tmp_path / f"{index}.png"
            Image.fromarray(digits[0, 0]).save(picture)
        else:
            os.link(picture, tmp_path / f"{index}.png")
    count, mebibytes = python(
        "import resource, sys\n"
        "from aecli.data.loading import content_of\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print(len(content_of(sys.argv[1])[0].names))\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)",
        tmp_path,
    ).split()
    assert count == "100000"
    assert int(mebibytes) < 200
