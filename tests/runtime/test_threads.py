"""Work runs in as many threads as the process may use CPUs."""

import os
from pathlib import Path

import joblib  # type: ignore[import-untyped]
import pytest

from aecli.runtime import threads
from aecli.runtime.threads import map_ordered, parallel_for, usable_cpus


def test_usable_cpus_is_the_count_of_joblib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOKY_MAX_CPU_COUNT", raising=False)
    assert usable_cpus() == joblib.cpu_count()


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="needs affinity")
@pytest.mark.parametrize(
    ("quota", "expected"),
    [("max 100000", 8), ("150000 100000", 2), ("50000 100000", 1), ("6400000 100000", 8), ("damaged", 8)],
)
def test_the_cpu_quota_of_a_container_is_honored(
    quota: str, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpu.max").write_text(f"{quota}\n")
    monkeypatch.setattr(threads, "CPU_QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)))
    assert usable_cpus() == expected


def test_results_keep_the_order_of_the_items() -> None:
    assert list(map_ordered(str, range(500))) == [str(number) for number in range(500)]


def test_the_first_exception_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        list(map_ordered(lambda number: 1 // (number - 3), range(10)))


def test_progress_counts_the_completed_calls() -> None:
    called: list[int] = []
    done: list[int] = []
    parallel_for(called.append, range(5), done.append)
    assert sorted(called) == list(range(5))
    assert done == [1, 2, 3, 4, 5]
