"""Optimize a t-SNE from given affinities and initial points, with one of three gradients.

    python -m tests.benchmarks.references.tsne_gradient aecli|fft|bh AFFINITIES.npz START.npy THREADS PLANE.npy

All three run in openTSNE's gradient descent, with the same iterations, exaggeration, learning rate and momentum, which
are those of `aecli tsne`. The last line is JSON: seconds and CPU seconds of the descent.
"""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from aecli.analyses.tsne.options import TSNEOptions
from aecli.runtime.thread_count import choose_threads

OPTIONS = TSNEOptions(sample=None)


def main(method: str, affinities_file: str, start_file: str, threads: str, plane_file: str) -> None:
    """Optimize, write the points, and print how long it took."""
    workers = int(threads)
    choose_threads(workers)  # before numpy is imported

    import numpy as np
    from openTSNE import TSNEEmbedding
    from openTSNE.affinity import PrecomputedAffinities
    from scipy.sparse import load_npz
    from threadpoolctl import threadpool_limits

    from aecli.analyses.tsne.embed import EARLY_MOMENTUM, MOMENTUM
    from aecli.analyses.tsne.gradient import ThreadedGradient
    from aecli.analyses.tsne.opentsne_internals import as_negative_gradient_method
    from aecli.runtime.progress import silent

    affinities = PrecomputedAffinities(load_npz(affinities_file), normalize=False)
    start = np.load(start_file)
    early = OPTIONS.early_iterations
    with ThreadPoolExecutor(workers) as pool, threadpool_limits(1 if method == "aecli" else workers, "blas"):
        gradient: Any = method
        if method == "aecli":
            ours = ThreadedGradient(len(start), pool, workers, OPTIONS.max_iter, silent)
            gradient = as_negative_gradient_method(ours)
        before, cpu_before = time.perf_counter(), time.process_time()
        points = TSNEEmbedding(
            start,
            affinities,
            negative_gradient_method=gradient,
            learning_rate="auto",
            momentum=MOMENTUM,
            n_jobs=1 if method == "aecli" else workers,
        )
        points.optimize(early, exaggeration=OPTIONS.early_exaggeration, momentum=EARLY_MOMENTUM, inplace=True)
        points.optimize(OPTIONS.max_iter - early, inplace=True)
        seconds, cpu_seconds = time.perf_counter() - before, time.process_time() - cpu_before
    with Path(plane_file).open("wb") as file:
        np.save(file, np.array(points), allow_pickle=False)
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds}))


if __name__ == "__main__":
    main(*sys.argv[1:])
