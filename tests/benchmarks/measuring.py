"""Run commands alternately; compute medians and ratios."""

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

FASHION = Path("/usr/share/datasets/fashion-mnist")
"""Debian's package dataset-fashion-mnist."""


@dataclass(frozen=True)
class Effort:
    """The number of repeats and images of a case."""

    repeats: int | None = None
    """None: each case uses its own default."""
    small: bool = False
    """Use 5,000 images instead of 60,000, or only monocrystalline solar cells."""
    cache: Path | None = None
    """Folder for environments that later runs use again; None: temporary ones."""

    def repeats_or(self, default: int) -> int:
        """Return the number of repeats, or the default of the case."""
        return self.repeats or default

    @property
    def images(self) -> str:
        """The DATA word of the largest real data set that is installed."""
        return str(FASHION) if FASHION.exists() and not self.small else "mnist5k"


def title(word: str) -> str:
    """Return the name of the images in a table."""
    return "FashionMNIST" if word == str(FASHION) else word


@dataclass(frozen=True)
class Row:
    """One measurement of aecli beside that of a reference: seconds or MiB, lower is better."""

    case: str
    ours: float
    reference: float | None
    """None if there is nothing to compare with."""
    reference_name: str = "notebook"
    unit: str = "s"
    target: float | None = None
    """The lowest acceptable ratio."""
    quality: tuple[float, float] | None = None
    """A loss or an accuracy: that of aecli and that of the reference."""
    quality_name: str = ""
    tolerance: float = 0.0
    """The largest relative difference between the qualities that counts as equal."""
    ours_all: list[float] = field(default_factory=list)
    reference_all: list[float] = field(default_factory=list)
    ratio: float | None = None
    """The reference's value divided by that of aecli, median over the repeats."""
    note: str = ""

    @property
    def same_quality(self) -> bool:
        """Whether the qualities are equal within the tolerance, so that the ratio is valid."""
        if self.quality is None:
            return True
        ours, theirs = self.quality
        return abs(ours - theirs) <= self.tolerance * abs(theirs)

    @property
    def verdict(self) -> str:
        """Whether the target is met; empty if there is none."""
        if not self.same_quality:
            return "quality differs"
        if self.target is None or self.ratio is None:
            return ""
        return "met" if self.ratio >= self.target else "not met"


def compare(case: str, ours: Sequence[float], reference: Sequence[float], **fields: Any) -> Row:
    """Return a row with the medians of the repeats. An empty `reference` means that there is none."""
    ratios = [theirs / mine for mine, theirs in zip(ours, reference, strict=True)] if reference else []
    return Row(
        case,
        median(ours),
        median(reference) if reference else None,
        ours_all=list(ours),
        reference_all=list(reference),
        ratio=median(ratios) if ratios else None,
        **fields,
    )


@dataclass(frozen=True)
class Completed:
    """A command that succeeded."""

    document: dict[str, Any]
    """The last line of its output, if it is JSON."""
    seconds: float
    """Wall time of the whole process."""
    peak_mebibytes: float
    """Peak resident memory, the largest among the process and its children; 0 unless measured by `run_peak`."""
    cpu_seconds: float = 0
    """CPU time of the process and its children; 0 unless measured by `run_peak`."""


def run(
    words: Sequence[str | Path], environment: Mapping[str, str] | None = None, folder: Path | None = None
) -> Completed:
    """Run a command, in a folder, and wait for it.

    Raises:
        RuntimeError: the exit status is not 0.
    """
    started = time.perf_counter()
    with subprocess.Popen(
        list(map(str, words)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
        cwd=folder,
    ) as process:
        out, err = process.communicate()
        seconds = time.perf_counter() - started
    if process.returncode:
        raise RuntimeError(f"{' '.join(map(str, words))} failed with status {process.returncode}:\n{err}")
    lines = out.strip().splitlines()
    document = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
    return Completed(document, seconds, float(document.get("peak_mebibytes", 0)))


def run_peak(
    words: Sequence[str | Path], environment: Mapping[str, str] | None = None, output: Path | None = None
) -> Completed:
    """Run a command and measure its peak resident memory and its CPU time; write its output to a file.

    The process that starts it is small, because the peak of a process is at least that of the one that started it.
    """
    code = (
        "import json, resource, subprocess, sys, time\n"
        "started = time.perf_counter()\n"
        "with open(sys.argv[1], 'wb') as output:\n"
        "    process = subprocess.run(sys.argv[2:], stdout=output)\n"
        "seconds, used = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "cpu = used.ru_utime + used.ru_stime\n"
        "print(json.dumps({'seconds': seconds, 'peak_mebibytes': used.ru_maxrss / 1024, 'cpu_seconds': cpu}))\n"
        "sys.exit(process.returncode)"
    )
    document = run([sys.executable, "-c", code, output or os.devnull, *words], environment).document
    return Completed({}, document["seconds"], document["peak_mebibytes"], document["cpu_seconds"])


def alternate(
    repeats: int, commands: Mapping[str, Callable[[], Completed]], first: int = 1
) -> dict[str, list[Completed]]:
    """Run all commands one after the other, `repeats` times, and log them with numbers from `first` on."""
    completed: dict[str, list[Completed]] = {name: [] for name in commands}
    for repeat in range(first, first + repeats):
        for name, command in commands.items():
            completed[name].append(command())
            log(f"repeat {repeat}, {name}: {completed[name][-1].seconds:.2f} s")
    return completed


def log(text: str) -> None:
    """Print a line on what is done to standard error."""
    print(f"  {text}", file=sys.stderr, flush=True)


def aecli(*words: object) -> list[str]:
    """Return the command line of aecli."""
    return [sys.executable, "-m", "aecli", *map(str, words)]


def reference(name: str, *words: object) -> list[str]:
    """Return the command line of a script in `tests.benchmarks.references`."""
    return [sys.executable, "-m", f"tests.benchmarks.references.{name}", *map(str, words)]


def describe_machine() -> dict[str, Any]:
    """Return the date, the hardware and the versions."""
    import torch

    return {
        "date": time.strftime("%Y-%m-%d"),
        "processor": _processor(),
        "threads": torch.get_num_threads(),
        "memory_gibibytes": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def _processor() -> str:
    flags = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor()
    lines = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    fields = {key.strip(): value.strip() for key, value in lines.items()}
    supported = [flag for flag in flags if flag in fields.get("flags", "").split()]
    return f"{fields.get('model name', platform.processor())} ({', '.join(supported)})"
