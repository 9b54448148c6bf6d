"""Limits on memory."""

from pathlib import Path

import pytest

from aecli.storage import limits


def test_files_in_memory_count_as_available_in_a_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in {
        "memory.max": "8000000\n",
        "memory.current": "7900000\n",
        "memory.stat": "anon 1000000\ninactive_file 5000000\nactive_file 900000\nslab_reclaimable 100000\n",
    }.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(limits, "CGROUP", tmp_path)
    assert limits.available_memory() == 6_100_000
    (tmp_path / "memory.stat").unlink()
    assert limits.available_memory() == 100_000
    (tmp_path / "memory.max").write_text("max\n")
    assert limits.available_memory() > 8_000_000
