"""All that is examined, as a text and as plain values."""

import locale
import platform
import sys
import textwrap
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aecli import __version__
from aecli.data.options import DataOptions, cache_folder
from aecli.data.registry import registry
from aecli.reports.doctor.machine import Devices, Folder, Threads, environment, find_devices, free_memory
from aecli.reports.doctor.packages import Package, extras, find_packages
from aecli.runtime.counting import counted

WIDTH = 100
"""Columns of the text."""
UNITS = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


@dataclass(frozen=True)
class Examination:
    """What was found."""

    versions: Mapping[str, str]
    """Of aecli, Python and the system."""
    packages: list[Package]
    threads: Threads
    memory: int
    """Free bytes."""
    devices: Devices
    data_sets: Mapping[str, str | None]
    """How to get each data set; None if it can be read now."""
    cache: Folder
    variables: Mapping[str, str]
    seconds: float

    @property
    def problems(self) -> list[tuple[str, str]]:
        """What is broken, and what to type."""
        found = [(f"{each.name}: {each.problem}", each.fix) for each in self.packages if each.problem]
        if not self.packages:
            found.append(("aecli is not installed, so its packages are unknown", "pip install ."))
        if self.devices.problem:
            found.append((self.devices.problem, "https://pytorch.org/get-started/locally/"))
        return found

    @property
    def can_work(self) -> bool:
        """Whether all packages that aecli needs can be used."""
        return not any(each.problem and each.extra is None for each in self.packages)

    def as_text(self) -> str:
        """Return what was found as a text that can be pasted into an issue."""
        rows = [(name, value.replace(str(Path.home()), "~")) for name, value in self._rows()]
        width = max(len(name) for name, _ in rows) + 2
        return "\n".join(
            textwrap.fill(
                value,
                WIDTH,
                initial_indent=f"{name:<{width}}",
                subsequent_indent=" " * width,
                break_long_words=False,
                break_on_hyphens=False,
            )
            for name, value in rows
        )

    def _rows(self) -> Iterator[tuple[str, str]]:
        yield from self.versions.items()
        needed = [each for each in self.packages if each.extra is None]
        yield "packages", ", ".join(f"{each.name} {each.version or 'missing'}" for each in needed) or "unknown"
        for name, members in extras(self.packages).items():
            state = ", ".join(
                f"{each.name} {each.version}" if each.is_installed else f"not installed ({each.fix})"
                for each in members
            )
            broken = any(each.problem for each in members)
            yield f"extra {name}", state + ("; broken, see below" if broken else "")
        yield "threads", self.threads.in_words()
        yield "memory", f"{size_text(self.memory)} free"
        yield "devices", self.devices.in_words()
        available = [word for word, needs in self.data_sets.items() if needs is None]
        yield (
            "data sets",
            f"{', '.join(available) or 'none'}; {len(self.data_sets) - len(available)} others: aecli datasets",
        )
        cache = self.cache
        content = f"{counted(cache.files, 'file')}, {size_text(cache.bytes)}; {size_text(cache.free)} free on its disk"
        yield "cache", f"{cache.path}: {content}"
        yield "variables", ", ".join(f"{name}={value}" for name, value in self.variables.items()) or "none"

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "versions": dict(self.versions),
            "packages": [asdict(each) | {"fix": each.fix if each.problem else None} for each in self.packages],
            "threads": asdict(self.threads),
            "free_memory": self.memory,
            "devices": ["cpu", *self.devices.names],
            "data_sets": {word: {"available": needs is None, "needs": needs} for word, needs in self.data_sets.items()},
            "cache": asdict(self.cache) | {"path": str(self.cache.path)},
            "variables": dict(self.variables),
            "problems": [{"problem": problem, "fix": fix} for problem, fix in self.problems],
            "seconds": round(self.seconds, 2),
        }


def _state(package: Package) -> str:
    """Return the version of an optional package, or how to get it."""
    return f"{package.name} {package.version}" if package.is_installed else f"not installed: {package.fix}"


def examine(options: DataOptions, *, import_all: bool = False) -> Examination:
    """Examine the installation and the machine. Broken packages are reported, and never raise.

    Args:
        options: Where data sets are looked for.
        import_all: Import every package, each in a process of its own, to find those that are broken.
    """
    started = time.monotonic()
    python = f"{platform.python_version()} ({platform.python_implementation()}, {sys.executable})"
    system = f"{platform.platform()}, {platform.machine()}, encoding {locale.getpreferredencoding(False)}"
    versions = {"aecli": f"{__version__} ({Path(__file__).parents[2]})", "python": python, "system": system}
    packages = find_packages(import_all=import_all)
    devices = find_devices(import_torch=import_all)
    return Examination(
        versions,
        packages,
        Threads.now(),
        free_memory(),
        devices,
        {word: _needs(word, options) for word in registry().named},
        Folder.measure(cache_folder()),
        environment(),
        time.monotonic() - started,
    )


def _needs(word: str, options: DataOptions) -> str | None:
    try:
        return registry().named[word].needs(options)
    except Exception as error:  # a broken package is a finding, and no failure
        return f"{type(error).__name__}: {error}".splitlines()[0]


def size_text(size: int) -> str:
    """Return a number of bytes with three digits: `1.25 GB`."""
    for factor, unit in UNITS:
        if size >= factor:
            return f"{size / factor:.3g} {unit}"
    return f"{size} bytes"
