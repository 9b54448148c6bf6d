"""Train an autoencoder as in a notebook: torchvision transforms, a DataLoader, Lightning's Trainer.

The worker processes of the DataLoader turn each image into a PIL image, then into a tensor, and normalize it, one at a
time. The Trainer has its defaults. Architectures and hyperparameters are those of the recipes `conv`, `mlp` and
`combined`.

    python -m tests.benchmarks.references.notebook IMAGES.npz conv|mlp|combined EPOCHS [--seed N] [--encodings N]
    python -m tests.benchmarks.references.notebook IMAGES.npz conv|mlp EPOCHS --losses-of SEED...

IMAGES.npz holds `train` and `test`, (N, 28, 28) uint8. `combined` warps each image with torchvision, bends it
and adds noise. Prints one JSON document. `--encodings` is how many times all training images are encoded afterwards.

`--losses-of` trains once with each seed and reports the last validation losses without times. To save time, it
computes each tensor once and uses the memory format channels_last; layers, tensors and order are the same.
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


class Images(Dataset[Tensor]):
    """One transformed image per item, like torchvision's MNIST."""

    def __init__(self, images: np.ndarray[Any, Any], kind: str):
        self.images = images
        steps: list[Any] = [transforms.ToTensor(), transforms.Normalize((MEAN,), (STD,))]
        self.transform = transforms.Compose([*steps, torch.flatten] if kind == "mlp" else steps)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        image: Tensor = self.transform(Image.fromarray(self.images[index]))
        return image


class CachedImages(Dataset[Tensor]):
    """The same tensors, computed once."""

    def __init__(self, images: Images):
        self.tensors = [images[index] for index in range(len(images))]

    def __len__(self) -> int:
        return len(self.tensors)

    def __getitem__(self, index: int) -> Tensor:
        return self.tensors[index]


class WarpedImages(Images):
    """Pairs of a warped image and the original."""

    def __getitem__(self, index: int) -> Any:
        image = Image.fromarray(self.images[index])
        warp = transforms.RandomAffine(30, (0.15, 0.15), (0.7, 1.3), 30, transforms.InterpolationMode.BILINEAR)
        return bend(self.transform(warp(image))), self.transform(image)


def bend(image: Tensor) -> Tensor:
    """Return an image (1, H, W) with smooth random displacements."""
    identity = F.affine_grid(torch.eye(2, 3)[None], [1, *image.shape], align_corners=False)
    moves = F.interpolate(0.1 * torch.randn(1, 2, 4, 4), image.shape[1:], mode="bicubic", align_corners=True)
    grid = identity + moves.permute(0, 2, 3, 1)
    return F.grid_sample(image[None], grid, padding_mode="border", align_corners=False)[0]


class NotebookAutoencoder(pl.LightningModule):
    """The model of the recipe `conv`, `mlp` or `combined`, in plain torch layers."""

    def __init__(self, kind: str):
        super().__init__()
        self.kind = kind
        if kind == "combined":
            self.encoder = nn.Sequential(
                nn.ReplicationPad2d((0, 4, 0, 4)),
                *(nn.Conv2d(1, 16, 3, stride=2, padding=1), nn.ReLU()),
                *(nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU()),
                *(nn.Conv2d(32, 64, 3, stride=2, padding=1), nn.ReLU()),
                *(nn.Conv2d(64, 128, 3, stride=2, padding=1), nn.ReLU()),
                *(nn.Flatten(), nn.Linear(128 * 4, 32)),
            )
            self.decoder = nn.Sequential(
                *(nn.Linear(32, 512), nn.ReLU()), nn.Linear(512, 784), nn.Unflatten(1, (1, 28, 28))
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
        """Return the mean squared error; for `combined` with its noise."""
        if self.kind != "combined":
            return F.mse_loss(self.decoder(self.encoder(batch)), batch)
        warped, images = batch
        code: Tensor = self.encoder(warped + 0.3 * torch.randn_like(warped))
        return F.mse_loss(self.decoder(code), images)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        loss = self.loss(batch)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_loss", self.loss(batch))

    def configure_optimizers(self) -> Any:
        if self.kind != "combined":
            return torch.optim.SGD(self.parameters(), lr=0.01, momentum=0.99)
        optimizer = torch.optim.AdamW(self.parameters(), lr=0.004, weight_decay=0.01)
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.004, steps, cycle_momentum=False)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


@torch.no_grad()
def encode(model: NotebookAutoencoder, loader: "DataLoader[Tensor]") -> tuple[float, float]:
    """Compute codes and residuals of all images; return the time in seconds and the mean squared error."""
    model.eval()
    started = time.perf_counter()
    squared, count = 0.0, 0
    for images in loader:
        restored = model.decoder(model.encoder(images))
        (images - restored).flatten(1).norm(dim=1).numpy()
        squared += float(F.mse_loss(restored, images)) * len(images)
        count += len(images)
    return time.perf_counter() - started, squared / count


def seeded_model(kind: str, seed: int) -> NotebookAutoencoder:
    """Seed all random generators and return a new model."""
    pl.seed_everything(seed)
    return NotebookAutoencoder(kind)


def fit(
    model: NotebookAutoencoder, epochs: int, train: "DataLoader[Tensor]", validation: "DataLoader[Tensor]"
) -> tuple[float, float]:
    """Train with the Trainer's defaults; return the time in seconds and the last validation loss."""
    trainer = pl.Trainer(
        max_epochs=epochs,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    started = time.perf_counter()
    trainer.fit(model, train, validation)
    return time.perf_counter() - started, float(trainer.callback_metrics["val_loss"])


def losses(path: str, kind: str, epochs: int, seeds: list[int]) -> dict[str, Any]:
    """Return the last validation loss with each seed."""
    with np.load(path) as archive:
        train, test = (CachedImages(Images(archive[split], kind)) for split in ("train", "test"))
    loaders = DataLoader(train, 1024, shuffle=True), DataLoader(test, 1024)
    models = (seeded_model(kind, seed).to(memory_format=torch.channels_last) for seed in seeds)
    return {"val_losses": [fit(model, epochs, *loaders)[1] for model in models]}


def times(path: str, kind: str, epochs: int, seed: int, encodings: int) -> dict[str, Any]:
    """Return the times of training and encoding, and the resulting errors."""
    with np.load(path) as archive:
        train, test = archive["train"], archive["test"]

    def loader(images: np.ndarray[Any, Any], shuffle: bool) -> "DataLoader[Tensor]":
        data = WarpedImages(images, kind) if kind == "combined" else Images(images, kind)
        return DataLoader(data, batch_size=128 if kind == "combined" else 1024, num_workers=2, shuffle=shuffle)

    model = seeded_model(kind, seed)
    seconds, loss = fit(model, epochs, loader(train, True), loader(test, False))
    document = {"train_seconds": seconds, "val_loss": loss}
    if encodings:
        each = [encode(model.cpu(), loader(train, False))[0] for _ in range(encodings)]
        document |= {"encode_seconds": median(each), "test_mse": encode(model, loader(test, False))[1]}
    return document


def main() -> None:
    """Train, encode, and print the results."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.references.notebook")
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
