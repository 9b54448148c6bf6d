"""`aecli doctor`: what it says, and its exit status."""

from pathlib import Path

import pytest

from aecli import __version__
from aecli.data.registry import registry
from aecli.errors import ExitStatus
from aecli.reports.doctor import packages
from aecli.reports.doctor.machine import Devices
from tests.command_line import Run, succeed


def test_doctor_describes_the_installation_and_the_machine(
    aecli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AECLI_CACHE", str(tmp_path))
    (tmp_path / "entry").write_bytes(bytes(1500))
    result = succeed("doctor", "--threads", "1")
    names = [line.split("  ")[0] for line in result.out.splitlines() if not line.startswith(" ")]
    assert names[:4] == ["aecli", "python", "system", "packages"]
    assert names[-6:] == ["threads", "memory", "devices", "data sets", "cache", "variables"]
    assert {"extra features", "extra heif", "extra parquet"} <= set(names)
    assert "1 file, 1.5 kB" in " ".join(result.out.split())  # a long path is continued on the next line
    assert "digits" in result.out
    assert "1 (fixed)" in result.out
    assert "issues" in result.err
    # A path is never broken: it may be longer than a line.
    assert all(len(line) <= 100 or str(tmp_path) in line for line in result.out.splitlines())

    document = succeed("doctor", "--json").document
    assert document["versions"]["aecli"].startswith(__version__)
    assert document["problems"] == []
    assert set(document["data_sets"]) == set(registry().named)
    assert document["cache"]["bytes"] == 1500
    assert document["devices"][0] == "cpu"


def test_a_broken_extra_is_reported_and_does_not_fail(aecli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "requires", lambda name: ["rich>=1", "pyarrow>=1000; extra == 'parquet'"])
    result = aecli("doctor")
    assert result.status == ExitStatus.DONE
    assert "warning: pyarrow: aecli needs >=1000" in result.err
    assert "broken" in result.out


def test_a_missing_package_that_aecli_needs_is_unavailable(aecli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "requires", lambda name: ["nonsense>=1"])
    result = aecli("doctor", "--json")
    assert result.status == ExitStatus.UNAVAILABLE
    assert result.document["problems"][0]["problem"] == "nonsense: not installed"


def test_a_data_set_whose_package_is_broken_is_not_available(aecli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(options: object) -> str | None:
        raise ImportError("broken")

    monkeypatch.setattr(registry().named["letters"], "needs", fail)
    document = aecli("doctor", "--json").document
    assert document["data_sets"]["letters"] == {"available": False, "needs": "ImportError: broken"}


def test_data_sets_are_looked_for_in_data_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry().named["mnist"], "needs", lambda options: str(options.data_folder))
    document = succeed("doctor", "--json", "--data-root", tmp_path).document
    assert document["data_sets"]["mnist"]["needs"] == str(tmp_path)


def test_imports_examines_all_packages(aecli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    imported = []
    monkeypatch.setattr(packages, "_import_problem", lambda package: imported.append(package.name))
    succeed("doctor")
    assert "torch" not in imported
    monkeypatch.setattr("aecli.reports.doctor.examination.find_devices", lambda import_torch: Devices([]))
    succeed("doctor", "--imports")
    assert "torch" in imported


def test_the_issue_form_asks_for_the_output() -> None:
    form = Path(__file__).parents[3] / ".github" / "ISSUE_TEMPLATE" / "bug.yml"
    assert "aecli doctor" in form.read_text("utf-8")
