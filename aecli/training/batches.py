"""Batches cut from one tensor of all images: no work per image in Python."""

import math
import warnings
from collections.abc import Iterator

import torch
from torch import Tensor

from aecli.runtime.processes import SINGLE_PROCESS, Process
from aecli.training.seeds import Stream, generator
from aecli.training.subsets import Subset

FREE_MEMORY_SHARE = 0.4
"""Of a device's free memory that one set of images may take, to leave some for a step after two of them; larger ones
stay in the host's memory."""
MOVED_AT_ONCE = 4096
"""Images, so that the host holds no copy of all."""

Batch = Tensor | tuple[Tensor, Tensor]
"""uint8 images (B, C, H, W), or these and their labels, (B,) int64."""


class Batches:
    """The rows of batches, in order or, with a seed, in another order each epoch, and what is in these rows.

    The order depends on the seed and `epoch` alone. The images are not copied, unless to another device. Rows come
    as a list of `batches_a_call` batches. Where several processes train, each gets its share of every batch; with a
    seed the shares are equally large, filled up from the batch's beginning.

    Args:
        subset: the images.
        batch_size: of all processes together.
        seed: of the order; None keeps the images' own.
        labeled: whether a batch holds labels, too.
        process: whose share to yield.
    """

    def __init__(
        self,
        subset: Subset,
        batch_size: int,
        seed: int | None = None,
        *,
        labeled: bool = False,
        process: Process = SINGLE_PROCESS,
    ):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*not writable.*")  # memory maps are only read
            self._images = torch.from_numpy(subset.images.images)
        self._indices = torch.from_numpy(subset.indices)
        self._labels = torch.from_numpy(subset.labels) if labeled else None
        self._device = torch.device("cpu")
        self._batch_size = batch_size
        self._seed = seed
        self._process = process
        self.batches_a_call = 1
        self.epoch = 0

    def __len__(self) -> int:
        return math.ceil(self.batch_count / self.batches_a_call)

    @property
    def batch_count(self) -> int:
        """The number of batches in an epoch."""
        return math.ceil(len(self._indices) / self._batch_size)

    @property
    def image_count(self) -> int:
        """The number of images in an epoch, of all processes together."""
        return len(self._indices)

    def images_in(self, calls: int) -> int:
        """Return the number of images in the first lists of batches of an epoch."""
        return min(calls * self.batches_a_call * self._batch_size, len(self._indices))

    def move_to(self, device: torch.device) -> None:
        """Move the images to the device that trains, if they fit; else move each batch."""
        self._device = device
        if device.type == "cpu":
            return
        if device.type == "cuda":
            free, _ = torch.cuda.mem_get_info(device)
            if len(self._indices) * self._images[0].numel() > free * FREE_MEMORY_SHARE:
                return
        if self._labels is not None:
            self._labels = self._labels.to(device)
        images = torch.empty((len(self._indices), *self._images.shape[1:]), dtype=self._images.dtype, device=device)
        for part in range(0, len(images), MOVED_AT_ONCE):
            images[part : part + MOVED_AT_ONCE] = self._images[self._indices[part : part + MOVED_AT_ONCE]].to(device)
        self._images = images
        self._indices = torch.arange(len(self._indices), device=device)

    @property
    def on_device(self) -> bool:
        """Tell whether a batch is there without the host."""
        return self._images.device.type == self._device.type

    def __iter__(self) -> Iterator[list[Tensor]]:
        order = torch.arange(len(self._indices))
        if self._seed is not None:
            order = torch.randperm(len(self._indices), generator=generator(self._seed, Stream.ORDER, self.epoch))
        order = order.to(self._indices.device)
        shares = [self._share(batch) for batch in torch.split(order, self._batch_size)]
        for start in range(0, len(shares), self.batches_a_call):
            yield shares[start : start + self.batches_a_call]

    def take(self, indices: Tensor) -> Batch:
        """Return the images, and labels, at these (B,) indices, on the device that trains."""
        indices = indices.to(self._indices.device)  # Lightning moves them to where the model is
        images = self._images[self._indices[indices]].to(self._device, non_blocking=True)
        return images if self._labels is None else (images, self._labels[indices].to(self._device, non_blocking=True))

    def _share(self, batch: Tensor) -> Tensor:
        number, count = self._process.rank, self._process.world_size
        if count == 1:
            return batch
        if self._seed is not None and len(batch) % count:
            missing = torch.arange(-len(batch) % count, device=batch.device) % len(batch)
            batch = torch.cat([batch, batch[missing]])
        return batch[number::count]
