"""Say how well clusters of codes are found again, one FOLDER/STRENGTH-SEED/train-codes.npz a training, in Markdown.

A choice without labels, after Lange, Roth, Braun and Buhmann, "Stability-based validation of clustering solutions",
Neural Computation 16 (2004): k-means finds clusters in one half of the codes and in the other; both then divide all
of them. The adjusted Rand index says how far the two agree: 1 wholly, 0 no more than by chance. Codes that fall into
groups, whatever these are, agree. The mean is over numbers of clusters from 4 to 30, as that of the classes is not
known, and five halvings.
"""

import sys
from collections import defaultdict
from pathlib import Path
from statistics import mean

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from aecli.codes import load_codes

CLUSTERS = (4, 6, 8, 10, 12, 16, 20, 30)
HALVINGS = 5


def agreement(codes: np.ndarray, clusters: int, seed: int) -> float:
    order = np.random.default_rng(seed).permutation(len(codes))
    halves = np.array_split(codes[order], 2)
    divided = [KMeans(clusters, n_init=5, random_state=seed).fit(half).predict(codes) for half in halves]
    return adjusted_rand_score(*divided)


def stability(codes: np.ndarray) -> float:
    return mean(agreement(codes, clusters, seed) for clusters in CLUSTERS for seed in range(HALVINGS))


def main(paths: list[Path]) -> None:
    found: dict[str, list[float]] = defaultdict(list)
    for path in paths:
        codes = load_codes(path).codes
        found[path.parent.name.rpartition("-")[0]].append(stability(codes.reshape(len(codes), -1)))
    print("| warps, in degrees | stability of clusters | of each training |\n| --- | --- | --- |")
    for strength, values in found.items():
        print(f"| {strength} | {mean(values):.3f} | {', '.join(f'{value:.3f}' for value in values)} |")


if __name__ == "__main__":
    main([Path(word) for word in sys.argv[1:]])
