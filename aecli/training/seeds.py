"""Independent random streams from one seed: any epoch can be repeated without those before it."""

from enum import IntEnum

import numpy as np
import torch


class Stream(IntEnum):
    """The purposes of random numbers."""

    WEIGHTS = 0
    ORDER = 1
    CORRUPTION = 2
    VALIDATION_CORRUPTION = 3


def stream_seed(seed: int, stream: Stream, epoch: int = 0, rank: int = 0) -> int:
    """Return a 63-bit seed for one stream, epoch and process of a run with `seed`."""
    words = [seed, stream, epoch, rank] if rank else [seed, stream, epoch]
    state = np.random.SeedSequence(words).generate_state(1, np.uint64)
    return int(state[0]) >> 1


def generator(seed: int, stream: Stream, epoch: int = 0, device: str | torch.device = "cpu") -> torch.Generator:
    """Return a generator for one stream and epoch of a run with `seed`."""
    return torch.Generator(device).manual_seed(stream_seed(seed, stream, epoch))
