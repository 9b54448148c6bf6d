"""Batches cut from one tensor of all images: no work per image in Python."""

import warnings
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aecli.training.seeds import Stream, generator

FREE_MEMORY_SHARE = 0.8
"""Of a device's free memory that the images may take; larger sets stay in the host's memory."""


class Batches:
    """Batches of uint8 images (B, C, H, W), in order or, with a seed, in another order each epoch.

    The order depends on the seed and `epoch` alone.
    """

    def __init__(self, images: NDArray[np.uint8], batch_size: int, seed: int | None = None):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*not writable.*")  # memory maps are only read
            self._images = torch.from_numpy(images)
        self._device = torch.device("cpu")
        self._batch_size = batch_size
        self._seed = seed
        self.epoch = 0

    def __len__(self) -> int:
        return -(-len(self._images) // self._batch_size)

    @property
    def image_count(self) -> int:
        """The number of images in an epoch."""
        return len(self._images)

    def move_to(self, device: torch.device) -> None:
        """Move the images to the device that trains, if they fit; else move each batch."""
        self._device = device
        if device.type == "cuda":
            free, _ = torch.cuda.mem_get_info(device)
            if self._images.numel() > free * FREE_MEMORY_SHARE:
                return
        self._images = self._images.to(device)

    def __iter__(self) -> Iterator[Tensor]:
        if self._seed is None:
            portions: Iterator[Tensor] = iter(self._images.split(self._batch_size))
        else:
            order = torch.randperm(len(self._images), generator=generator(self._seed, Stream.ORDER, self.epoch))
            order = order.to(self._images.device)
            portions = (self._images[rows] for rows in order.split(self._batch_size))
        for portion in portions:
            yield portion.to(self._device, non_blocking=True)
