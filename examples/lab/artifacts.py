"""Read the files that the Makefile made."""

import csv
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MODELS = {
    "mlp": "fully connected",
    "conv": "convolutional",
    "denoising": "denoising",
    "sparse": "sparse",
    "combined": "combined",
}


def auroc(score: dict[str, Any]) -> float:
    """Return the AUROC of a score in the document of `aecli calibrate`."""
    return float(score["separation"]["auroc"]["value"])


@dataclass(frozen=True)
class Lab:
    """The files of one run of the Makefile."""

    out: Path
    main: str
    """The runs that are analyzed: `lab` or `long`."""
    inspection: Path
    """The output folder of `examples/inspection`; it need not exist."""

    def document(self, name: str) -> Any:
        return json.loads((self.out / name).read_text("utf-8"))

    def lines(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.out / name).read_text("utf-8").splitlines() if line.startswith("{")]

    def inspected(self, name: str) -> list[dict[str, str]]:
        """Return the rows of a table that `examples/inspection` made; none if it was not run."""
        path = self.inspection / name
        if not path.exists():
            return []
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))

    def run(self, name: str) -> dict[str, Any]:
        """Return the document that `aecli train --json` printed."""
        document: dict[str, Any] = self.document(f"runs/{name}/train.json")
        return document

    def metrics(self, name: str) -> list[dict[str, float]]:
        with (self.out / "runs" / name / "metrics.csv").open(encoding="utf-8", newline="") as file:
            return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]

    def recipe(self, name: str) -> str:
        return (self.out / "runs" / name / "recipe.toml").read_text("utf-8")

    def runs(self) -> list[str]:
        folders = sorted((self.out / "runs").glob("**/train.json"))
        return [str(file.parent.relative_to(self.out / "runs")) for file in folders]

    def codes(self, name: str) -> NDArray[np.float32]:
        """Return codes (N, ...)."""
        return self._array(name, "codes")

    @cached_property
    def classes(self) -> int:
        with np.load(self.out / "codes" / "conv-test.npz") as file:
            return len(np.unique(file["labels"]))

    def residuals(self, name: str) -> NDArray[np.float32]:
        """Return residuals (N,)."""
        return self._array(name, "residual_l2")

    def _array(self, name: str, key: str) -> NDArray[np.float32]:
        with np.load(self.out / "codes" / f"{name}.npz") as file:
            array: NDArray[np.float32] = file[key]
        return array

    def is_long(self) -> bool:
        return self.main == "long"

    @cached_property
    def compared(self) -> dict[str, dict[str, Any]]:
        """The runs that are analyzed, by name."""
        return {run["run"]: run for run in self.document("compare.json")["runs"]}

    @cached_property
    def compared_lab(self) -> dict[str, dict[str, Any]]:
        """The runs with the laboratory's number of epochs, by name."""
        if not self.is_long():
            return self.compared
        return {run["run"]: run for run in self.document("compare-lab.json")["runs"]}

    @cached_property
    def data(self) -> str:
        """The DATA word without its split."""
        return str(self.run(f"{self.main}/conv")["data"]["word"]).removesuffix(":train")

    @cached_property
    def other(self) -> str:
        """A short name of the anomalous images."""
        word = str(self.document("detector.json")["detector"]["anomalous"]["word"])
        return word.removesuffix(":test").rpartition("/")[2]

    @cached_property
    def pixels(self) -> int:
        return int(np.prod(self.run(f"{self.main}/conv")["image_shape"]))

    @cached_property
    def test_images(self) -> int:
        return len(self.codes("conv-test"))

    @cached_property
    def scores(self) -> dict[str, dict[str, Any]]:
        """The metrics of each anomaly score, by name, the highest AUROC first."""
        scores = sorted(self.document("detector.json")["scores"], key=lambda score: -auroc(score))
        return {score["score"]: score for score in scores}

    def layout(self, model: str) -> dict[str, Any]:
        """Return the document of one t-SNE embedding."""
        layout: dict[str, Any] = self.document(f"tsne/{model}.json")["layouts"][0]
        return layout

    def probe(self, features: str, labels: int = 100) -> dict[str, Any]:
        """Return the 1-NN accuracy with the sparse model's codes, with the pixels, or with their PCA."""
        accuracies = self.document("knn-probe.json")["accuracies"]
        return next(each for each in accuracies if each["features"] == features and each["labels"] == labels)

    def storage(self, model: str, method: str) -> dict[str, Any]:
        """Return a row of the compression report."""
        return next(row for row in self.document(f"compression/{model}.json")["rows"] if row["method"] == method)

    def two(self, name: str) -> dict[str, Any]:
        """Return the detection of one of the two example images: `ours` or `other`."""
        return next(line for line in self.lines("two.jsonl") if Path(line["path"]).stem.startswith(name))
