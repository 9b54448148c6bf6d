"""Print calibrations as a table in Markdown: `table.py CATEGORY/calibration.json...`, each beside its train.json."""

import json
import sys
from pathlib import Path
from statistics import mean
from typing import Any

METRICS = {
    "image AUROC": ("separation", "auroc"),
    "image F1-max": ("separation", "f1_max"),
    "pixel AUROC": ("pixels", "auroc"),
    "AUPRO": ("pixels", "aupro"),
    "pixel F1-max": ("pixels", "f1_max"),
}
"""The column of each metric, and where it is in the report of a score."""
HEAD = ["category", "score", "normal", "defects", *METRICS, "training"]


def value(report: dict[str, Any], group: str, metric: str) -> float | None:
    """Return a metric of a report; None if the score has no maps, or the images no masks."""
    return None if report[group] is None else float(report[group][metric]["value"])


def text(number: float | None) -> str:
    """Return a metric as a cell."""
    return "" if number is None else f"{number:.3f}"


def main(paths: list[Path]) -> None:
    """Print one row for each category, and the means over those that have the metric."""
    columns: dict[str, list[float]] = {name: [] for name in METRICS}
    seconds: list[float] = []
    rows = [HEAD, ["---"] * 2 + ["---:"] * (len(HEAD) - 2)]
    for path in paths:
        calibration = json.loads(path.read_text("utf-8"))
        seconds.append(json.loads((path.parent / "train.json").read_text("utf-8"))["seconds"])
        report = calibration["scores"][0]
        found = {name: value(report, *where) for name, where in METRICS.items()}
        for name, number in found.items():
            columns[name] += [] if number is None else [number]
        counts = [f"{calibration['measured'][kind]}" for kind in ("normal", "anomalous")]
        cells = [text(number) for number in found.values()]
        rows.append([path.parent.name, report["score"], *counts, *cells, f"{seconds[-1]:.0f} s"])
    means = [text(mean(numbers) if numbers else None) for numbers in columns.values()]
    rows.append(["mean", "", "", "", *means, f"{mean(seconds):.0f} s"])
    for row in rows:
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    main([Path(word) for word in sys.argv[1:]])
