"""How the cost grows with the work: each command at three sizes, as a plot and a table.

    python -m tests.benchmarks.growth -o growth.png
    python -m tests.benchmarks.growth detect encode --json growth.json

Images: FashionMNIST where Debian's package dataset-fashion-mnist is installed, else mnist5k, again and again. The
exponent is the slope between the two larger sizes on logarithmic axes: 1 is as much more time as work. Times are of the
work itself, as the commands say them; of whole processes for detect. Peak memory is the greatest while the process ran:
anonymous, which is its own, and with the pages of files that it has mapped, which the system may take back.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from aecli.data import load
from tests.benchmarks.measuring import Effort, aecli, machine, run

POLL_SECONDS = 0.02


@dataclass
class Curve:
    """One command at several sizes."""

    what: str
    unit: str
    sizes: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    anonymous: list[float] = field(default_factory=list)
    """Peak MiB."""
    resident: list[float] = field(default_factory=list)
    """Peak MiB, mapped files included."""

    @property
    def exponent(self) -> float:
        """The slope between the two larger sizes."""
        return math.log(self.seconds[-1] / self.seconds[-2]) / math.log(self.sizes[-1] / self.sizes[-2])

    def measure(self, size: int, words: list[str], seconds: Callable[[dict[str, Any], float], float]) -> None:
        """Run a command; take its seconds by its document and those of the whole process."""
        started = time.perf_counter()
        with tempfile.TemporaryFile("w+") as out:  # a pipe would fill up while nobody reads it
            with subprocess.Popen(words, stdout=out, stderr=subprocess.DEVNULL) as process:
                peaks = _watch(process)
            whole = time.perf_counter() - started
            out.seek(0)
            said = out.read()
        if process.returncode:
            raise RuntimeError(f"{' '.join(words)} ended with {process.returncode}")
        self.sizes.append(size)
        self.seconds.append(seconds(json.loads(said.strip().splitlines()[-1]), whole))
        self.anonymous.append(peaks["RssAnon"])
        self.resident.append(peaks["VmRSS"])
        print(f"  {self.what}, {size:,}: {self.seconds[-1]:.2f} s, {self.anonymous[-1]:,.0f} MiB", file=sys.stderr)


def _watch(process: "subprocess.Popen[bytes]") -> dict[str, float]:
    """Return the peaks in MiB until the process ends."""
    peaks = {"RssAnon": 0.0, "VmRSS": 0.0}
    status = Path(f"/proc/{process.pid}/status")
    while process.poll() is None:
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        for key, peak in peaks.items():
            peaks[key] = max(peak, int(lines.get(key, "0").split()[0]) / 1024)
        time.sleep(POLL_SECONDS)
    return peaks


def write_images(count: int, path: Path) -> Path:
    """Write (count, 1, 28, 28) real images, again and again where there are not so many, as .npy."""
    images = load(f"{Effort().images}:train").images
    out = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(count, *images.shape[1:]))
    for start in range(0, count, len(images)):
        rows = out[start : start + len(images)]
        rows[:] = images[: len(rows)]
    out.flush()
    return path


def train_model(folder: Path) -> Path:
    """Return a conv model with an exported one beside it."""
    run(aecli("train", "mnist5k", "-o", folder / "run", "--epochs", "5", "--batch-size", "128", "-q"))
    run(aecli("export", folder / "run", "--json", "-q"))
    return folder / "run"


def training(folder: Path) -> Curve:
    """Two epochs of conv."""
    curve = Curve("train conv, 2 epochs", "images")
    for size in (6_000, 20_000, 60_000):
        data = write_images(size, folder / f"train-{size}.npy")
        words = ["train", data, "-o", folder / f"run-{size}", "--epochs", "2", "--json", "-q"]
        curve.measure(size, aecli(*words), lambda document, whole: document["seconds"])
    return curve


def encoding(folder: Path) -> Curve:
    """Encode with conv, to a million images."""
    model, curve = train_model(folder), Curve("encode conv", "images")
    for size in (10_000, 100_000, 1_000_000):
        data = write_images(size, folder / "images.npy")
        words = ["encode", data, "--model", model, "-o", folder / "codes.npz", "--json", "-q"]
        curve.measure(size, aecli(*words), lambda document, whole: document["seconds"])
    return curve


def _codes(folder: Path, size: int) -> Path:
    path = folder / f"codes-{size}.npz"
    images = load(f"{Effort().images}:train")
    rows = np.arange(size) % len(images)
    assert images.labels is not None
    np.savez(folder / "labeled.npz", images=images.images[rows], labels=images.labels[rows])
    model = folder / "run" if (folder / "run").exists() else train_model(folder)
    run(aecli("encode", folder / "labeled.npz", "--model", model, "-o", path, "-q", "--json"))
    return path


def tsne(folder: Path) -> Curve:
    """Lay out all codes."""
    curve = Curve("tsne", "codes")
    for size in (5_000, 15_000, 45_000):
        words = ["tsne", _codes(folder, size), "--sample", "all", "-o", folder / "tsne.png", "--json", "-q"]
        curve.measure(size, aecli(*words), lambda document, whole: whole)
    return curve


def probe(folder: Path) -> Curve:
    """5,000 codes asked for, among more and more."""
    curve, asked = Curve("knn-probe of 5,000, all labels", "codes"), _codes(folder, 5_000)
    for size in (6_000, 20_000, 60_000):
        words = ["knn-probe", _codes(folder, size), asked, "--labels", "all", "--methods", "knn-euclidean"]
        curve.measure(size, aecli(*words, "--json", "-q"), lambda document, whole: whole)
    return curve


def detect(folder: Path) -> Curve:
    """Judge folders of PNGs."""
    model, curve = train_model(folder), Curve("detect, whole process", "files")
    images = load(f"{Effort().images}:train").images[:, 0]
    for size in (1_000, 10_000, 100_000):
        pictures = folder / f"pictures-{size}"
        pictures.mkdir()
        for number in range(size):
            Image.fromarray(images[number % len(images)]).save(pictures / f"{number:06}.png", compress_level=1)
        words = aecli("detect", pictures, "--model", model, "--json", "-q")
        curve.measure(size, words, lambda document, whole: whole)
    return curve


WORKS = {"train": training, "encode": encoding, "tsne": tsne, "knn-probe": probe, "detect": detect}


def draw(curves: list[Curve], path: Path) -> None:
    """Draw seconds and memory against sizes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.6), layout="constrained")
    seconds, memory = figure.subplots(1, 2)
    for curve in curves:
        label = f"{curve.what}: exponent {curve.exponent:.2f}"
        seconds.loglog(curve.sizes, curve.seconds, marker="o", label=label)
        memory.loglog(curve.sizes, curve.anonymous, marker="o", label=curve.what)
    for axes, what in ((seconds, "seconds"), (memory, "peak memory of its own, MiB")):
        axes.set(xlabel="images, codes or files", ylabel=what)
        axes.grid(alpha=0.3)
    figure.legend(*seconds.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8)
    figure.savefig(path, dpi=110)


