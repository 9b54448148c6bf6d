"""Limits on memory."""

from pathlib import Path

import pytest

from aecli.runtime import control_groups
from aecli.storage import limits


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the root of control groups that hold no limits."""
    monkeypatch.setattr(control_groups, "ROOT", tmp_path)
    monkeypatch.setattr(control_groups, "OWN_GROUPS", tmp_path / "own")
    return tmp_path


def write(group: Path, **texts: object) -> None:
    """Write the files `memory.NAME` of a group."""
    group.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (group / f"memory.{name}").write_text(f"{text}\n")


def test_files_in_memory_count_as_available_in_a_container(groups: Path) -> None:
    (groups / "own").write_text("0::/\n")
    stat = "anon 1000000\ninactive_file 5000000\nactive_file 900000\nslab_reclaimable 100000"
    write(groups, max=8_000_000, current=7_900_000, stat=stat)
    assert limits.available_memory() == 6_100_000
    (groups / "memory.stat").unlink()
    assert limits.available_memory() == 100_000
    write(groups, max="max")
    assert limits.available_memory() > 8_000_000


def test_the_smallest_limit_of_a_group_and_its_parents_counts(groups: Path) -> None:
    (groups / "own").write_text("0::/slurm/job_7/step_0\n")
    write(groups / "slurm/job_7/step_0", max="max", current=100_000)
    write(groups / "slurm/job_7", max=8_000_000, current=300_000)
    write(groups / "slurm", max=9_000_000, current=5_000_000)
    assert limits.available_memory() == 4_000_000
    write(groups / "slurm", max="max")
    assert limits.available_memory() == 7_700_000


def test_groups_of_version_1_are_read(groups: Path) -> None:
    (groups / "own").write_text("5:memory:/job_7\n4:cpu,cpuacct:/other\n0::/\n")
    write(groups / "memory", limit_in_bytes=2**63 - 4096, usage_in_bytes=10**6)
    stat = "inactive_file 1\nactive_file 1\ntotal_inactive_file 400000\ntotal_active_file 100000"
    write(groups / "memory/job_7", limit_in_bytes=8_000_000, usage_in_bytes=7_000_000, stat=stat)
    assert limits.available_memory() == 1_500_000
