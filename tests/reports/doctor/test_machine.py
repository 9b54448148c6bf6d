"""Devices, threads, folders and variables of this machine."""

from pathlib import Path

import pytest

from aecli.reports.doctor import machine
from aecli.reports.doctor.machine import Devices, Folder, Threads, environment, find_devices
from aecli.runtime import cpus
from aecli.runtime.thread_count import LIBRARIES, choose_threads, stop_following


def test_a_folder_is_measured_also_if_it_is_missing(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "one").write_bytes(b"12345")
    (tmp_path / "a" / "two").write_bytes(b"12")
    (tmp_path / "a" / "broken").symlink_to("nowhere")
    found = Folder.measure(tmp_path / "a")
    assert (found.files, found.bytes) == (3, 7 + len("nowhere"))
    assert found.free > 0
    missing = Folder.measure(tmp_path / "none" / "none")
    assert (missing.files, missing.bytes) == (0, 0)
    assert missing.free > 0


def test_devices_need_torch_only_where_there_may_be_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def answer(code: str) -> tuple[int, str, str]:
        asked.append(code)
        return 0, 'noise\n["cuda:0: NVIDIA X"]\n', ""

    monkeypatch.setattr(machine, "run_python", answer)
    monkeypatch.setattr(machine, "may_have_accelerator", lambda: False)
    assert find_devices(import_torch=False) == Devices([])
    assert asked == []
    monkeypatch.setattr(machine, "may_have_accelerator", lambda: True)
    assert find_devices(import_torch=False).in_words() == "cpu, cuda:0: NVIDIA X"
    monkeypatch.setattr(machine, "run_python", lambda code: (0, "[]", ""))
    assert "build for the CPU" in str(find_devices(import_torch=False).problem)
    for failure in ((1, "", "ImportError: libcuda"), None):
        monkeypatch.setattr(machine, "run_python", lambda code, failure=failure: failure)
        assert "torch cannot list devices" in str(find_devices(import_torch=False).problem)


@pytest.mark.slow
def test_torch_lists_the_devices_of_this_machine() -> None:
    assert find_devices(import_torch=True).problem is None


def test_the_quota_of_a_container_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpus, "_quotas", lambda: iter([4.0, 1.5]))
    assert "quota 1.5" in Threads.now().in_words()
    monkeypatch.setattr(cpus, "_quotas", lambda: iter([]))
    assert "quota" not in Threads.now().in_words()


def test_variables_are_those_that_the_user_has_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*machine.VARIABLES, *LIBRARIES):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AECLI_DATA", "/data")
    choose_threads("auto")
    assert environment() == {"AECLI_DATA": "/data"}
    stop_following(1)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert environment()["OMP_NUM_THREADS"] == "3"
