"""Commands in turn, medians and ratios."""

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
    """How much work a case may do."""

    turns: int | None = None
    """Of each case, instead of its own."""
    small: bool = False
    """5,000 images where there could be 60,000."""

    def turns_or(self, usual: int) -> int:
        return self.turns or usual

    @property
    def images(self) -> str:
        """The DATA word of the largest real set that is here."""
        return str(FASHION) if FASHION.exists() and not self.small else "mnist5k"


def title(word: str) -> str:
    """Return what a DATA word's images are called in a table."""
    return "FashionMNIST" if word == str(FASHION) else word


@dataclass(frozen=True)
class Row:
    """Ours beside a peer: seconds, or whatever is better when it is less."""

    case: str
    ours: float
    peer: float | None
    """None: nothing to compare with."""
    peer_name: str = "the notebook's way"
    unit: str = "s"
    bar: float | None = None
    """The ratio that is asked for: at least, or at most 1 / bar of the peer where it is below 1."""
    quality: tuple[float, float] | None = None
    """Ours and the peer's, of the same kind: a loss, an accuracy."""
    quality_name: str = ""
    noise: float = 0.0
    """The relative difference of quality that is none."""
    ours_all: list[float] = field(default_factory=list)
    peer_all: list[float] = field(default_factory=list)
    ratio: float | None = None
    """How many times less ours is: the median over the turns."""
    note: str = ""

    @property
    def same_quality(self) -> bool:
        """Tell whether ours is as good; if not, its speed does not count."""
        if self.quality is None:
            return True
        ours, theirs = self.quality
        return abs(ours - theirs) <= self.noise * abs(theirs)

    @property
    def verdict(self) -> str:
        if not self.same_quality:
            return "other quality"
        if self.bar is None or self.ratio is None:
            return ""
        return "met" if self.ratio >= self.bar else "not met"


def compare(case: str, ours: Sequence[float], peer: Sequence[float], **more: Any) -> Row:
    """Return a row of the turns' figures."""
    ratio = median(theirs / mine for mine, theirs in zip(ours, peer, strict=True)) if peer else None
    return Row(
        case,
        median(ours),
        median(peer) if peer else None,
        ours_all=list(ours),
        peer_all=list(peer),
        ratio=ratio,
        **more,
    )


@dataclass(frozen=True)
class Ran:
    """A command that ended well."""

    document: dict[str, Any]
    """The JSON that it printed last."""
    seconds: float
    """Of the whole process."""
    peak_mebibytes: float
    """The greatest resident memory of the process and those that it began, each for itself: the greatest of them."""


def run(words: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> Ran:
    """Run a command to its end.

    Raises:
        RuntimeError: it failed; with what it said.
    """
    started = time.perf_counter()
    with subprocess.Popen(
        list(map(str, words)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
    ) as process:
        out, err = process.communicate()
        seconds = time.perf_counter() - started
    if process.returncode:
        raise RuntimeError(f"{' '.join(map(str, words))} ended with {process.returncode}:\n{err}")
    lines = out.strip().splitlines()
    document = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
    return Ran(document, seconds, float(document.get("peak_mebibytes", 0)))


def peak_of(words: Sequence[str | Path]) -> Ran:
    """Run a command and take its greatest resident memory."""
    code = (
        "import json, resource, subprocess, sys\n"
        "done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)\n"
        "peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024\n"
        "print(json.dumps({'peak_mebibytes': peak}))\n"
        "sys.exit(done.returncode)"
    )
    return run([sys.executable, "-c", code, *words])


def in_turn(turns: int, works: Mapping[str, Callable[[], Ran]], first: int = 1) -> dict[str, list[Ran]]:
    """Run all works one after the other, `turns` times, told of as turns `first` and on; return what each gave."""
    ran: dict[str, list[Ran]] = {name: [] for name in works}
    for turn in range(first, first + turns):
        for name, work in works.items():
            ran[name].append(work())
            print(f"  turn {turn}, {name}: {ran[name][-1].seconds:.2f} s", file=sys.stderr, flush=True)
    return ran


def aecli(*words: str | Path) -> list[str]:
    """Return the command line of ours."""
    return [sys.executable, "-m", "aecli", *map(str, words)]


def peer(name: str, *words: str | Path) -> list[str]:
    """Return the command line of a peer."""
    return [sys.executable, "-m", f"benchmarks.peers.{name}", *map(str, words)]


def machine() -> dict[str, Any]:
    """Say what was measured on."""
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
    about = {key.strip(): value.strip() for key, value in lines.items()}
    known = [flag for flag in flags if flag in about.get("flags", "").split()]
    return f"{about.get('model name', platform.processor())} ({', '.join(known)})"
