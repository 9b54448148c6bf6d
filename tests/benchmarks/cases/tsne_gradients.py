"""Compare the gradient of aecli's t-SNE with openTSNE's own: interpolation by FFT, and the tree of Barnes and Hut.

The affinities and the initial points are computed once for all, and the optimization is openTSNE's, with the options
of `aecli tsne`, so that only the gradients differ. Each is a process of its own with 1 and with 2 threads, and they
alternate. The time is that of the optimization alone. The KL divergence is computed over all pairs, and the 1-NN
accuracy is that of the labels in the plane. The codes are those of `tsne-10000`; 5,000 codes are those of mnist5k.
"""

import json
import tempfile
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, save_npz

from aecli.analyses.embedding import label_accuracy
from aecli.analyses.sampling import draw_sample
from aecli.analyses.tsne.embed import initial_points, scaling
from tests.benchmarks.cases.tsne import affinities_of
from tests.benchmarks.codes import encode
from tests.benchmarks.divergence import divergence
from tests.benchmarks.measuring import Effort, Row, compare, log, reference, run_peak

METHODS = {"aecli": "aecli", "fft": "openTSNE FFT", "bh": "openTSNE Barnes-Hut"}
TOLERANCE = 0.02
"""Relative difference of the KL divergence between seeds."""


@dataclass
class Measured:
    """The repeats of one method with one number of threads, and the result of the last one."""

    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    peak_mebibytes: float = 0
    divergence: float = 0
    accuracy: float = 0

    def as_text(self) -> str:
        """Return what the table says besides the seconds."""
        return (
            f"1-NN accuracy {self.accuracy:.4f}, {median(self.cpu_seconds):.4g} CPU s, {self.peak_mebibytes:,.0f} MiB"
        )


def measure(count: int, word: str | None, threads: tuple[int, ...], repeats: int, effort: Effort) -> list[Row]:
    """Optimize `count` codes of the images `word`, by default of the largest set, with each number of threads."""
    word = word or ("mnist5k:all" if effort.images == "mnist5k" else f"{effort.images}:train")
    with tempfile.TemporaryDirectory() as folder:
        codes = encode(word, "conv", effort.cache or Path(folder))
        assert codes.labels is not None
        indices = draw_sample(codes.labels, len(codes), count)
        vectors = codes.codes.reshape(len(codes), -1)[indices]
        vectors = scaling(vectors, "euclidean")(vectors)
        similarities = _prepare(vectors, Path(folder))
        rows: list[Row] = []
        for number in threads:
            measured = {method: Measured() for method in METHODS}
            for _ in range(effort.repeats_or(repeats)):
                for method, each in measured.items():
                    _optimize(method, each, number, Path(folder), similarities, codes.labels[indices])
            rows += _rows(f"t-SNE gradients, {len(vectors):,} codes of {vectors.shape[1]}", number, measured)
    return rows


def _prepare(vectors: NDArray[np.float32], folder: Path) -> csr_matrix:
    """Write the affinities and the initial points of (N, D) codes, and return the affinities."""
    similarities = affinities_of(vectors)
    save_npz(folder / "affinities.npz", similarities)
    np.save(folder / "start.npy", initial_points(vectors, seed=0))
    return similarities


def _optimize(
    method: str, measured: Measured, threads: int, folder: Path, similarities: csr_matrix, labels: NDArray[np.int64]
) -> None:
    """Run one optimization in a process of its own, and add what it took to `measured`."""
    plane, output = folder / "plane.npy", folder / "output.json"
    inputs: tuple[Any, ...] = (folder / "affinities.npz", folder / "start.npy", threads, plane)
    completed = run_peak(reference("tsne_gradient", method, *inputs), output=output)
    document = json.loads(output.read_text("utf-8"))
    measured.seconds.append(document["seconds"])
    measured.cpu_seconds.append(document["cpu_seconds"])
    measured.peak_mebibytes = max(measured.peak_mebibytes, completed.peak_mebibytes)
    points = np.load(plane)
    measured.divergence = divergence(similarities, points)
    measured.accuracy = label_accuracy(points.astype(np.float32), labels) or 0.0
    text = f"{document['seconds']:.2f} s, KL divergence {measured.divergence:.4f}, {measured.as_text()}"
    log(f"{METHODS[method]}, threads {threads}: {text}")


def _rows(case: str, threads: int, measured: dict[str, Measured]) -> list[Row]:
    """Return a row for each of openTSNE's gradients beside that of aecli."""
    ours = measured["aecli"]
    return [
        compare(
            f"{case}, threads {threads}",
            ours.seconds,
            theirs.seconds,
            reference_name=METHODS[method],
            target=1.0,
            quality=(ours.divergence, theirs.divergence),
            quality_name="KL divergence",
            tolerance=TOLERANCE,
            note=f"aecli {ours.as_text()}; reference {theirs.as_text()}",
        )
        for method, theirs in measured.items()
        if method != "aecli"
    ]


def measure_all(effort: Effort) -> list[Row]:
    """Compare the gradients of 5,000, 10,000 and 60,000 codes."""
    return [row for case in PARTS.values() for row in case(effort)]


PARTS = {
    "tsne-gradients-5000": partial(measure, 5_000, "mnist5k:all", (1, 2), 3),
    "tsne-gradients-10000": partial(measure, 10_000, None, (1, 2), 2),
    "tsne-gradients-60000": partial(measure, 60_000, None, (1, 2), 1),
}
CASES = {"tsne-gradients": measure_all} | PARTS
