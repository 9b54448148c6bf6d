"""The memory of the training images: 2 bytes each, and no false alarms."""

import numpy as np
import pytest
from numpy.typing import NDArray

from aecli.checkpoint.trained_images import TrainedImages, recall


def noise(count: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, 1, 4, 4), np.uint8)


def memory_of(images: NDArray[np.uint8], earlier: TrainedImages | None = None) -> TrainedImages:
    return TrainedImages.of(images, np.arange(len(images)), earlier)


@pytest.mark.parametrize("count", [1, 2, 3, 17, 1000, 20_000])
def test_a_memory_takes_two_bytes_an_image_and_is_unpacked(count: int) -> None:
    memory = memory_of(noise(count))
    packed = memory.pack()
    assert len(packed) <= 2 * count + 1
    unpacked = TrainedImages.unpack(np.frombuffer(packed, np.uint8), memory.counts)
    for own, other in zip(memory.sets, unpacked.sets, strict=True):
        np.testing.assert_array_equal(own, other)


def test_trained_images_are_counted_wherever_they_are() -> None:
    images = noise(1000)
    memory = TrainedImages.of(images, np.arange(0, 1000, 2))
    assert memory.count(images) == pytest.approx(500, abs=1)
    assert memory.count(images[1::2]) == 0
    assert memory.count(images[::2][::-1][:14]) == 14
    assert memory.count(np.concatenate([images[:1], noise(19, seed=1)])) == 1, "one of 20"


def test_other_images_are_no_false_alarm() -> None:
    memory = memory_of(noise(5000))
    assert sum(memory.count(noise(100, seed)) > 0 for seed in range(1, 200)) <= 4
    assert memory.count(noise(50_000, seed=1)) == 0


def test_a_continued_training_remembers_both_sets() -> None:
    first, second = noise(100), noise(50, seed=1)
    memory = memory_of(second, memory_of(first))
    assert memory.counts == [100, 50]
    assert memory.count(first) == 100
    assert memory.count(second) == 50
    assert memory_of(first, memory).counts == [100, 50], "the same images are not stored again"
    assert len(memory.pack()) <= 2 * 150 + 2


def test_equal_trainings_give_equal_bytes() -> None:
    images = noise(300)
    assert memory_of(images).pack() == memory_of(images[::-1].copy()).pack()


@pytest.mark.parametrize(
    ("data", "counts"),
    [(b"", [3]), (b"\0" * 100, [3]), (b"\xff" * 9, [3]), (b"\0", [0]), (b"\xff" * 9, [-1]), (b"\xff" * 9, [])],
)
def test_a_damaged_memory_is_an_error(data: bytes, counts: list[int]) -> None:
    with pytest.raises(ValueError, match="memory of the training images"):
        TrainedImages.unpack(np.frombuffer(data, np.uint8), counts)


def test_a_memory_is_absent_in_old_files_only() -> None:
    assert recall(None, []) is None
    for tensor, counts in ((None, [3]), (np.zeros(3, np.float32), [1]), (np.zeros((3, 1), np.uint8), [1])):
        with pytest.raises(ValueError, match="missing"):
            recall(tensor, counts)
