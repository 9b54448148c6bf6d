"""Print time and accuracy of the shipped recipe for each seed: `final.py SEED/knn-probe.json...`.

A folder also holds train.json, the output of `aecli train --json`.
"""

import json
import sys
from pathlib import Path
from statistics import mean

METHODS = {"knn-euclidean": "1-NN", "knn-cosine": "1-NN by cosine", "label-spreading": "label spreading"}


def main(paths: list[Path]) -> None:
    """Print one row per seed, and the means over the seeds."""
    rows = {}
    for path in paths:
        accuracies = json.loads(path.read_text("utf-8"))["accuracies"]
        means = {entry["method"]: entry["mean"] for entry in accuracies if entry["features"] == "codes"}
        seconds = json.loads((path.parent / "train.json").read_text("utf-8"))["seconds"]
        rows[path.parent.name] = [seconds, *(means[method] for method in METHODS)]
    print(f"| seed | training | {' | '.join(METHODS.values())} |\n| --- | --- |{' --- |' * len(METHODS)}")
    rows["mean"] = [mean(column) for column in zip(*rows.values(), strict=True)]
    for name, (seconds, *values) in rows.items():
        print(f"| {name} | {seconds:.0f} s | {' | '.join(f'{value:.4f}' for value in values)} |")


if __name__ == "__main__":
    main([Path(word) for word in sys.argv[1:]])
