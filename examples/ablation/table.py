"""Print the results of `aecli knn-probe --json` as a table in Markdown: `table.py ROW/knn-probe.json...`."""

import json
import sys
from pathlib import Path
from typing import Any

METHODS = {"knn-euclidean": "1-NN", "knn-cosine": "1-NN by cosine", "label-spreading": "label spreading"}


def row(name: str, probe: dict[str, Any], features: str) -> str:
    """Return one row: the accuracies of all methods with the codes or with the pixels."""
    found = {entry["method"]: entry for entry in probe["accuracies"] if entry["features"] == features}
    cells = [f"{found[method]['mean']:.3f} ({interval(found[method])})" for method in METHODS]
    return f"| {name} | {probe['dimensions'][features]} | {' | '.join(cells)} |"


def interval(accuracy: dict[str, Any]) -> str:
    """Return the 95% interval of an accuracy in words."""
    low, high = accuracy["confidence_interval"]
    return f"{low:.3f} to {high:.3f}"


def main(paths: list[Path]) -> None:
    """Print a caption and one row per file; the first row is that of the raw pixels."""
    probes = {path.parent.name: json.loads(path.read_text("utf-8")) for path in paths}
    first = next(iter(probes.values()))
    print(f"Accuracy with {first['accuracies'][0]['labels']} labeled images of {first['train']['data']}, on the")
    print(f"{first['tested']:,} images of {first['test']['data']}: mean of {first['protocol']['draws']} draws, and its")
    print("95% interval.\n")
    print(f"| trained with | dimensions | {' | '.join(METHODS.values())} |\n| --- | --- |{' --- |' * len(METHODS)}")
    print(row("no training: raw pixels", first, "pixels"))
    for name, probe in probes.items():
        print(row(name.replace("+", " + "), probe, "codes"))


if __name__ == "__main__":
    main([Path(word) for word in sys.argv[1:]])
