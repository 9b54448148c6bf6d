"""The Makefile of examples/pipeline, run by `make -j2` from scratch and after an input has changed."""

import os
import re
import shlex
import shutil
import sys
from hashlib import sha256
from pathlib import Path

from tests.soak.actor import Actor
from tests.soak.commands import ROOT, Done, run_command
from tests.soak.litter import bytes_in, litter

MAKEFILE = ROOT / "examples" / "pipeline" / "Makefile"
TIME = re.compile(rb"\d{4}-\d\d-\d\d \d\d:\d\d UTC")
"""When a report was written."""
MADE_FROM = {
    "calibration.tsv": {"verdicts.tsv"},
    "test-codes-8bit.npz": {"test-decoded-8bit.png"},
    "test-codes.npz": {"test-decoded.png", "tsne.png", "knn-probe.tsv", "knn-probe.png"},
    "train-codes.npz": {"knn-probe.tsv", "knn-probe.png"},
    "run/model.safetensors": {
        *("train-codes.npz", "test-codes.npz", "test-codes-8bit.npz", "test-decoded.png", "test-decoded-8bit.png"),
        *("tsne.png", "knn-probe.tsv", "knn-probe.png", "compression.tsv", "compression.png", "report.html"),
        *("calibration.tsv", "calibration.png", "detector.safetensors", "verdicts.tsv"),
    },
}
"""What must be made again after a file has changed."""


class Pipeline(Actor):
    """Builds everything from the same images again and again; all files must be the same bytes."""

    def prepare(self) -> None:
        self.expected: dict[str, dict[str, str]] = {}
        """Digests of the files of the first round, by the DATA word."""
        self.cached: int | None = None
        """Bytes in the cache once all images were read."""
        photographs = str(self.material.photographs)
        self.words = {"digits": "--epochs 3", photographs: "--epochs 3 --memory-budget 1KB", "mnist5k": "--epochs 3"}

    def round(self) -> None:
        out = self.place / "out"
        data = list(self.words)[self.rounds % len(self.words)]
        self._make(data)
        self._compare(data, out)
        self._require_made(data, out, set())
        changed = list(MADE_FROM)[self.rounds % len(MADE_FROM)]
        os.utime(out / changed)
        self._require_made(data, out, MADE_FROM[changed], f" after {changed} has changed")
        self._compare(data, out)
        for name in litter(out):
            self.find(f"temporary file {name}")
        shutil.rmtree(out)
        self._check_cache()

    def summary(self) -> str:
        files = sum(map(len, self.expected.values()))
        return f"built from {len(self.expected)} data sets and rebuilt; {files} different files"

    def _make(self, data: str) -> Done:
        python = shlex.join([sys.executable, "-m", "aecli"])
        words = [f"AECLI={python}", f"DATA={data}", f"TRAIN={self.words[data]}", "OUT=out"]
        done = run_command(["make", "-j2", "-f", str(MAKEFILE), *words], self.place)
        if done.status:
            self.find(f"make {data}: exit status {done.status}: {done.err[-2000:]}")
        return done

    def _require_made(self, data: str, out: Path, expected: set[str], when: str = "") -> None:
        """Run make again, and check which files it writes."""
        before = _times(out)
        self._make(data)
        made = {name for name, time in _times(out).items() if before.get(name) != time}
        if made != expected:
            self.find(f"make {data}{when} makes {sorted(made)} instead of {sorted(expected)}")

    def _compare(self, data: str, out: Path) -> None:
        """Check that the files are those of the first round."""
        found = {name: sha256(TIME.sub(b"", (out / name).read_bytes())).hexdigest() for name in _times(out)}
        expected = self.expected.setdefault(data, found)
        for name in sorted(expected.keys() | found.keys()):
            if expected.get(name) != found.get(name):
                self.find(f"{data}: {name} differs from that of the first round")

    def _check_cache(self) -> None:
        """Check that the cache does not grow once all images were read."""
        if len(self.expected) < len(self.words):
            return
        cached = bytes_in(Path(os.environ["AECLI_CACHE"]))
        if self.cached is None:
            self.cached = cached
        elif cached > self.cached:
            self.find(f"the cache has grown from {self.cached} to {cached} bytes")
            self.cached = cached


def _times(folder: Path) -> dict[str, int]:
    """Return the modification time of each file, by its relative path."""
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
