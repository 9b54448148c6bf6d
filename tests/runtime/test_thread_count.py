"""The number of threads is fixed by the user, or follows the CPUs that other programs leave free."""

import os
from collections.abc import Callable, Iterator

import pytest

from aecli.errors import UsageError
from aecli.runtime import thread_count as counting
from aecli.runtime.thread_count import LIBRARIES, VARIABLE, choose_threads, parse_threads, thread_count, worker_count
from tests.command_line import Run


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Start without any number of threads, on 4 idle CPUs; restore everything."""
    before = dict(counting._chosen)
    for name in (*LIBRARIES, VARIABLE, "OMP_WAIT_POLICY", *counting.WAITING):
        monkeypatch.setenv(name, "")  # restored at the end, also if the test sets it
        monkeypatch.delenv(name)
    for name in ("physical_cpus", "usable_cpus"):
        monkeypatch.setattr(counting, name, lambda: 4)
    monkeypatch.setattr(counting, "free_cpus", float)
    yield
    counting._chosen.update(before)


def test_an_idle_machine_gives_all_cpus() -> None:
    choose_threads()
    assert thread_count() == worker_count() == 4
    assert {os.environ[name] for name in LIBRARIES} == {"4"}


@pytest.mark.parametrize(("free", "expected"), [(0.1, 1), (1.5, 1), (1.7, 2), (2.4, 2), (3.9, 4)])
def test_a_busy_machine_gives_the_free_ones(free: float, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "free_cpus", lambda cpus: free)
    choose_threads()
    assert thread_count() == expected
    assert worker_count() == 4  # tasks that do not wait for each other
    assert os.environ["OMP_NUM_THREADS"] == str(expected)


def test_one_small_measurement_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    results = iter([1.0, 1.2, 3.9])
    monkeypatch.setattr(counting, "free_cpus", lambda cpus: next(results))
    choose_threads()
    assert thread_count() == 4


@pytest.mark.parametrize(
    ("option", "openmp", "threads", "workers"),
    [(3, None, 3, 3), (3, "2", 3, 3), (None, "2", 2, 4), ("auto", "2", 4, 4)],
)
def test_the_option_outranks_the_environment(
    option: counting.Threads | None, openmp: str | None, threads: int, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if openmp:
        monkeypatch.setenv("OMP_NUM_THREADS", openmp)
    choose_threads(option)
    assert (thread_count(), worker_count()) == (threads, workers)
    assert os.environ["OMP_NUM_THREADS"] == str(threads)


def test_the_number_of_a_single_library_is_left_to_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    choose_threads()
    assert (os.environ["OPENBLAS_NUM_THREADS"], os.environ["OMP_NUM_THREADS"]) == ("2", "4")


def test_waiting_threads_leave_the_cpu_soon_unless_the_user_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    choose_threads()
    assert os.environ["GOMP_SPINCOUNT"] == "10000"
    monkeypatch.delenv("GOMP_SPINCOUNT")
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    choose_threads()
    assert "GOMP_SPINCOUNT" not in os.environ


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", "", "5000"])
def test_other_words_are_no_number_of_threads(text: str) -> None:
    with pytest.raises(UsageError):
        parse_threads(text)


@pytest.mark.parametrize("text", ["1", "auto"])
def test_every_command_has_the_option(text: str, aecli_apart: Run) -> None:
    assert aecli_apart("info", "digits", "--threads", text).status == 0
    assert aecli_apart("info", "digits", "--threads", "none").status == 2


@pytest.mark.slow
@pytest.mark.parametrize("variable", [None, VARIABLE, "OMP_NUM_THREADS"])
@pytest.mark.long
def test_the_libraries_use_the_fixed_number(variable: str | None, python: Callable[..., str]) -> None:
    code = (
        "import sys\n"
        "from aecli.cli.main import main\n"
        "sys.argv = ['aecli', 'info', 'digits', *sys.argv[1:]]\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "import numpy, torch; from threadpoolctl import threadpool_info\n"
        "print(torch.get_num_threads(), *{entry['num_threads'] for entry in threadpool_info()})"
    )
    threads = () if variable else ("--threads", "1")
    assert python(code, *threads, **({variable: "1"} if variable else {})).split()[-2:] == ["1", "1"]
