"""aecli's t-SNE against scikit-learn's with its defaults, on the same codes, by turns, in one run.

    python -m benchmarks.tsne 1000
    python -m benchmarks.tsne 10000 --turns 2
    python -m benchmarks.tsne 10000 --codes my-codes.npz --seed 1
    python -m benchmarks.tsne 60000 --ours-only

Codes: of --codes, else of FashionMNIST (Debian's package dataset-fashion-mnist) or, without it, of mnist5k, by the
conv recipe trained on mnist5k for 10 epochs. Each turn is a whole fit: neighbours, affinities, descent. Beside each
time stand the 1-NN accuracy of the labels in the plane and the KL divergence, which is computed for both planes from
the same affinities and with all pairs.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.tsne import draw_sample, label_accuracy, nearest_neighbours, tsne
from aecli.analyses.tsne_options import TSNEOptions
from aecli.codes import load_codes
from benchmarks.__main__ import FASHION, aecli, machine

Array = NDArray[Any]


def make_codes(folder: Path) -> Path:
    """Train, encode; return the code file."""
    word = f"{FASHION}:train" if Path(FASHION).exists() else "mnist5k:all"
    run, codes = folder / "run", folder / "codes.npz"
    subprocess.run(aecli("train", "mnist5k", "-o", str(run), "--epochs", "10", "--batch-size", "128", "-q"), check=True)
    subprocess.run(aecli("encode", word, "--model", str(run), "-o", str(codes), "-q"), check=True)
    return codes


def fit_ours(points: Array, seed: int) -> Array:
    """Lay out as `aecli tsne` does."""
    return tsne(points, TSNEOptions(seed=seed, sample=None)).coordinates


def fit_peer(points: Array, seed: int) -> Array:
    """Lay out as scikit-learn does when nothing is asked of it."""
    from sklearn.manifold import TSNE

    plane: Array = TSNE(random_state=seed).fit_transform(points)
    return plane


def divergence(points: Array, plane: Array, perplexity: float = 30.0) -> float:
    """KL divergence of a plane from the affinities of the points, normalised over all pairs, without approximation."""
    from openTSNE.affinity import PerplexityBasedNN
    from openTSNE.nearest_neighbors import PrecomputedNeighbors

    index = PrecomputedNeighbors(*nearest_neighbours(points, int(3 * perplexity), "euclidean"))
    affinities = PerplexityBasedNN(knn_index=index, perplexity=perplexity, n_jobs=-1).P.tocoo()
    plane = plane.astype(np.float64)
    total = 0.0
    for start in range(0, len(plane), 256):
        squares = ((plane[start : start + 256, None] - plane) ** 2).sum(axis=2)
        total += (1 / (1 + squares)).sum()
    near = 1 / (1 + ((plane[affinities.row] - plane[affinities.col]) ** 2).sum(axis=1)) / (total - len(plane))
    kept = affinities.data > 0
    return float((affinities.data[kept] * np.log(affinities.data[kept] / near[kept])).sum())


def compare(points: Array, labels: Array, turns: int, seed: int, ours_only: bool) -> dict[str, Any]:
    """Fit by turns; return medians, their ratio, and the quality of the last planes."""
    fits: dict[str, Callable[[Array, int], Array]] = {"ours": fit_ours} | ({} if ours_only else {"peer": fit_peer})
    for fit in fits.values():  # imports and first calls are no part of a fit
        fit(points[:200], seed)
    seconds: dict[str, list[float]] = {name: [] for name in fits}
    planes: dict[str, Array] = {}
    for _ in range(turns):
        for name, fit in fits.items():
            started = time.perf_counter()
            planes[name] = fit(points, seed)
            seconds[name].append(time.perf_counter() - started)
            print(f"  {name} {seconds[name][-1]:.2f} s", file=sys.stderr, flush=True)
    result: dict[str, Any] = {f"{name}_seconds": median(each) for name, each in seconds.items()}
    if not ours_only:
        result["ratio"] = result["peer_seconds"] / result["ours_seconds"]
    for name, plane in planes.items():
        result[f"{name}_1nn_accuracy"] = label_accuracy(plane, labels)
    for name, plane in planes.items():
        result[f"{name}_kl_divergence"] = divergence(points, plane) if len(plane) <= 20_000 else None
    return result


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tsne", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("count", type=int, metavar="N", help="codes, drawn by class")
    parser.add_argument("--codes", type=Path, help="code file with labels")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--ours-only", action="store_true")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        codes = load_codes(options.codes or make_codes(Path(folder)))
    if codes.labels is None:
        sys.exit("codes without labels tell nothing of quality")
    rows = draw_sample(codes.labels, len(codes), TSNEOptions(sample=options.count, seed=options.seed))
    points = codes.codes.reshape(len(codes), -1)[rows]
    print(json.dumps(machine()))
    result = compare(points, codes.labels[rows], options.turns, options.seed, options.ours_only)
    case = f"t-SNE of {len(points):,} codes of {points.shape[1]} values ({codes.meta.data}), {options.turns} turns"
    print(f"\n{case}")
    for name, value in result.items():
        print(f"  {name:22} {'not computed' if value is None else format(value, '10.4f')}")
    if options.json:
        options.json.write_text(json.dumps({"machine": machine(), "case": case} | result, indent=2) + "\n")


if __name__ == "__main__":
    main()
