"""The reference for `aecli detect`: a script that loads a model and thresholds residuals in a DataLoader loop.

    python -m tests.benchmarks.references.notebook_detect MODEL.pt THRESHOLD IMAGE|FOLDER...

MODEL.pt holds the state of a `NotebookAutoencoder`. Prints a verdict for each image, then one JSON document.
"""

import json
import sys
from pathlib import Path

import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from tests.benchmarks.references.notebook import MEAN, STD, NotebookAutoencoder


class Files(Dataset[torch.Tensor]):
    """One image file per item."""

    def __init__(self, paths: list[Path]):
        self.paths = paths
        self.transform = transforms.Compose(
            [
                transforms.Grayscale(),
                transforms.Resize((28, 28)),
                transforms.ToTensor(),
                transforms.Normalize(MEAN, STD),
            ]
        )

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> torch.Tensor:
        image: torch.Tensor = self.transform(Image.open(self.paths[index]))
        return image


@torch.no_grad()
def main(weights: str, threshold: float, words: list[str]) -> None:
    """Print a verdict for each image."""
    model = NotebookAutoencoder("conv")
    model.load_state_dict(torch.load(weights, weights_only=True))
    model.eval()
    paths = [file for word in words for file in (sorted(Path(word).iterdir()) if Path(word).is_dir() else [Path(word)])]
    workers = 2 if len(paths) > 1 else 0
    anomalies = done = 0
    for images in DataLoader(Files(paths), 1024, num_workers=workers):
        residuals = (images - model.decoder(model.encoder(images))).flatten(1).norm(dim=1)
        batch = paths[done : done + len(images)]
        done += len(images)
        for path, residual in zip(batch, residuals, strict=True):
            anomalies += int(residual > threshold)
            print(f"{path}\t{residual:.4f}\t{'anomaly' if residual > threshold else 'normal'}")
    print(json.dumps({"count": len(paths), "anomalies": anomalies}))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), sys.argv[3:])