def table(curves: list[Curve]) -> str:
    """Return the figures in Markdown."""
    lines = ["| command | sizes | seconds | exponent | peak MiB of its own | with mapped files |"]
    lines.append("|---|---|---|---:|---|---|")
    for curve in curves:
        sizes = ", ".join(f"{size:,}" for size in curve.sizes)
        seconds = ", ".join(f"{value:.3g}" for value in curve.seconds)
        own, mapped = (", ".join(f"{value:,.0f}" for value in values) for values in (curve.anonymous, curve.resident))
        cells = [curve.what, f"{sizes} {curve.unit}", seconds, f"{curve.exponent:.2f}", own, mapped]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, draw, print."""
    description = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.growth", description=description)
    parser.add_argument("works", nargs="*", metavar="WORK", help=f"{', '.join(WORKS)}; else all")
    parser.add_argument("-o", "--output", type=Path, help="plot to write")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args()
    if unknown := set(options.works) - set(WORKS):
        parser.error(f"no such work: {', '.join(sorted(unknown))}")

    about, curves = machine(), []
    print(json.dumps(about), flush=True)
    for name in options.works or WORKS:
        with tempfile.TemporaryDirectory() as folder:
            curves.append(WORKS[name](Path(folder)))
    print(f"\n{table(curves)}")
    if options.output:
        draw(curves, options.output)
    if options.json:
        figures = [vars(curve) | {"exponent": curve.exponent} for curve in curves]
        options.json.write_text(json.dumps({"machine": about, "curves": figures}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
