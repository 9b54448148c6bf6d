"""Measure how reproducible a clustering of the codes is, without labels, and print a table in Markdown.

    stability.py FOLDER/SETTING-SEED/train-codes.npz...

The measure follows Lange, Roth, Braun and Buhmann, "Stability-based validation of clustering solutions", Neural
Computation 16 (2004). k-means is fitted on each half of the codes, and both clusterings are applied to all codes. The
adjusted Rand index is their agreement: 1 if they are identical, 0 if they agree no more than by chance. It is averaged
over 4 to 30 clusters, because the number of classes is unknown, and over five random halvings.
"""

import sys
from collections import defaultdict
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from aecli.checkpoint import read_header
from aecli.codes import load_codes

CLUSTERS = (4, 6, 8, 10, 12, 16, 20, 30)
HALVINGS = 5


def agreement(codes: NDArray[Any], clusters: int, seed: int) -> float:
    """Return the adjusted Rand index of two clusterings of the codes (N, D), each fitted on one half of them."""
    order = np.random.default_rng(seed).permutation(len(codes))
    halves = np.array_split(codes[order], 2)
    assignments = [KMeans(clusters, n_init=5, random_state=seed).fit(half).predict(codes) for half in halves]
    return float(adjusted_rand_score(*assignments))


def stability(codes: NDArray[Any]) -> float:
    """Return the mean agreement over numbers of clusters and halvings of the codes (N, D)."""
    return mean(agreement(codes, clusters, seed) for clusters in CLUSTERS for seed in range(HALVINGS))


def standard_error(values: list[float]) -> float:
    """Return the standard error of the mean; 0 for a single value."""
    return stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0


def main(paths: list[Path]) -> None:
    """Print one row per setting, and the settings within one standard error of the best."""
    stabilities: dict[str, list[float]] = defaultdict(list)
    losses: dict[str, list[float]] = defaultdict(list)
    for path in paths:
        setting = path.parent.name.rpartition("-")[0]
        codes = load_codes(path).codes
        stabilities[setting].append(stability(codes.reshape(len(codes), -1)))
        losses[setting].append(read_header(path.parent / "run" / "model.safetensors").training.val_loss)
    print("| setting | stability | ± standard error | of each training | validation loss |\n|---|---|---|---|---|")
    for setting, values in stabilities.items():
        each = ", ".join(f"{value:.3f}" for value in values)
        loss = mean(losses[setting])
        print(f"| {setting} | {mean(values):.4f} | {standard_error(values):.4f} | {each} | {loss:.4f} |")
    best = max(stabilities.values(), key=mean)
    threshold = mean(best) - standard_error(best)
    near_best = [setting for setting, values in stabilities.items() if mean(values) >= threshold]
    print(f"\nWithin one standard error of the best: {', '.join(near_best)}.")


if __name__ == "__main__":
    main([Path(word) for word in sys.argv[1:]])
