"""A process knows how many CPUs it may use, and how many of them other programs leave free."""

import os
from pathlib import Path

import joblib  # type: ignore[import-untyped]
import pytest

from aecli.runtime import control_groups, cpus
from aecli.runtime.cpus import free_cpus, physical_cpus, usable_cpus

needs_affinity = pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="needs affinity")


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the root of control groups that hold no limits, on a machine of 8 CPUs."""
    monkeypatch.setattr(control_groups, "ROOT", tmp_path)
    monkeypatch.setattr(control_groups, "OWN_GROUPS", tmp_path / "own")
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)))
    return tmp_path


def test_usable_cpus_is_the_count_of_joblib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOKY_MAX_CPU_COUNT", raising=False)
    assert usable_cpus() == joblib.cpu_count()


@needs_affinity
@pytest.mark.parametrize(
    ("quota", "expected"),
    [("max 100000", 8), ("150000 100000", 2), ("50000 100000", 1), ("6400000 100000", 8), ("damaged", 8), ("1 0", 8)],
)
@pytest.mark.parametrize("group", ["/", "/pods/pod/container"])
@pytest.mark.parametrize("limited", ["", "pods"])
def test_the_quota_of_a_container_is_honored(quota: str, expected: int, group: str, limited: str, groups: Path) -> None:
    (groups / "own").write_text(f"0::{group}\n")
    (groups / limited).mkdir(exist_ok=True)
    (groups / limited / "cpu.max").write_text(f"{quota}\n")
    assert usable_cpus() == (8 if limited and group == "/" else expected)


@needs_affinity
@pytest.mark.parametrize(("quota", "expected"), [("-1", 8), ("100000", 1), ("250000", 3), ("", 8)])
@pytest.mark.parametrize("mounted", ["cpu", "cpu,cpuacct"])
def test_the_quota_of_version_1_is_honored(quota: str, expected: int, mounted: str, groups: Path) -> None:
    (groups / "own").write_text("5:memory:/other\n4:cpu,cpuacct:/docker/name\n0::/\n")
    (groups / mounted / "docker" / "name").mkdir(parents=True)
    for folder, value in ((groups / mounted, "-1"), (groups / mounted / "docker" / "name", quota)):
        (folder / "cpu.cfs_quota_us").write_text(f"{value}\n")
        (folder / "cpu.cfs_period_us").write_text("100000\n")
    assert usable_cpus() == expected


@needs_affinity
def test_a_group_that_only_the_host_sees_has_the_limit_of_the_root(groups: Path) -> None:
    (groups / "own").write_text("0::/system.slice/docker-name.scope\n")
    (groups / "cpu.max").write_text("200000 100000\n")
    assert usable_cpus() == 2


@needs_affinity
def test_hyperthreads_of_a_core_count_once(groups: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpus, "CPUS", groups / "cpus")
    assert physical_cpus() == 8  # nothing is known
    for cpu in range(8):
        (groups / "cpus" / f"cpu{cpu}" / "topology").mkdir(parents=True)
        (groups / "cpus" / f"cpu{cpu}" / "topology" / "thread_siblings_list").write_text(f"{cpu % 4},{cpu % 4 + 4}\n")
    assert physical_cpus() == 4


def test_free_cpus_are_at_most_all() -> None:
    assert 0 < free_cpus(2) <= 2


@needs_affinity
@pytest.mark.skipif(not cpus._one_cpu_per_core(), reason="the system does not tell which CPUs share a core")
def test_a_probe_computes_on_all_cpus_and_leaves_the_affinity(monkeypatch: pytest.MonkeyPatch) -> None:
    before, places = os.sched_getaffinity(0), []

    def record(process: int, chosen: set[int]) -> None:
        places.append(chosen)
        real(process, chosen)

    real = os.sched_setaffinity
    monkeypatch.setattr(os, "sched_setaffinity", record)
    free_cpus(physical_cpus())
    assert sum(map(len, places)) == len(set().union(*places)) == min(physical_cpus(), cpus.MAX_PROBES)
    assert os.sched_getaffinity(0) == before
