"""Independent random streams from one seed, so that any epoch can be made again without those before it."""

from enum import IntEnum

import numpy as np
import torch


class Stream(IntEnum):
    """What randomness is for."""

    WEIGHTS = 0
    ORDER = 1
    CORRUPTION = 2
    VALIDATION_CORRUPTION = 3


def stream_seed(seed: int, stream: Stream, epoch: int = 0, process: int = 0) -> int:
    """Return a seed of 63 bits for one stream in one epoch of a run with `seed`, in one of its processes."""
    words = [seed, stream, epoch, process] if process else [seed, stream, epoch]
    state = np.random.SeedSequence(words).generate_state(1, np.uint64)
    return int(state[0]) >> 1


def generator(seed: int, stream: Stream, epoch: int = 0, device: str | torch.device = "cpu") -> torch.Generator:
    """Return a generator for one stream in one epoch of a run with `seed`."""
    return torch.Generator(device).manual_seed(stream_seed(seed, stream, epoch))
