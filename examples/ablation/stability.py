"""Say how well clusters of codes are found again, one FOLDER/SETTING-SEED/train-codes.npz a training, in Markdown.

A choice without labels, after Lange, Roth, Braun and Buhmann, "Stability-based validation of clustering solutions",
Neural Computation 16 (2004): k-means finds clusters in one half of the codes and in the other; both then divide all
of them. The adjusted Rand index says how far the two agree: 1 wholly, 0 no more than by chance. Codes that fall into
groups, whatever these are, agree. The mean is over numbers of clusters from 4 to 30, as that of the classes is not
known, and five halvings.
"""

import sys
from collections import defaultdict
from pathlib import Path
from statistics import mean, stdev

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from aecli.checkpoint import read_header
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
    losses: dict[str, list[float]] = defaultdict(list)
    for path in paths:
        setting = path.parent.name.rpartition("-")[0]
        codes = load_codes(path).codes
        found[setting].append(stability(codes.reshape(len(codes), -1)))
        losses[setting].append(read_header(path.parent / "run" / "model.safetensors").training.val_loss)
    print("| setting | stability | ± standard error | of each training | validation loss |\n|---|---|---|---|---|")
    for setting, values in found.items():
        each = ", ".join(f"{value:.3f}" for value in values)
        print(f"| {setting} | {mean(values):.4f} | {error(values):.4f} | {each} | {mean(losses[setting]):.4f} |")
    best = max(found.values(), key=mean)
    near = [setting for setting, values in found.items() if mean(values) >= mean(best) - error(best)]
    print(f"\nWithin a standard error of the best: {', '.join(near)}.")


def error(values: list[float]) -> float:
    return stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0


if __name__ == "__main__":
    main([Path(word) for word in sys.argv[1:]])
