"""The packages that aecli needs or can use: their versions, and whether they can be imported."""

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec

from aecli.runtime.cpus import usable_cpus

MODULES = {
    "faiss-cpu": "faiss",
    "opentsne": "openTSNE",
    "pillow": "PIL",
    "scikit-learn": "sklearn",
    "umap-learn": "umap",
}
"""The modules of packages whose name is another one, apart from hyphens."""
QUICK = ("constriction", "faiss-cpu", "mlxtend", "pillow", "pillow-heif", "pyarrow", "safetensors")
"""Packages that are imported in a fraction of a second; others take up to some seconds each."""
SECONDS = 120
"""How long an import may take."""
IMPORT = "import importlib, sys; importlib.import_module(sys.argv[1])"
FOR_DEVELOPERS = "test"
"""The extra that is not examined."""


@dataclass(frozen=True)
class Package:
    """A package that aecli needs, or can use as one of its extras."""

    name: str
    requirement: str
    """The versions that fit: `>=2.10`."""
    extra: str | None
    """The extra that it belongs to; None if aecli needs it."""
    version: str | None = None
    """None if it is not installed."""
    problem: str | None = None
    """Why it cannot be used, in a few words; None if nothing is known against it."""

    @property
    def module(self) -> str:
        return MODULES.get(self.name, self.name.replace("-", "_"))

    @property
    def is_installed(self) -> bool:
        return self.version is not None

    @property
    def fix(self) -> str:
        """What to type to install or repair it."""
        if self.is_installed:
            return f"pip install --force-reinstall '{self.name}{self.requirement}'"
        return f"pip install 'aecli[{self.extra}]'" if self.extra else "pip install --upgrade aecli"


def find_packages(*, import_all: bool) -> list[Package]:
    """Return all packages that aecli needs or can use, each imported in a process of its own if that is quick.

    Args:
        import_all: Import the others, too, which takes several seconds for each.
    """
    packages = [_examined(package) for package in _required()]
    names = {each.name for each in packages if each.is_installed and not each.problem}
    imported = [each for each in packages if each.name in names and (import_all or each.name in QUICK)]
    with ThreadPoolExecutor(usable_cpus()) as pool:
        problems = dict(zip((each.name for each in imported), pool.map(_import_problem, imported), strict=True))
    return [replace(each, problem=each.problem or problems.get(each.name)) for each in packages]


def _required() -> Iterator[Package]:
    """Yield the requirements of the installed aecli; none if it is used without being installed."""
    try:
        lines = requires("aecli") or []
    except PackageNotFoundError:
        return
    seen = set()
    for line in lines:
        match = re.match(r"([\w.-]+)(?:\[.*?\])?\s*([^;]*?)\s*(?:;.*extra == ['\"]([\w-]+)['\"])?$", line)
        if match and match[3] != FOR_DEVELOPERS and match[1] not in seen:
            seen.add(match[1])
            yield Package(match[1].lower(), match[2], match[3])


def _examined(package: Package) -> Package:
    try:
        package = replace(package, version=version(package.name))
    except PackageNotFoundError:
        return package if package.extra else replace(package, problem="not installed")
    try:
        has_module = find_spec(package.module) is not None
    except (ImportError, ValueError):
        has_module = False
    if not has_module:
        return replace(package, problem=f"module {package.module} is missing")
    if not fits(package.version or "", package.requirement):
        return replace(package, problem=f"aecli needs {package.requirement}")
    return package


def fits(installed: str, requirement: str) -> bool:
    """Return whether a version such as `2.10.1` is one of `>=2.10,<3`; unknown kinds of requirements count as met."""
    for part in requirement.split(","):
        match = re.match(r"\s*(>=|<=|<|>|==)\s*([\d.]+)$", part)
        if match is None:
            continue
        one, other = _numbers(installed), _numbers(match[2])
        width = max(len(one), len(other))
        one, other = one + [0] * (width - len(one)), other + [0] * (width - len(other))
        holds = {">=": one >= other, "<=": one <= other, "<": one < other, ">": one > other, "==": one == other}
        if not holds[match[1]]:
            return False
    return True


def _numbers(text: str) -> list[int]:
    return [int(number) for number in re.match(r"[\d.]*", text)[0].split(".") if number]  # type: ignore[index]


def _import_problem(package: Package) -> str | None:
    """Import a package in a process of its own, which it may crash; return what went wrong."""
    done = run_python(IMPORT, [package.module])
    if done is None:
        return f"importing it takes more than {SECONDS} s"
    status, _, errors = done
    if status == 0:
        return None
    reason = errors.strip().splitlines()[-1] if errors.strip() else f"importing it ends with status {status}"
    return reason[:200]


def run_python(code: str, words: Sequence[str] = ()) -> tuple[int, str, str] | None:
    """Run code in a new interpreter; return the status, the output and the errors, or None if it takes too long."""
    command = [sys.executable, "-c", code, *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return None
    except OSError as error:
        return 1, "", str(error)
    return done.returncode, done.stdout, done.stderr


def extras(packages: Iterable[Package]) -> Mapping[str, list[Package]]:
    """Return the packages of each extra."""
    found: dict[str, list[Package]] = {}
    for package in packages:
        if package.extra:
            found.setdefault(package.extra, []).append(package)
    return found


def parse_lines(text: str) -> list[str]:
    """Return the list in the last line of a process's output; empty if there is none."""
    try:
        values = json.loads(text.strip().splitlines()[-1])
    except (IndexError, ValueError):
        return []
    return [str(value) for value in values]
