"""Measure how time and memory grow with the number of images: each command at three sizes, as a plot and a table.

    python -m tests.benchmarks.growth -o growth.png
    python -m tests.benchmarks.growth detect encode --json growth.json

The images are FashionMNIST if Debian's package dataset-fashion-mnist is installed and mnist5k otherwise, repeated as
often as needed. The exponent is the slope between the two larger sizes on logarithmic axes: 1 is linear growth. For
train and encode the time is what the command reports; for tsne, knn-probe and detect it is that of the whole process.
Peak memory is reported without mapped files ("anonymous") and with them ("resident").
"""

import argparse
import json
import math
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from aecli.data import load
from tests.benchmarks.measuring import Effort, aecli, describe_machine, log, run
from tests.benchmarks.tables import markdown

POLL_SECONDS = 0.02


@dataclass
class Curve:
    """Measurements of one command at several sizes."""

    title: str
    unit: str
    sizes: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    anonymous: list[float] = field(default_factory=list)
    """Peak MiB without mapped files."""
    resident: list[float] = field(default_factory=list)
    """Peak MiB with mapped files."""

    @property
    def exponent(self) -> float:
        """The slope between the two larger sizes on logarithmic axes."""
        return math.log(self.seconds[-1] / self.seconds[-2]) / math.log(self.sizes[-1] / self.sizes[-2])

    def measure(self, size: int, words: list[str], seconds: Callable[[dict[str, Any], float], float]) -> None:
        """Run a command. `seconds` maps its JSON document and the time of the whole process to the time to record."""
        started = time.perf_counter()
        with tempfile.TemporaryFile("w+") as out:  # a pipe that is not read would block the command
            with subprocess.Popen(words, stdout=out, stderr=subprocess.DEVNULL) as process:
                peaks = _peak_memory(process)
            whole = time.perf_counter() - started
            out.seek(0)
            printed = out.read()
        if process.returncode:
            raise RuntimeError(f"{' '.join(words)} failed with status {process.returncode}")
        self.sizes.append(size)
        self.seconds.append(seconds(json.loads(printed.strip().splitlines()[-1]), whole))
        self.anonymous.append(peaks["RssAnon"])
        self.resident.append(peaks["VmRSS"])
        log(f"{self.title}, {size:,}: {self.seconds[-1]:.2f} s, {self.anonymous[-1]:,.0f} MiB")


def _peak_memory(process: "subprocess.Popen[bytes]") -> dict[str, float]:
    """Poll the process until it ends; return the peaks in MiB."""
    peaks = {"RssAnon": 0.0, "VmRSS": 0.0}
    status = Path(f"/proc/{process.pid}/status")
    while process.poll() is None:
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        for key, peak in peaks.items():
            peaks[key] = max(peak, int(lines.get(key, "0").split()[0]) / 1024)
        time.sleep(POLL_SECONDS)
    return peaks


def write_images(count: int, path: Path) -> Path:
    """Write `count` real images as .npy, (count, 1, 28, 28) uint8, repeating them if there are fewer."""
    images = load(f"{Effort().images}:train").images
    out = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(count, *images.shape[1:]))
    for start in range(0, count, len(images)):
        rows = out[start : start + len(images)]
        rows[:] = images[: len(rows)]
    out.flush()
    return path


def train_model(folder: Path) -> Path:
    """Train a conv model, export it, and return the run folder."""
    run(aecli("train", "mnist5k", "-o", folder / "run", "--epochs", "5", "--batch-size", "128", "-q"))
    run(aecli("export", folder / "run", "--json", "-q"))
    return folder / "run"


def training(folder: Path) -> Curve:
    """Train conv for two epochs."""
    curve = Curve("train conv, 2 epochs", "images")
    for size in (6_000, 20_000, 60_000):
        data = write_images(size, folder / f"train-{size}.npy")
        words = ["train", data, "-o", folder / f"run-{size}", "--epochs", "2", "--json", "-q"]
        curve.measure(size, aecli(*words), lambda document, whole: document["seconds"])
    return curve


