"""Streams that are closed, folders that are not there, a locale without letters: the work is done all the same."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

NOWHERE = {"HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null/x", "MPLCONFIGDIR": "/dev/null/x", "TMPDIR": "/dev/null"}
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def run(*words: object, shell: str = "", **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run `aecli` as a shell does, with redirections such as `>&-` or `| head -c 1`."""
    command = f'set -o pipefail; "$@" {shell}'
    python = [sys.executable, "-m", "aecli", *map(str, words)]
    kept = {key: value for key, value in os.environ.items() if key not in {"AECLI_CACHE", "AECLI_DATA"}}
    return subprocess.run(
        ["bash", "-c", command, "bash", *python],
        capture_output=True,
        timeout=120,
        env=kept | environment,
        check=False,
    )


@pytest.fixture(scope="module")
def exported(conv_run: Path, aecli: Callable, tmp_path_factory: pytest.TempPathFactory) -> Path:
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


def test_names_of_any_bytes_in_a_locale_without_letters(exported: Path, digits, tmp_path: Path) -> None:
    from PIL import Image

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


def test_many_files_in_a_folder_are_listed_in_little_memory(tmp_path: Path, python: Callable, digits) -> None:
    from PIL import Image

    Image.fromarray(digits[0, 0]).save(tmp_path / "0.png")
    for index in range(1, 5000):
        (tmp_path / f"{index}.png").hardlink_to(tmp_path / "0.png")
    counted = python(
        "import sys; from aecli.data.loading import content_of; print(len(content_of(sys.argv[1])[0].names))", tmp_path
    )
    assert counted == "5000\n"
