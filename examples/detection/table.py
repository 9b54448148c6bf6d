"""Print calibrations as a table in Markdown: `table.py OUT/scores/ROW.json...`, each with its OUT/default/ROW.json."""

import json
import sys
from pathlib import Path
from typing import Any

from aecli.detection.scores import score_names


def percent(report: dict[str, Any]) -> str:
    """Return specificity and recall in percent."""
    return " ".join(f"{100 * report[metric]['value']:.1f}%" for metric in ("specificity", "recall"))


def row(path: Path) -> list[str]:
    """Return the data sets, the AUROC of each score, and specificity and recall of `residual` and of the default."""
    calibration = json.loads(path.read_text("utf-8"))
    default = json.loads((path.parent.parent / "default" / path.name).read_text("utf-8"))
    reports = {report["score"]: report for report in calibration["scores"]}
    areas = [f"{reports[score]['separation']['auroc']['value']:.4f}" for score in score_names()]
    data = [calibration["detector"][kind]["word"].rpartition("/")[2] for kind in ("normal", "anomalous")]
    return [*data, *areas, percent(reports["residual"]), percent(default["scores"][0])]


def main() -> None:
    """Print the table."""
    head = ["normal", "anomalous", *score_names(), "residual: specificity, recall", "default: specificity, recall"]
    for cells in [head, ["---"] * len(head), *(row(Path(name)) for name in sys.argv[1:])]:
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
