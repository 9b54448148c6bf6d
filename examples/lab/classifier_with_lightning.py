"""Train the laboratory's classifier with Lightning: `classifier_with_lightning.py DATA EPOCHS`, JSON lines."""

import json
import sys
from typing import Any

import pytorch_lightning as pl
import torch
from tensors import batches
from torch import nn
from torchmetrics.classification import MulticlassAccuracy


class Classifier(pl.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.model = nn.Sequential(nn.Flatten(), nn.LazyLinear(512), nn.Tanh(), nn.Linear(512, 10))
        self.criterion = nn.CrossEntropyLoss()
        self.accuracy = MulticlassAccuracy(10, average="micro")

    def training_step(self, batch: Any, _: int) -> Any:
        images, labels = batch
        return self.criterion(self.model(images), labels)

    def validation_step(self, batch: Any, _: int) -> None:
        images, labels = batch
        self.accuracy.update(self.model(images), labels)

    def on_validation_epoch_end(self) -> None:
        print(json.dumps({"step": self.global_step, "accuracy": self.accuracy.compute().item()}))
        self.accuracy.reset()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.001)


def main(data: str, epochs: int) -> None:
    pl.seed_everything(0, verbose=False)
    train, test = batches(f"{data}:train", shuffle=True), batches(f"{data}:test", shuffle=False)
    model = Classifier()
    model.model(next(iter(train))[0])  # creates the weights of the lazy layer
    trainer = pl.Trainer(
        max_epochs=epochs,
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
    )
    trainer.fit(model, train, test)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
