"""Batches cut from one tensor of all images: no work per image in Python."""

import math
import warnings
from collections.abc import Iterator

import torch
from torch import Tensor

from aecli.training.images import Portion
from aecli.training.seeds import Stream, generator

FREE_MEMORY_SHARE = 0.8
"""Of a device's free memory that the images may take; larger sets stay in the host's memory."""


class Batches:
    """Batches of uint8 images (B, C, H, W), in order or, with a seed, in another order each epoch.

    The order depends on the seed and `epoch` alone. The images are not copied, unless to another device. With
    `labelled`, a batch is the images and their labels, (B,) int64.
    """

    def __init__(self, portion: Portion, batch_size: int, seed: int | None = None, *, labelled: bool = False):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*not writable.*")  # memory maps are only read
            self._images = torch.from_numpy(portion.images.images)
        self._rows = torch.from_numpy(portion.rows)
        self._labels = torch.from_numpy(portion.labels) if labelled else None
        self._device = torch.device("cpu")
        self._batch_size = batch_size
        self._seed = seed
        self.epoch = 0

    def __len__(self) -> int:
        return math.ceil(len(self._rows) / self._batch_size)

    @property
    def image_count(self) -> int:
        """The number of images in an epoch."""
        return len(self._rows)

    def images_in(self, batches: int) -> int:
        """Return the number of images in the first batches of an epoch."""
        return min(batches * self._batch_size, len(self._rows))

    def move_to(self, device: torch.device) -> None:
        """Move the images to the device that trains, if they fit; else move each batch."""
        self._device = device
        if device.type == "cpu":
            return
        if self._labels is not None:
            self._labels = self._labels.to(device)
        if device.type == "cuda":
            free, _ = torch.cuda.mem_get_info(device)
            if len(self._rows) * self._images[0].numel() > free * FREE_MEMORY_SHARE:
                return
        self._images = self._images[self._rows].to(device)
        self._rows = torch.arange(len(self._rows), device=device)

    def __iter__(self) -> Iterator[Tensor | tuple[Tensor, Tensor]]:
        rows, labels = self._rows, self._labels
        if self._seed is not None:
            order = torch.randperm(len(rows), generator=generator(self._seed, Stream.ORDER, self.epoch))
            rows = rows[order.to(rows.device)]
            labels = None if labels is None else labels[order.to(labels.device)]
        for start in range(0, len(rows), self._batch_size):
            batch = slice(start, start + self._batch_size)
            images = self._images[rows[batch]].to(self._device, non_blocking=True)
            yield images if labels is None else (images, labels[batch])