def encoding(folder: Path) -> Curve:
    """Encode up to a million images with conv."""
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
    """Embed all codes."""
    curve = Curve("tsne", "codes")
    for size in (5_000, 15_000, 45_000):
        words = ["tsne", _codes(folder, size), "--sample", "all", "-o", folder / "tsne.png", "--json", "-q"]
        curve.measure(size, aecli(*words), lambda document, whole: whole)
    return curve


def probe(folder: Path) -> Curve:
    """Classify 5,000 codes by their nearest neighbors among more and more codes."""
    curve, test = Curve("knn-probe of 5,000, all labels", "codes"), _codes(folder, 5_000)
    for size in (6_000, 20_000, 60_000):
        words = ["knn-probe", _codes(folder, size), test, "--labels", "all", "--methods", "knn-euclidean"]
        curve.measure(size, aecli(*words, "--json", "-q"), lambda document, whole: whole)
    return curve


def detect(folder: Path) -> Curve:
    """Detect on folders of PNGs."""
    model, curve = train_model(folder), Curve("detect, whole process", "files")
    images = load(f"{Effort().images}:train").images[:, 0]
    for size in (1_000, 10_000, 100_000):
        pngs = folder / f"pngs-{size}"
        pngs.mkdir()
        for number in range(size):
            Image.fromarray(images[number % len(images)]).save(pngs / f"{number:06}.png", compress_level=1)
        words = aecli("detect", pngs, "--model", model, "--json", "-q")
        curve.measure(size, words, lambda document, whole: whole)
    return curve


MEASUREMENTS = {"train": training, "encode": encoding, "tsne": tsne, "knn-probe": probe, "detect": detect}


def draw(curves: list[Curve], path: Path) -> None:
    """Plot seconds and memory against sizes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.6), layout="constrained")
    seconds, memory = figure.subplots(1, 2)
    for curve in curves:
        label = f"{curve.title}: exponent {curve.exponent:.2f}"
        seconds.loglog(curve.sizes, curve.seconds, marker="o", label=label)
        memory.loglog(curve.sizes, curve.anonymous, marker="o", label=curve.title)
    for axes, quantity in ((seconds, "seconds"), (memory, "peak memory without mapped files, MiB")):
        axes.set(xlabel="images, codes or files", ylabel=quantity)
        axes.grid(alpha=0.3)
    figure.legend(*seconds.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8)
    figure.savefig(path, dpi=110)


def table(curves: list[Curve]) -> str:
    """Return the measurements as a table in Markdown."""
    head = ["command", "sizes", "seconds", "exponent", "peak MiB without mapped files", "with mapped files"]
    rows = []
    for curve in curves:
        sizes = ", ".join(f"{size:,}" for size in curve.sizes)
        seconds = ", ".join(f"{value:.3g}" for value in curve.seconds)
        own, mapped = (", ".join(f"{value:,.0f}" for value in values) for values in (curve.anonymous, curve.resident))
        rows.append([curve.title, f"{sizes} {curve.unit}", seconds, f"{curve.exponent:.2f}", own, mapped])
    return markdown(head, rows)


def main() -> None:
    """Measure, print a table, and draw the plot."""
    description = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.growth", description=description)
    parser.add_argument("commands", nargs="*", metavar="COMMAND", help=f"{', '.join(MEASUREMENTS)}; default: all")
    parser.add_argument("-o", "--output", type=Path, help="also draw a plot")
    parser.add_argument("--json", type=Path, help="also write all measurements to this file")
    options = parser.parse_args()
    if unknown := set(options.commands) - set(MEASUREMENTS):
        parser.error(f"unknown command: {', '.join(sorted(unknown))}")

    machine, curves = describe_machine(), []
    print(json.dumps(machine), flush=True)
    for name in options.commands or MEASUREMENTS:
        with tempfile.TemporaryDirectory() as folder:
            curves.append(MEASUREMENTS[name](Path(folder)))
    print(f"\n{table(curves)}")
    if options.output:
        draw(curves, options.output)
    if options.json:
        measured = [vars(curve) | {"exponent": curve.exponent} for curve in curves]
        options.json.write_text(json.dumps({"machine": machine, "curves": measured}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
