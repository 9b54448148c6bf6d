"""The machine: CPUs and threads, memory, devices, and the folders of aecli."""

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from aecli.inference.accelerator import may_have_accelerator
from aecli.reports.doctor.packages import parse_lines, run_python
from aecli.runtime.cpus import cpu_quota, physical_cpus, usable_cpus
from aecli.runtime.thread_count import LIBRARIES, VARIABLE, follows_load, thread_count
from aecli.storage.limits import available_memory

VARIABLES = (
    *("AECLI_CACHE", "AECLI_DATA", "AECLI_THREADS", "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "OMP_WAIT_POLICY"),
    *("MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LANG", "LC_ALL"),
)
"""The environment variables that change what aecli does."""
LIST_DEVICES = """
import json, torch
names = [f"cuda:{n}: {torch.cuda.get_device_name(n)}" for n in range(torch.cuda.device_count())]
if torch.backends.mps.is_available():
    names.append("mps")
if hasattr(torch, "xpu"):
    names += [f"xpu:{n}: {torch.xpu.get_device_name(n)}" for n in range(torch.xpu.device_count())]
print(json.dumps(names))
"""


@dataclass(frozen=True)
class Threads:
    """The CPUs, and the number of threads that a command uses now."""

    cpus: int
    usable: int
    """By the process's affinity and the CPU quota of its container."""
    cores: int
    """Usable CPUs, the hyperthreads of one core counted once."""
    quota: float | None
    """The CPU quota of the container; None if there is none."""
    threads: int
    is_automatic: bool
    """Whether the number follows what other programs leave free."""

    @classmethod
    def now(cls) -> "Threads":
        cpus = os.cpu_count() or 1
        return cls(cpus, usable_cpus(), physical_cpus(), cpu_quota(), thread_count(), follows_load())

    def in_words(self) -> str:
        """Return the numbers as a text."""
        chosen = "what other programs leave free" if self.is_automatic else "fixed"
        quota = f", quota {self.quota:g}" if self.quota is not None else ""
        return f"{self.threads} ({chosen}); {self.usable} of {self.cpus} CPUs usable, {self.cores} cores{quota}"


@dataclass(frozen=True)
class Devices:
    """The GPUs that torch finds."""

    names: list[str]
    problem: str | None = None

    def in_words(self) -> str:
        """Return the names as a text."""
        return ", ".join(["cpu", *self.names]) + (f"; {self.problem}" if self.problem else "")


def find_devices(*, import_torch: bool) -> Devices:
    """Return the GPUs; torch is imported, in a process of its own, only if there may be any or `import_torch`."""
    has_driver = may_have_accelerator()
    if not (has_driver or import_torch):
        return Devices([])
    done = run_python(LIST_DEVICES)
    if done is None or done[0]:
        lines = done[2].strip().splitlines() if done else []
        return Devices([], f"torch cannot list devices: {lines[-1][:200] if lines else 'it takes too long'}")
    names = parse_lines(done[1])
    problem = "a driver of a GPU is there, but torch finds none: is it a build for the CPU?"
    return Devices(names, problem if has_driver and not names else None)


@dataclass(frozen=True)
class Folder:
    """A folder of aecli, and how much is in it."""

    path: Path
    files: int
    bytes: int
    free: int
    """Bytes that are free on its disk."""

    @classmethod
    def measure(cls, path: Path) -> "Folder":
        """Count the files below a folder, which may be missing."""
        files = size = 0
        for parent, _, names in os.walk(path):
            for name in names:
                with suppress(OSError):
                    size += os.lstat(os.path.join(parent, name)).st_size  # noqa: PTH118
                    files += 1
        existing = next(each for each in (path, *path.absolute().parents) if each.exists())
        return cls(path, files, size, shutil.disk_usage(existing).free)


def environment() -> dict[str, str]:
    """Return the environment variables that change what aecli does, if the user has set them."""
    found = {name: os.environ[name] for name in VARIABLES if name in os.environ}
    if follows_load():  # aecli has set these for the libraries that it loads
        own = dict.fromkeys(LIBRARIES, str(thread_count())) | {VARIABLE: "auto"}
        return {name: value for name, value in found.items() if own.get(name) != value}
    return found


def free_memory() -> int:
    """Return the bytes of memory that are free for this process."""
    return available_memory()
