"""What the Makefile made, read."""

import csv
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

MODELS = {
    "mlp": "fully connected",
    "conv": "convolutional",
    "denoising": "denoising",
    "sparse": "sparse",
    "combined": "combined",
}


def auroc(score: dict[str, Any]) -> float:
    return score["separation"]["auroc"]["value"]


@dataclass(frozen=True)
class Lab:
    """The folder `out`; `main` names the runs in it that were analyzed: `lab` or `long`.

    `inspection` is the folder that `examples/inspection` made, if it did.
    """

    out: Path
    main: str
    inspection: Path

    def document(self, name: str) -> Any:
        return json.loads((self.out / name).read_text("utf-8"))

    def lines(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.out / name).read_text("utf-8").splitlines() if line.startswith("{")]

    def inspected(self, name: str) -> list[list[str]]:
        """Return the rows of a table that `examples/inspection` made; none where it was not run."""
        file = self.inspection / name
        return [line.split("\t") for line in file.read_text("utf-8").splitlines()] if file.exists() else []

    def run(self, name: str) -> dict[str, Any]:
        """Return what `aecli train` said at the end of a run."""
        return self.document(f"runs/{name}/train.json")

    def metrics(self, name: str) -> list[dict[str, float]]:
        with (self.out / "runs" / name / "metrics.csv").open(encoding="utf-8", newline="") as file:
            return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]

    def recipe(self, name: str) -> str:
        return (self.out / "runs" / name / "recipe.toml").read_text("utf-8")

    def runs(self) -> list[str]:
        folders = sorted((self.out / "runs").glob("**/train.json"))
        return [str(file.parent.relative_to(self.out / "runs")) for file in folders]

    def codes(self, name: str) -> np.ndarray:
        with np.load(self.out / "codes" / f"{name}.npz") as file:
            return file["codes"]

    @cached_property
    def classes(self) -> int:
        with np.load(self.out / "codes" / "conv-test.npz") as file:
            return len(np.unique(file["labels"]))

    def residuals(self, name: str) -> np.ndarray:
        with np.load(self.out / "codes" / f"{name}.npz") as file:
            return file["residual_l2"]

    def is_long(self) -> bool:
        return self.main == "long"

    @cached_property
    def compared(self) -> dict[str, dict[str, Any]]:
        """The runs that were analyzed, by name."""
        return {run["run"]: run for run in self.document("compare.json")["runs"]}

    @cached_property
    def compared_lab(self) -> dict[str, dict[str, Any]]:
        """The runs of the laboratory's length, by name."""
        if not self.is_long():
            return self.compared
        return {run["run"]: run for run in self.document("compare-lab.json")["runs"]}

    @cached_property
    def data(self) -> str:
        return self.run(f"{self.main}/conv")["data"]["word"].removesuffix(":train")

    @cached_property
    def other(self) -> str:
        """The other images by a short name."""
        return self.document("detector.json")["detector"]["anomalous"]["word"].removesuffix(":test").rpartition("/")[2]

    @cached_property
    def pixels(self) -> int:
        return int(np.prod(self.run(f"{self.main}/conv")["image_shape"]))

    @cached_property
    def test_images(self) -> int:
        return len(self.codes("conv-test"))

    @cached_property
    def scores(self) -> dict[str, dict[str, Any]]:
        """What was measured of each anomaly score, by name, the best one first."""
        found = sorted(self.document("detector.json")["scores"], key=lambda score: -auroc(score))
        return {score["score"]: score for score in found}

    def layout(self, model: str) -> dict[str, Any]:
        return self.document(f"tsne/{model}.json")["layouts"][0]

    def probe(self, features: str, labels: int = 100) -> dict[str, Any]:
        """Return the 1-NN accuracy of the sparse model's codes, of the pixels, or of their PCA."""
        accuracies = self.document("knn-probe.json")["accuracies"]
        return next(each for each in accuracies if each["features"] == features and each["labels"] == labels)

    def kept(self, model: str, method: str) -> dict[str, Any]:
        """Return a row of the compression report."""
        return next(row for row in self.document(f"compression/{model}.json")["rows"] if row["method"] == method)

    def two(self, which: str) -> dict[str, Any]:
        return next(line for line in self.lines("two.jsonl") if Path(line["path"]).stem.startswith(which))
