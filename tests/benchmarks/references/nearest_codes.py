"""Search for the 10 nearest of a million codes in one process, which reports its time and peak memory as JSON.

    python -m tests.benchmarks.references.nearest_codes scikit-learn codes.npy 100000 1000 found.npy

Arguments: aecli, aecli-index or scikit-learn; an array of codes (N, D); how many of them to search, and for how many of
these to search; where to write the distances. With an index, the recall is that which aecli measures.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

NEIGHBORS = 10


def main() -> None:
    """Run the search that the command line describes."""
    method, path, count, queries, output = sys.argv[1:]
    codes = np.load(path, mmap_mode="r")
    points = np.array(codes[: int(count)])
    asked = points[np.random.default_rng(0).choice(len(points), int(queries), replace=False)]
    recall = 1.0
    started, used = time.perf_counter(), time.process_time()
    if method == "scikit-learn":
        from sklearn.neighbors import NearestNeighbors

        distances, _ = NearestNeighbors(n_neighbors=NEIGHBORS, n_jobs=-1).fit(points).kneighbors(asked)
    else:
        from aecli.analyses.search.options import DistanceOptions
        from aecli.analyses.search.search import nearest

        options = DistanceOptions(method="approximate" if method == "aecli-index" else "exact")
        found = nearest(points, asked, NEIGHBORS, options)
        distances, recall = found.distances, found.recall
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - used
    np.save(output, distances)
    status = Path("/proc/self/status").read_text(
        encoding="utf-8"
    )  # getrusage knows the peak of the parent process only
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds, "recall": recall, "peak_mebibytes": peak}))


if __name__ == "__main__":
    main()
