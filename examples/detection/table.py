"""Calibrations as one table in Markdown: `table.py OUT/scores/ROW.json...`, each with its OUT/default/ROW.json."""

import json
import sys
from pathlib import Path

SCORES = ["residual", "mse", "ssim", "mahalanobis", "knn", "combined"]
HEAD = ["normal", "anomalous", *SCORES, "residual: specificity, recall", "default: specificity, recall"]


def percent(report: dict) -> str:
    return " ".join(f"{100 * report[kind]['value']:.1f} %" for kind in ("specificity", "recall"))


def row(path: Path) -> list[str]:
    told = json.loads(path.read_text("utf-8"))
    default = json.loads((path.parent.parent / "default" / path.name).read_text("utf-8"))
    reports = {report["score"]: report for report in told["scores"]}
    areas = [f"{reports[score]['separation']['auroc']['value']:.4f}" for score in SCORES]
    words = [told["detector"][kind]["word"].rpartition("/")[2] for kind in ("normal", "anomalous")]
    return [*words, *areas, percent(reports["residual"]), percent(default["scores"][0])]


def main() -> None:
    rows = [row(Path(name)) for name in sys.argv[1:]]
    for cells in [HEAD, ["---"] * len(HEAD), *rows]:
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
