"""Which images a step sees, and in which order."""

import functools
import operator

import numpy as np
import pytest
import torch

from aecli.data import ImageSet
from aecli.training.batches import Batches
from aecli.training.images import Portion
from aecli.training.seeds import Stream, generator, stream_seed

COUNT = 23
ROWS = np.array([1, 3, 4, 5, 9, 10, 11, 17, 19, 22])


def portion(rows: np.ndarray = ROWS) -> Portion:
    """Images that are all of one level, their own number."""
    images = np.arange(COUNT, dtype=np.uint8)[:, None, None, None].repeat(4, axis=2).repeat(4, axis=3)
    return Portion(ImageSet(images, np.array([str(index) for index in range(COUNT)]), "numbers"), rows)


def numbers(batches: Batches) -> list[list[int]]:
    return [batch[:, 0, 0, 0].tolist() for batch in batches]


def test_without_a_seed_images_come_in_order() -> None:
    batches = Batches(portion(), 4)
    assert numbers(batches) == [[1, 3, 4, 5], [9, 10, 11, 17], [19, 22]]
    assert len(batches) == 3
    assert batches.image_count == 10


@pytest.mark.parametrize("size", [1, 4, 10, 100])
def test_an_epoch_sees_every_image_once(size: int) -> None:
    batches = Batches(portion(), size, seed=0)
    seen = numbers(batches)
    assert len(seen) == len(batches)
    assert sorted(functools.reduce(operator.iadd, seen, [])) == ROWS.tolist()
    assert all(len(batch) == size for batch in seen[:-1])


def test_the_order_is_that_of_the_seed_and_the_epoch() -> None:
    batches, others = Batches(portion(), 4, seed=0), Batches(portion(), 4, seed=1)
    first, again = numbers(batches), numbers(batches)
    assert first == again
    assert numbers(others) != first
    batches.epoch = 1
    assert numbers(batches) != first
    batches.epoch = 0
    assert numbers(batches) == first


def test_batches_are_uint8_images() -> None:
    batch = next(iter(Batches(portion(), 4, seed=0)))
    assert batch.shape == (4, 1, 4, 4)
    assert batch.dtype == torch.uint8


def test_streams_are_independent() -> None:
    seeds = {stream_seed(seed, stream, epoch) for seed in range(5) for stream in Stream for epoch in range(5)}
    assert len(seeds) == 5 * len(Stream) * 5
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert torch.equal(
        torch.rand(3, generator=generator(1, Stream.ORDER, 2)), torch.rand(3, generator=generator(1, Stream.ORDER, 2))
    )
