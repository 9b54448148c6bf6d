"""Packages are examined without failing: missing, too old, broken and crashing ones are reported."""

from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest

from aecli.reports.doctor import packages
from aecli.reports.doctor.packages import Package, find_packages, fits


@pytest.mark.parametrize(
    ("installed", "requirement", "expected"),
    [
        ("2.10.0", ">=2.9", True),
        ("2.10", ">=2.10.0", True),
        ("2.9.3", ">=2.10", False),
        ("2.6.6+cpu", ">=2.6.6,<2.7", True),
        ("2.7.0", ">=2.6.6,<2.7", False),
        ("3.0rc1", ">=3.0", True),
        ("1.0", "", True),
        ("1.0", "~=0.9", True),
    ],
)
def test_versions_are_compared_by_their_numbers(installed: str, requirement: str, expected: bool) -> None:
    assert fits(installed, requirement) is expected


def test_all_requirements_are_examined_and_fine() -> None:
    found = find_packages(import_all=False)
    names = {line.split(";")[0].split(">")[0].split("<")[0].strip() for line in requires("aecli") or []}
    assert {each.name for each in found} >= {"torch", "typer", "pillow", "opentsne", "scikit-learn"}
    assert {each.name for each in found} <= {name.lower() for name in names}
    assert [(each.name, each.problem) for each in found if each.problem] == []


def only(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    """Let aecli have these requirements only."""
    monkeypatch.setattr(packages, "requires", lambda name: list(lines))


def test_a_missing_package_is_a_problem_only_if_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "nonsense-a>=1", "nonsense-b>=1; extra == 'photos'")
    needed, optional = find_packages(import_all=False)
    assert needed.problem == "not installed"
    assert (optional.problem, optional.fix) == (None, "pip install 'aecli[photos]'")


def test_a_version_that_does_not_fit_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "rich>=1000")
    (package,) = find_packages(import_all=False)
    assert package.problem == "aecli needs >=1000"
    assert package.fix == "pip install --force-reinstall 'rich>=1000'"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise OSError('libarrow.so: cannot open')", "OSError: libarrow.so: cannot open"),
        ("import os; os.abort()", "status -6"),
        ("import time; time.sleep(60)", "takes more than"),
    ],
)
def test_a_package_that_cannot_be_imported_is_a_problem(
    code: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyarrow").mkdir()
    (tmp_path / "pyarrow" / "__init__.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(packages, "SECONDS", 1 if "sleep" in code else 60)
    only(monkeypatch, "pyarrow>=1; extra == 'parquet'")
    (package,) = find_packages(import_all=False)
    assert package.problem is not None
    assert reason in package.problem


def test_metadata_without_files_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "pyarrow>=1; extra == 'parquet'")
    monkeypatch.setattr(packages, "find_spec", lambda name: None)
    assert [each.problem for each in find_packages(import_all=False)] == ["module pyarrow is missing"]


def test_slow_packages_are_imported_only_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    imported: list[str] = []

    def record(package: Package) -> None:
        imported.append(package.name)

    only(monkeypatch, "torch>=1", "pyarrow>=1; extra == 'parquet'")
    monkeypatch.setattr(packages, "_import_problem", record)
    find_packages(import_all=False)
    assert imported == ["pyarrow"]
    find_packages(import_all=True)
    assert sorted(imported) == ["pyarrow", "pyarrow", "torch"]


def test_aecli_that_is_not_installed_has_no_known_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(packages, "requires", fail)
    assert find_packages(import_all=False) == []
