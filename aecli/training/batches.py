"""Batches of indices into one tensor of all images, without work per image in Python."""

import math
import warnings
from collections.abc import Iterator

import torch
from torch import Tensor

from aecli.runtime.processes import SINGLE_PROCESS, Process
from aecli.training.seeds import Stream, generator
from aecli.training.subsets import Subset

FREE_MEMORY_SHARE = 0.4
"""Fraction of a device's free memory that one set of images may take. Two such sets leave some for a step; a larger set
stays in the host's memory."""
COPY_CHUNK = 4096
"""Images copied to a device at once, so that the host holds no second copy of all images."""

Batch = Tensor | tuple[Tensor, Tensor]
"""uint8 images (B, C, H, W), alone or with their labels, (B,) int64."""


class Batches:
    """Batches of image indices, in the images' order or shuffled anew each epoch, and the images at these indices.

    The order depends on the seed and `epoch` only. The images are not copied, except to another device. Iteration
    yields lists of `batches_per_call` index tensors. If several processes train, each gets its share of every batch;
    with a seed the shares have equal sizes, and images from the start of the batch fill them up.

    The last batch of an epoch has the remaining images. If the share of a process would have fewer than `min_share`
    of them, they join the batch before instead.

    Args:
        subset: The images.
        batch_size: Images in a batch of all processes together.
        seed: Seed of the order; None keeps the images' own order.
        labeled: Whether a batch includes labels.
        process: The process whose share is yielded.
        min_share: The smallest number of images with which a process can perform a step. Shares are smaller only if
            the batch size or the number of images is too small; see `smallest_share`.
    """

    def __init__(
        self,
        subset: Subset,
        batch_size: int,
        seed: int | None = None,
        *,
        labeled: bool = False,
        process: Process = SINGLE_PROCESS,
        min_share: int = 1,
    ):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*not writable.*")  # memory maps are only read
            self._images = torch.from_numpy(subset.images.images)
        self._indices = torch.from_numpy(subset.indices)
        self._labels = torch.from_numpy(subset.labels) if labeled else None
        self._device = torch.device("cpu")
        self._sizes = _batch_sizes(len(subset), batch_size, (min_share - 1) * process.world_size + 1)
        self._seed = seed
        self._process = process
        self.batches_per_call = 1
        self.epoch = 0

    def __len__(self) -> int:
        return math.ceil(self.batch_count / self.batches_per_call)

    @property
    def batch_count(self) -> int:
        """The number of batches in an epoch."""
        return len(self._sizes)

    @property
    def smallest_share(self) -> int:
        """The number of images in the smallest share of an epoch, if shares have equal sizes."""
        return math.ceil(min(self._sizes) / self._process.world_size)

    @property
    def image_count(self) -> int:
        """The number of images in an epoch, over all processes."""
        return len(self._indices)

    def images_in(self, calls: int) -> int:
        """Return the number of images in the first `calls` lists of an epoch."""
        return sum(self._sizes[: calls * self.batches_per_call])

    def move_to(self, device: torch.device) -> None:
        """Move all images to the device that trains, if they fit there; otherwise, `take` moves each batch."""
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
        for start in range(0, len(images), COPY_CHUNK):
            images[start : start + COPY_CHUNK] = self._images[self._indices[start : start + COPY_CHUNK]].to(device)
        self._images = images
        self._indices = torch.arange(len(self._indices), device=device)

    @property
    def on_device(self) -> bool:
        """Whether the images are on the device that trains."""
        return self._images.device.type == self._device.type

    def __iter__(self) -> Iterator[list[Tensor]]:
        order = torch.arange(len(self._indices))
        if self._seed is not None:
            order = torch.randperm(len(self._indices), generator=generator(self._seed, Stream.ORDER, self.epoch))
        order = order.to(self._indices.device)
        shares = [self._share(batch) for batch in torch.split(order, self._sizes)]
        for start in range(0, len(shares), self.batches_per_call):
            yield shares[start : start + self.batches_per_call]

    def take(self, indices: Tensor) -> Batch:
        """Return the images, and labels, at these (B,) indices, on the device that trains."""
        indices = indices.to(self._indices.device)  # Lightning has moved them to the model's device
        images = self._images[self._indices[indices]].to(self._device, non_blocking=True)
        return images if self._labels is None else (images, self._labels[indices].to(self._device, non_blocking=True))

    def _share(self, batch: Tensor) -> Tensor:
        rank, world_size = self._process.rank, self._process.world_size
        if world_size == 1:
            return batch
        if self._seed is not None and len(batch) % world_size:
            missing = torch.arange(-len(batch) % world_size, device=batch.device) % len(batch)
            batch = torch.cat([batch, batch[missing]])
        return batch[rank::world_size]


def _batch_sizes(count: int, batch_size: int, smallest: int) -> list[int]:
    """Return the number of images in each batch of an epoch of `count` images.

    A last batch of fewer than `smallest` images is joined to the one before, unless all batches are that small.
    """
    sizes = [min(batch_size, count - start) for start in range(0, count, batch_size)]
    if len(sizes) > 1 and sizes[-1] < smallest <= batch_size:
        last = sizes.pop()
        sizes[-1] += last
    return sizes
