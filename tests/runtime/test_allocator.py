"""The allocator of a process: changed for good only in one of aecli's own."""

import pytest

from aecli.runtime import allocator


@pytest.mark.parametrize("owned", [False, True])
def test_only_a_process_of_our_own_keeps_freed_memory(owned: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, tuple[int, ...]]] = []
    monkeypatch.setattr(allocator, "owned", owned)
    monkeypatch.setattr(allocator, "_call", lambda function, *arguments: calls.append((function, arguments)))
    allocator.keep_freed_memory()
    assert bool(calls) is owned
    calls.clear()
    with allocator.kept_freed_memory():
        assert ("mallopt", (allocator.M_MMAP_MAX, 0)) in calls
    assert (("malloc_trim", (0,)) in calls) is not owned
