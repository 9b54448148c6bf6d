"""The images of a batch and their order."""

import functools
import itertools
import operator
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from aecli.data import ImageSet
from aecli.runtime.processes import Process
from aecli.training.batches import Batches
from aecli.training.seeds import Stream, generator, stream_seed
from aecli.training.subsets import Subset

COUNT = 23
INDICES = np.array([1, 3, 4, 5, 9, 10, 11, 17, 19, 22])


def subset(indices: NDArray[Any] = INDICES) -> Subset:
    """Images in which all pixels equal the image's index."""
    images = np.arange(COUNT, dtype=np.uint8)[:, None, None, None].repeat(4, axis=2).repeat(4, axis=3)
    return Subset(ImageSet(images, np.array([str(index) for index in range(COUNT)]), "numbers"), indices)


def numbers(batches: Batches) -> list[list[int]]:
    """The indices of the images in each batch, read from their pixels."""
    return [images_at(batches, indices)[:, 0, 0, 0].tolist() for call in batches for indices in call]


def images_at(batches: Batches, indices: Tensor) -> Tensor:
    images = batches.take(indices)
    assert isinstance(images, Tensor)
    return images


def test_without_a_seed_the_order_is_kept() -> None:
    batches = Batches(subset(), 4)
    assert numbers(batches) == [[1, 3, 4, 5], [9, 10, 11, 17], [19, 22]]
    assert len(batches) == 3
    assert batches.image_count == 10


@pytest.mark.parametrize("size", [1, 4, 10, 100])
def test_an_epoch_has_every_image_once(size: int) -> None:
    batches = Batches(subset(), size, seed=0)
    seen = numbers(batches)
    assert len(seen) == len(batches)
    assert sorted(functools.reduce(operator.iadd, seen, [])) == INDICES.tolist()
    assert all(len(batch) == size for batch in seen[:-1])


def test_the_order_depends_on_the_seed_and_the_epoch() -> None:
    batches, others = Batches(subset(), 4, seed=0), Batches(subset(), 4, seed=1)
    first, again = numbers(batches), numbers(batches)
    assert first == again
    assert numbers(others) != first
    batches.epoch = 1
    assert numbers(batches) != first
    batches.epoch = 0
    assert numbers(batches) == first


def test_batches_are_uint8_images() -> None:
    batches = Batches(subset(), 4, seed=0)
    [indices] = next(iter(batches))
    batch = images_at(batches, indices)
    assert batch.shape == (4, 1, 4, 4)
    assert batch.dtype == torch.uint8


def test_a_call_may_have_several_batches() -> None:
    one, several = Batches(subset(), 3, seed=0), Batches(subset(), 3, seed=0)
    several.batches_per_call = 3
    assert [len(call) for call in several] == [3, 1]
    assert len(several) == 2
    assert several.batch_count == one.batch_count == 4
    assert numbers(several) == numbers(one)
    assert [several.images_in(calls) for calls in (1, 2)] == [9, 10]


@pytest.mark.parametrize(("min_share", "sizes"), [(1, [3, 3, 3, 1]), (2, [3, 3, 4])])
def test_a_last_batch_that_is_too_small_joins_the_one_before(min_share: int, sizes: list[int]) -> None:
    plain, batches = Batches(subset(), 3, seed=0), Batches(subset(), 3, seed=0, min_share=min_share)
    assert [len(batch) for batch in numbers(batches)] == sizes
    assert functools.reduce(operator.iadd, numbers(batches), []) == functools.reduce(operator.iadd, numbers(plain), [])
    assert batches.batch_count == len(batches) == len(sizes)
    assert batches.smallest_share == min(sizes)
    assert [batches.images_in(calls) for calls in (1, 2, len(sizes))] == [3, 6, 10]


class TestShares:
    @pytest.mark.parametrize("count", [2, 3])
    @pytest.mark.parametrize("size", [4, 7])
    def test_the_shares_of_a_batch_cover_it_and_have_equal_sizes(self, count: int, size: int) -> None:
        whole = numbers(Batches(subset(), size, seed=0))
        shares = [numbers(Batches(subset(), size, seed=0, process=Process(i, count))) for i in range(count)]
        for number, batch in enumerate(whole):
            assert len({len(share[number]) for share in shares}) == 1
            assert {image for share in shares for image in share[number]} == set(batch)
            assert sum(len(share[number]) for share in shares) - len(batch) < count

    def test_the_shares_without_a_seed_have_every_image_once(self) -> None:
        shares = [numbers(Batches(subset(), 4, process=Process(number, 3))) for number in range(3)]
        assert [len(share) for share in shares] == [3, 3, 3]
        assert sorted(image for share in shares for batch in share for image in batch) == INDICES.tolist()


def test_streams_are_independent() -> None:
    keys = itertools.product(range(5), Stream, range(5), range(3))
    seeds = {stream_seed(seed, stream, epoch, rank) for seed, stream, epoch, rank in keys}
    assert len(seeds) == 5 * len(Stream) * 5 * 3
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert torch.equal(
        torch.rand(3, generator=generator(1, Stream.ORDER, 2)), torch.rand(3, generator=generator(1, Stream.ORDER, 2))
    )
