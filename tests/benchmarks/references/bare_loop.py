"""Train the same model in a bare torch loop over images in memory: a lower bound of the time.

    python -m tests.benchmarks.references.bare_loop IMAGES.npz RECIPE EPOCHS PRECISION [SEED]

There is no framework and no checkpoint. Prints one JSON document.
"""

import json
import sys
import time

import numpy as np
import torch

from aecli.models.architectures import resolve_arguments
from aecli.models.autoencoder import Autoencoder
from aecli.models.corruption import corrupt
from aecli.models.losses import distance, penalty
from aecli.recipes.loading import load_recipe
from aecli.runtime import allocator

MEAN, STD = 0.1307, 0.3081


def main(path: str, name: str, epochs: int, precision: str, seed: int = 0) -> None:
    """Train with the recipe's SGD or AdamW at a constant rate, validate after each epoch, print the last loss."""
    allocator.owned = True
    allocator.keep_freed_memory()
    torch.manual_seed(seed)
    with np.load(path) as archive:
        train, test = (torch.from_numpy(archive[split][:, None]) for split in ("train", "test"))
    recipe = load_recipe(name)
    arguments = resolve_arguments(recipe.model.architecture, recipe.model.arguments)
    model = Autoencoder(recipe.model.architecture, (1, 28, 28), arguments, [MEAN], [STD])
    rate, momentum = recipe.optimizer.lr, recipe.optimizer.momentum
    optimizer: torch.optim.Optimizer = torch.optim.SGD(model.parameters(), rate, momentum=momentum, fused=True)
    if recipe.optimizer.name == "adamw":
        optimizer = torch.optim.AdamW(model.parameters(), rate, (momentum, 0.999), fused=True)
    stream, size = torch.Generator(), recipe.training.batch_size

    def loss_of(images: torch.Tensor) -> torch.Tensor:
        clean = model.normalize(images)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16-mixed"):
            code, restored = model(corrupt(clean, recipe.corruption, model.black, stream))
            return distance(restored, clean, recipe.objective) + penalty(code, recipe.penalty)

    losses = []
    started = time.perf_counter()
    for _ in range(epochs):
        for rows in torch.randperm(len(train)).split(size):  # type: ignore[no-untyped-call]
            loss = loss_of(train[rows])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        with torch.no_grad():
            sums = [float(loss_of(images)) * len(images) for images in test.split(size)]  # type: ignore[no-untyped-call]
        losses.append(sum(sums) / len(test))
    print(json.dumps({"train_seconds": time.perf_counter() - started, "val_loss": losses[-1]}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], *map(int, sys.argv[5:]))
