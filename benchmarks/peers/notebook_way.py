"""The peer: an autoencoder trained as one does it in a notebook.

Each image becomes a PIL picture, then a tensor, then is normalised, one at a time, in the worker processes of a
DataLoader; Lightning's Trainer has its defaults. Architectures and hyper-parameters are the laboratory's.

    python -m benchmarks.peers.notebook_way IMAGES.npz conv|mlp|combined EPOCHS [ENCODINGS]

IMAGES.npz holds `train` and `test`, (N, 28, 28) uint8. `combined` warps each image with torchvision and adds noise.
Prints one JSON document. ENCODINGS: how many times all training images are encoded afterwards; 0 to train alone.
"""

import json
import logging
import sys
import time
import warnings
from statistics import median
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
SPARSITY = 0.5


class Pictures(Dataset[Tensor]):
    """One picture a call, like torchvision's MNIST."""

    def __init__(self, images: np.ndarray[Any, Any], kind: str):
        self.images = images
        steps: list[Any] = [transforms.ToTensor(), transforms.Normalize((MEAN,), (STD,))]
        self.transform = transforms.Compose([*steps, torch.flatten] if kind == "mlp" else steps)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        picture: Tensor = self.transform(Image.fromarray(self.images[index]))
        return picture


class Warped(Pictures):
    """The picture warped and as it is."""

    def __getitem__(self, index: int) -> Any:
        picture = Image.fromarray(self.images[index])
        warp = transforms.RandomAffine(30, (0.15, 0.15), (0.7, 1.3), 30, transforms.InterpolationMode.BILINEAR)
        return self.transform(warp(picture)), self.transform(picture)


class NotebookAutoencoder(pl.LightningModule):
    """The laboratory's convolutional or fully connected model."""

    def __init__(self, kind: str):
        super().__init__()
        self.kind = kind
        if kind == "combined":
            self.encoder = nn.Sequential(
                *(nn.Conv2d(1, 32, 3, stride=2, padding=1), nn.ReLU()),
                *(nn.Conv2d(32, 64, 3, stride=2, padding=1), nn.ReLU()),
                *(nn.Flatten(), nn.Linear(64 * 49, 32)),
            )
            self.decoder = nn.Sequential(
                *(nn.Linear(32, 64 * 49), nn.Unflatten(1, (64, 7, 7)), nn.ReLU()),
                *(nn.Upsample(scale_factor=2), nn.Conv2d(64, 32, 3, padding=1), nn.ReLU()),
                *(nn.Upsample(scale_factor=2), nn.Conv2d(32, 1, 3, padding=1)),
            )
            return
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

    def loss(self, batch: Any) -> Tensor:
        """Return the mean squared error; for `combined` as its recipe has it."""
        if self.kind != "combined":
            return F.mse_loss(self.decoder(self.encoder(batch)), batch)
        warped, images = batch
        code = self.encoder(warped + 0.3 * torch.randn_like(warped))
        return F.mse_loss(self.decoder(code), images) + SPARSITY * (code - 0.05).abs().mean()

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        loss = self.loss(batch)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_loss", self.loss(batch))

    def configure_optimizers(self) -> Any:
        if self.kind != "combined":
            return torch.optim.SGD(self.parameters(), lr=0.01, momentum=0.99)
        optimizer = torch.optim.AdamW(self.parameters(), lr=0.002, weight_decay=0.01)
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.002, steps, cycle_momentum=False)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


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


def main(path: str, kind: str, epochs: int, encodings: int = 1) -> None:
    """Train, encode, print."""
    warnings.filterwarnings("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    pl.seed_everything(0)
    with np.load(path) as archive:
        train, test = archive["train"], archive["test"]

    def loader(images: np.ndarray[Any, Any], shuffle: bool) -> "DataLoader[Tensor]":
        pictures = Warped(images, kind) if kind == "combined" else Pictures(images, kind)
        return DataLoader(pictures, batch_size=128 if kind == "combined" else 1024, num_workers=2, shuffle=shuffle)

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
    document = {"train_seconds": train_seconds, "val_loss": float(trainer.callback_metrics["val_loss"])}
    if encodings:
        seconds = [encode(model.cpu(), loader(train, False))[0] for _ in range(encodings)]
        document |= {"encode_seconds": median(seconds), "test_mse": encode(model, loader(test, False))[1]}
    print(json.dumps(document))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:]))
