"""Concurrent processes: one complete result remains, no process hangs, and no temporary file is left."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from aecli.errors import ExitStatus
from tests.command_line import Run

pytestmark = [pytest.mark.skipif(os.name != "posix", reason="needs a shell and flock"), pytest.mark.slow]
TIMEOUT = 120
AECLI = shlex.join([sys.executable, "-m", "aecli"])


def at_once(commands: Sequence[Sequence[str | Path]]) -> list[tuple[int, str, str]]:
    """Run all commands concurrently; return the exit status, output and errors of each."""
    pipe = subprocess.PIPE
    processes = [subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) for command in commands]
    outputs = [process.communicate(timeout=TIMEOUT) for process in processes]
    return [(process.returncode, *output) for process, output in zip(processes, outputs, strict=True)]


@pytest.fixture(scope="module")
def model(conv_run: Path, aecli: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported model, which runs without torch."""
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    assert aecli("export", conv_run, "-o", path).status == 0
    return path


def test_writers_of_the_same_file_leave_one_complete_file(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys\n"
        "from aecli.storage.atomic import atomic_write\n"
        "from aecli.storage.paths import require_output\n"
        "target = pathlib.Path(sys.argv[1])\n"
        "for _ in range(50):\n"
        "    with atomic_write(require_output(target)) as file:\n"
        "        for _ in range(10):\n"
        "            file.write(sys.argv[2].encode() * 10_000)\n"
    )
    results = at_once([(sys.executable, "-c", code, tmp_path / "file", letter) for letter in "abcdefgh"])
    assert results == [(0, "", "")] * 8
    content = (tmp_path / "file").read_bytes()
    assert content == content[:1] * 100_000
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_writers_of_the_same_cache_entry_leave_one_complete_entry(
    image_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AECLI_CACHE", str(tmp_path / "cache"))
    code = (
        "import sys\n"
        "from aecli.data import DataOptions, load\n"
        "print(load(sys.argv[1], DataOptions(memory_budget=1)).fingerprint)\n"
    )
    results = at_once([(sys.executable, "-c", code, image_folder)] * 4)
    assert [status for status, _, _ in results] == [0] * 4, results
    assert len({out for _, out, _ in results}) == 1
    (entry,) = (tmp_path / "cache" / "decoded").iterdir()
    assert sorted(path.name for path in entry.iterdir()) == ["about.json", "images.npy"]


@pytest.mark.long
def test_the_second_training_into_the_same_folder_is_refused(aecli: Run, tmp_path: Path) -> None:
    run = tmp_path / "run"
    words = ("train", "digits", "-o", run, "--recipe", "mlp", "--epochs", "2", "--device", "cpu", "--no-export")
    results = at_once([(sys.executable, "-m", "aecli", *words)] * 2)
    assert sorted(status for status, _, _ in results) == [ExitStatus.DONE, ExitStatus.EXISTS], results
    assert not list(run.glob(".*"))
    assert aecli("info", run).status == 0


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
@pytest.mark.long
def test_parallel_make_gives_the_same_files_as_one_job(model: Path, tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text(
        "all: 0.npz 1.npz\n"
        f"%.npz: {model}\n\t{AECLI} encode digits:test@$* --model {model} -o out/$@ && ln -f out/$@ $@\n"
    )
    contents = []
    for jobs in ("-j1", "-j3"):
        subprocess.run(["make", "-B", jobs], cwd=tmp_path, check=True, capture_output=True, timeout=TIMEOUT)
        contents.append([(tmp_path / "out" / f"{label}.npz").read_bytes() for label in range(2)])
    assert contents[0] == contents[1]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["0.npz", "1.npz"]
    again = subprocess.run(["make", "-j3"], cwd=tmp_path, check=True, capture_output=True, text=True, timeout=TIMEOUT)
    assert "Nothing to be done" in again.stdout


def test_parallel_xargs_gives_the_same_results_as_one_process(model: Path, image_folder: Path, tmp_path: Path) -> None:
    files = sorted(image_folder.rglob("*.png"))
    lines = {}
    for processes, each in ((1, len(files)), (8, 2)):
        heatmaps = tmp_path / f"heatmaps{processes}"
        command = f"xargs -0 -P {processes} -n {each} {AECLI} detect --no-header --model {model} --heatmaps {heatmaps}"
        done = subprocess.run(
            command, shell=True, input="\0".join(map(str, files)), capture_output=True, text=True,
            timeout=TIMEOUT, check=True,
        )  # fmt: skip
        lines[processes] = sorted(done.stdout.splitlines())
    assert len(lines[1]) == len(files)
    assert lines[8] == lines[1]
    names = [sorted(path.name for path in (tmp_path / f"heatmaps{count}").iterdir()) for count in (1, 8)]
    assert len(names[0]) == len(files)
    assert names[0] == names[1]
