"""torch's number of threads follows the load during a long computation."""

from collections.abc import Callable, Iterator

import pytest
import torch

from aecli.runtime import thread_count, torch_threads
from aecli.runtime.torch_threads import FixedThreads, LoadFollower, load_follower, share_cpus, using_threads


class Machine:
    """A machine whose free CPUs and time a test sets."""

    def __init__(self) -> None:
        self.free = 4
        self.seconds = 0.0
        self.seconds_per_measurement = 0.0
        self.measurements = 0

    def measure(self, cpus: int) -> int:
        self.measurements += 1
        self.seconds += self.seconds_per_measurement
        return min(self.free, cpus)

    def follow(self, most: int = 4) -> Callable[[float], int]:
        """Return a function that lets some seconds pass with steps in between, and returns the number of threads."""
        follower = LoadFollower(most, self.measure, lambda: self.seconds)

        def steps(seconds: float) -> int:
            for _ in range(round(seconds * 100)):
                self.seconds += 0.01
                follower.update()
            return torch.get_num_threads()

        return steps


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """Start with 4 threads; restore the number and what chose it."""
    before, chosen = torch.get_num_threads(), dict(thread_count._chosen)
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)
    thread_count._chosen.update(chosen)


def test_the_number_follows_the_load_both_ways() -> None:
    machine = Machine()
    steps = machine.follow()
    assert steps(5) == 4
    machine.free = 1
    assert steps(5) == 1
    machine.free = 3
    assert steps(5) == 3


def test_a_single_small_measurement_does_not_count() -> None:
    machine = Machine()
    steps = machine.follow()
    assert steps(0.1) == 4
    machine.free = 1
    assert steps(0.15) == 4
    machine.free = 4
    assert steps(5) == 4


def test_measurements_are_rare() -> None:
    machine = Machine()
    machine.follow()(100)
    assert machine.measurements <= 51


def test_slow_measurements_are_rarer() -> None:
    machine = Machine()
    machine.seconds_per_measurement = 0.1
    machine.follow()(100)
    assert machine.measurements <= 11


def test_one_cpu_is_never_measured() -> None:
    machine = Machine()
    machine.follow(most=1)(10)
    assert machine.measurements == 0


def test_a_fixed_number_and_a_gpu_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(thread_count._chosen, "started_with", None)
    assert isinstance(load_follower("cpu"), FixedThreads)
    monkeypatch.setitem(thread_count._chosen, "started_with", 2)
    assert isinstance(load_follower("cpu"), LoadFollower)
    assert isinstance(load_follower("cuda"), FixedThreads)


def test_processes_of_one_machine_share_its_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_threads, "physical_cpus", lambda: 7)
    monkeypatch.setitem(thread_count._chosen, "started_with", 4)
    share_cpus(1)
    assert torch.get_num_threads() == 4
    share_cpus(3)
    assert torch.get_num_threads() == 2
    assert isinstance(load_follower("cpu"), FixedThreads)


def test_a_python_program_gets_its_number_back(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_NUM_THREADS", "AECLI_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(thread_count._chosen, "fixed", None)
    monkeypatch.setitem(thread_count._chosen, "started_with", None)
    with using_threads():
        assert isinstance(load_follower("cpu"), LoadFollower)
        torch.set_num_threads(1)
    assert torch.get_num_threads() == 4
    assert isinstance(load_follower("cpu"), FixedThreads)
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    with using_threads():
        assert isinstance(load_follower("cpu"), FixedThreads)


def test_a_python_program_gets_its_number_back_after_a_fixed_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(thread_count._chosen, "started_with", None)
    with using_threads(2):
        assert torch.get_num_threads() == 2
        assert isinstance(load_follower("cpu"), FixedThreads)
    assert torch.get_num_threads() == 4
