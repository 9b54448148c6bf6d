"""The peer: an autoencoder trained as one does it in a notebook.

Each image becomes a PIL picture, then a tensor, then is normalized, one at a time, in the worker processes of a
DataLoader; Lightning's Trainer has its defaults. Architectures and hyper-parameters are the laboratory's.

    python -m tests.benchmarks.peers.notebook_way IMAGES.npz conv|mlp|combined EPOCHS [--seed N] [--encodings N]
    python -m tests.benchmarks.peers.notebook_way IMAGES.npz conv|mlp EPOCHS --losses-of SEED...

IMAGES.npz holds `train` and `test`, (N, 28, 28) uint8. `combined` warps each image with torchvision and adds noise.
Prints one JSON document. `--encodings`: how many times all training images are encoded afterwards.

`--losses-of` trains once with each seed and tells the last validation losses, no times. So that several seeds can be
waited for, each tensor is made once and kept, and channels come last in memory: same layers, tensors and order.
"""

import argparse
import json
import logging
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


class Kept(Dataset[Tensor]):
    """The same tensors, each made once."""

    def __init__(self, pictures: Pictures):
        self.tensors = [pictures[index] for index in range(len(pictures))]

    def __len__(self) -> int:
        return len(self.tensors)

    def __getitem__(self, index: int) -> Tensor:
        return self.tensors[index]


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


def model_of(kind: str, seed: int) -> NotebookAutoencoder:
    """Return a new model; batches are drawn by the same seed from then on."""
    pl.seed_everything(seed)
    return NotebookAutoencoder(kind)


def fit(model: NotebookAutoencoder, epochs: int, *loaders: "DataLoader[Tensor]") -> tuple[float, float]:
    """Train with a Trainer as it is; return the seconds and the last validation loss."""
    trainer = pl.Trainer(
        max_epochs=epochs,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    started = time.perf_counter()
    trainer.fit(model, *loaders)
    return time.perf_counter() - started, float(trainer.callback_metrics["val_loss"])


def losses(path: str, kind: str, epochs: int, seeds: list[int]) -> dict[str, Any]:
    """Return the last validation loss with each seed."""
    with np.load(path) as archive:
        train, test = (Kept(Pictures(archive[part], kind)) for part in ("train", "test"))
    loaders = DataLoader(train, 1024, shuffle=True), DataLoader(test, 1024)
    models = (model_of(kind, seed).to(memory_format=torch.channels_last) for seed in seeds)
    return {"val_losses": [fit(model, epochs, *loaders)[1] for model in models]}


def times(path: str, kind: str, epochs: int, seed: int, encodings: int) -> dict[str, Any]:
    """Return the seconds of a training and of an encoding, and what they came to."""
    with np.load(path) as archive:
        train, test = archive["train"], archive["test"]

    def loader(images: np.ndarray[Any, Any], shuffle: bool) -> "DataLoader[Tensor]":
        pictures = Warped(images, kind) if kind == "combined" else Pictures(images, kind)
        return DataLoader(pictures, batch_size=128 if kind == "combined" else 1024, num_workers=2, shuffle=shuffle)

    model = model_of(kind, seed)
    seconds, loss = fit(model, epochs, loader(train, True), loader(test, False))
    document = {"train_seconds": seconds, "val_loss": loss}
    if encodings:
        each = [encode(model.cpu(), loader(train, False))[0] for _ in range(encodings)]
        document |= {"encode_seconds": median(each), "test_mse": encode(model, loader(test, False))[1]}
    return document


def main() -> None:
    """Train, encode, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.peers.notebook_way")
    parser.add_argument("images")
    parser.add_argument("kind", choices=("conv", "mlp", "combined"))
    parser.add_argument("epochs", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--encodings", type=int, default=0)
    parser.add_argument("--losses-of", type=int, nargs="+", metavar="SEED")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    logging.getLogger("lightning_fabric").setLevel(logging.ERROR)
    if options.losses_of:
        document = losses(options.images, options.kind, options.epochs, options.losses_of)
    else:
        document = times(options.images, options.kind, options.epochs, options.seed, options.encodings)
    print(json.dumps(document))


if __name__ == "__main__":
    main()
