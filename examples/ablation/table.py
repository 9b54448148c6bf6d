"""Print the results of `aecli knn-probe --json` as a table in Markdown: `table.py ROW/knn-probe.json...`."""

import json
import sys
from pathlib import Path
from typing import Any


def row(name: str, probe: dict[str, Any], features: str) -> str:
    """Return one row: the accuracy with the codes or with the pixels."""
    accuracy = next(entry for entry in probe["accuracies"] if entry["features"] == features)
    low, high = accuracy["confidence_interval"]
    return f"| {name} | {probe['dimensions'][features]} | {accuracy['mean']:.3f} | {low:.3f} to {high:.3f} |"


def main(paths: list[Path]) -> None:
    """Print a caption and one row per file; the first row is that of the raw pixels."""
    probes = {path.parent.name: json.loads(path.read_text("utf-8")) for path in paths}
    first = next(iter(probes.values()))
    protocol, labels = first["protocol"], first["accuracies"][0]["labels"]
    print(f"{protocol['neighbors']}-NN accuracy with {labels} labeled images of {first['train']['data']}, on the")
    print(f"{first['tested']:,} images of {first['test']['data']}: mean of {protocol['draws']} draws of the labels.\n")
    print("| trained with | dimensions | accuracy | 95% interval |\n| --- | --- | --- | --- |")
    print(row("no training: raw pixels", first, "pixels"))
    for name, probe in probes.items():
        print(row(name.replace("+", " + "), probe, "codes"))


if __name__ == "__main__":
    main([Path(word) for word in sys.argv[1:]])
