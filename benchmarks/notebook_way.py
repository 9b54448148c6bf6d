"""The peer: an autoencoder trained as one does it in a notebook.

Each image becomes a PIL picture, then a tensor, then is normalised, one at a time, in the worker processes of a
DataLoader; Lightning's Trainer has its defaults. Architectures and hyper-parameters are the laboratory's.

    python -m benchmarks.notebook_way IMAGES.npz conv|mlp EPOCHS

IMAGES.npz holds `train` and `test`, (N, 28, 28) uint8. Prints one JSON document.
"""

import json
import logging
import sys
import time
import warnings
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

MEAN, STD = 0.1307, 0.3081


class Pictures(Dataset[Tensor]):
    """One picture a call, like torchvision's MNIST."""

    def __init__(self, images: np.ndarray[Any, Any], flat: bool):
        self.images = images
        steps: list[Any] = [transforms.ToTensor(), transforms.Normalize((MEAN,), (STD,))]
        self.transform = transforms.Compose([*steps, torch.flatten] if flat else steps)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        picture: Tensor = self.transform(Image.fromarray(self.images[index]))
        return picture


class NotebookAutoencoder(pl.LightningModule):
    """The laboratory's convolutional or fully connected model."""

    def __init__(self, kind: str):
        super().__init__()
        if kind == "mlp":
            self.encoder = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU())
            self.decoder = nn.Sequential(nn.Linear(128, 256), nn.ReLU(), nn.Linear(256, 784))
            return
        self.encoder = nn.Sequential(
            *(nn.Conv2d(1, 16, 3, padding=1), nn.AvgPool2d(2), nn.ReLU()),
            *(nn.Conv2d(16, 8, 3, padding=1), nn.AvgPool2d(2), nn.ReLU()),
            *(nn.Conv2d(8, 4, 3, padding=1), nn.ReLU()),
        )
        self.decoder = nn.Sequential(
            *(nn.Conv2d(4, 8, 3, padding=1), nn.Upsample(scale_factor=2), nn.ReLU()),
            *(nn.Conv2d(8, 16, 3, padding=1), nn.Upsample(scale_factor=2), nn.ReLU()),
            nn.Conv2d(16, 1, 3, padding=1),
        )

    def training_step(self, images: Tensor, batch_idx: int) -> Tensor:
        loss = F.mse_loss(self.decoder(self.encoder(images)), images)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, images: Tensor, batch_idx: int) -> None:
        self.log("val_loss", F.mse_loss(self.decoder(self.encoder(images)), images))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.01, momentum=0.99)


@torch.no_grad()
def encode(model: NotebookAutoencoder, loader: "DataLoader[Tensor]") -> tuple[float, float]:
    """Return the seconds that codes and residuals of all images take, and the mean squared error."""
    model.eval()
    started = time.perf_counter()
    squared, count = 0.0, 0
    for images in loader:
        restored = model.decoder(model.encoder(images))
        (images - restored).flatten(1).norm(dim=1).numpy()
        squared += float(F.mse_loss(restored, images)) * len(images)
        count += len(images)
    return time.perf_counter() - started, squared / count


def main(path: str, kind: str, epochs: int) -> None:
    """Train, encode, print."""
    warnings.filterwarnings("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    pl.seed_everything(0)
    with np.load(path) as archive:
        train, test = archive["train"], archive["test"]

    def loader(images: np.ndarray[Any, Any], shuffle: bool) -> "DataLoader[Tensor]":
        return DataLoader(Pictures(images, kind == "mlp"), batch_size=1024, num_workers=2, shuffle=shuffle)

    model = NotebookAutoencoder(kind)
    trainer = pl.Trainer(
        max_epochs=epochs,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    started = time.perf_counter()
    trainer.fit(model, loader(train, True), loader(test, False))
    train_seconds = time.perf_counter() - started
    encode_seconds, _ = encode(model.cpu(), loader(train, False))
    _, test_mse = encode(model, loader(test, False))
    print(json.dumps({"train_seconds": train_seconds, "encode_seconds": encode_seconds, "test_mse": test_mse}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
