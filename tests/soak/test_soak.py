"""The parts of the soak test that decide what a finding is; `python -m tests.soak` runs it."""

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.soak.litter import bytes_in, litter
from tests.soak.memory import Growth
from tests.soak.parallel_detection import differences
from tests.soak.watch import wrong_verdicts

ROOT = Path(__file__).parents[2]
needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")


def test_growth_compares_the_second_quarter_with_the_last_one() -> None:
    growth = Growth.of([10, 50, 90, 91, 92, 93, 94, 95])
    assert (growth.earlier, growth.later) == (90.5, 94.5)
    assert growth.exceeds(3.9)
    assert not growth.exceeds(4)


def test_litter_is_hidden_or_has_the_name_of_a_temporary_file(tmp_path: Path) -> None:
    for name in ("codes.npz", ".codes.npz.0a-0b.part", "a/x.lock", "a/b/.hidden", "partial.png", "y~"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"12")
    assert litter(tmp_path) == [".codes.npz.0a-0b.part", "a/b/.hidden", "a/x.lock", "y~"]
    assert bytes_in(tmp_path) == 12
    assert bytes_in(tmp_path / "none") == 0


def test_lines_that_are_missing_torn_or_repeated_are_found() -> None:
    assert not differences(Counter("abb"), Counter("bab"))
    missing, unexpected = differences(Counter("abc"), Counter("abb"))
    assert "1 lines are missing, such as 'c'" in missing
    assert "1 lines are not expected, such as 'b'" in unexpected


def test_verdicts_that_are_missing_repeated_or_wrong_are_found() -> None:
    right = [{"path": "1.png", "verdict": "normal"}, {"path": "2.png", "verdict": "anomaly"}]
    expected = {"1.png": "normal", "2.png": "anomaly"}
    assert not wrong_verdicts(expected, right)
    assert wrong_verdicts(expected, right[:1]) == ["2.png has 0 verdicts instead of 1"]
    assert wrong_verdicts(expected, [*right, right[0]]) == ["1.png has 2 verdicts instead of 1"]
    assert wrong_verdicts({"1.png": "anomaly"}, right[:1]) == ["1.png is normal instead of anomaly"]
    assert wrong_verdicts({}, right[:1]) == ["1.png was not expected"]
    failure = {"path": "1.png", "error": "damaged"}
    assert len(wrong_verdicts({"1.png": "normal"}, [failure])) == 1


@needs_proc
def test_processes_are_found_until_they_end() -> None:
    from tests.soak.processes import handles, open_files, processes_with, resident_mebibytes, zombies_of

    code = "import signal; signal.signal(signal.SIGTERM, print); print(flush=True); signal.pause()"
    variables = os.environ | {"AECLI_SOAK_TEST": "1"}
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, env=variables, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        assert [found.pid for found in processes_with("AECLI_SOAK_TEST", "1")] == [process.pid]
        assert resident_mebibytes(process.pid) > 1
        assert open_files(process.pid) == 3
        assert handles(process.pid, signal.SIGTERM)
        assert not handles(process.pid, signal.SIGUSR1)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert [found.pid for found in zombies_of(os.getpid())] == [process.pid]
    assert not processes_with("AECLI_SOAK_TEST", "1")
    assert not zombies_of(os.getpid())


@needs_proc
@pytest.mark.long
def test_one_round_of_parallel_detection_has_no_findings() -> None:
    command = [sys.executable, "-m", "tests.soak", "--minutes", "0", "xargs"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| xargs | 1 | 3,000 images by 8 processes | 0 |" in done.stdout
