"""Calls of every command on tiny real data, for what all tables and all JSON have in common."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from tests.command_line import succeed

FEW = "digits:test@1"
CPU = ("--device", "cpu")
TABLES = (
    "search",
    "duplicates",
    "knn-probe",
    "compress-report",
    "calibrate",
    "detect",
    "classify",
    "compare",
    "datasets",
)
"""The commands that always print a table; encode --list prints one, too."""


@dataclass(frozen=True)
class Prepared:
    """Files that the calls read."""

    folder: Path
    """Where the calls may write."""
    conv_run: Path
    mlp_run: Path
    codes: Path
    """Codes of the test digits by `conv_run`."""

    @property
    def classifier(self) -> Path:
        return self.folder / "classifier"

    @property
    def images(self) -> Path:
        """A folder with two digits and a damaged image."""
        return self.folder / "images"


def prepare(folder: Path, conv_run: Path, mlp_run: Path, codes: Path) -> Prepared:
    """Make the files that are not yet there."""
    from aecli.data import load

    made = Prepared(folder, shutil.copytree(conv_run, folder / "run"), mlp_run, codes)
    succeed("train", "digits", "-o", made.classifier, "--recipe", "mlp-classifier", "--epochs", 1, *CPU)
    succeed("encode", "digits:train", "--model", conv_run, "-o", folder / "train.npz")
    shutil.copy(codes, folder / "copy.npz")
    made.images.mkdir()
    for index, pixels in enumerate(load("digits:test").images[:2]):
        Image.fromarray(pixels[0]).save(made.images / f"{index}.png")
    (made.images / "damaged.png").write_bytes(b"damaged")
    return made


def calls(made: Prepared) -> Mapping[str, Sequence[Sequence[object]]]:
    """Return words for every command, in several variants; each prints tables or documents of its own."""
    run, codes, out = made.conv_run, made.codes, made.folder
    known = ("--normal", "digits:test@0,1", "--anomalous", "digits:test@7")
    return {
        "train": [
            ("digits", "-o", out / "new", "--epochs", 1, "--overwrite", *CPU),
            ("digits", "-o", out / "new-classifier", "--recipe", "mlp-classifier", "--epochs", 1, "--overwrite", *CPU),
        ],
        "encode": [
            (FEW, "--model", run, "-o", out / "few.npz"),
            (made.images, "--model", run, "-o", out / "few.csv"),
        ],
        "decode": [(codes, "--model", run, "-o", out / "grid.png")],
        "tsne": [
            (codes, "-o", out / "plane.png", "--method", "pca", "--coordinates", out / "plane.npz"),
            (codes, "-o", out / "tsne.png", "--sample", 60),
            (codes, "-o", out / "onto.png", "--onto", out / "plane.npz"),
        ],
        "search": [
            (codes, "--in", codes, "-k", 2),
            (made.images, "--in", codes, "--model", run),
        ],
        "duplicates": [(codes,), (codes, out / "copy.npz")],
        "knn-probe": [
            (out / "train.npz", codes, "--labels", 20, "--draws", 2, "--methods", "knn-euclidean"),
            (
                out / "train.npz",
                codes,
                "--labels",
                "20,all",
                "--draws",
                1,
                "--no-baselines",
                "--methods",
                "knn-euclidean",
            ),
        ],
        "compress-report": [(FEW, "--model", run), (made.images, "--model", run, "--model", made.mlp_run)],
        "calibrate": [
            ("--model", run, *known, "-o", out / "detector.safetensors"),
            ("--model", run, *known[:2], "-o", out / "normal.safetensors"),
        ],
        "detect": [
            (FEW, "--model", run, "--detector", out / "detector.safetensors", "--heatmaps", out / "heatmaps"),
            (made.images, "--model", run),
        ],
        "classify": [(FEW, "--model", made.classifier), (made.images, "--model", made.classifier)],
        "compare": [(run, made.mlp_run, "--draws", 2), (made.classifier, run, "--draws", 1)],
        "report": [(run, "--sample", 20, "-o", out / "report.html")],
        "export": [(run, "-o", out / "exported.onnx")],
        "info": [
            *((file,) for file in (run, run / "model.safetensors", out / "exported.onnx", codes, made.classifier)),
            *((file,) for file in (out / "detector.safetensors", out / "plane.npz", "small", "digits", made.images)),
            ("small", "--toml"),
        ],
        "datasets": [()],
        "doctor": [()],
        "completion": [("bash",), ("bash", "--install")],
    }
