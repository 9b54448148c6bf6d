"""Splits by a fixed seed."""

import numpy as np
import pytest

from aecli.data import hold_out
from aecli.data.splits import in_seeded_test
from aecli.errors import InputError


@pytest.mark.parametrize("n", [2, 3, 10, 999])
def test_rest_and_held_out_are_a_partition(n: int) -> None:
    rest, held = hold_out(n)
    assert len(held) == max(1, round(n / 10))
    assert (np.diff(rest) > 0).all()
    assert (np.diff(held) > 0).all()
    assert sorted([*rest, *held]) == list(range(n))


def test_classes_keep_their_proportions() -> None:
    labels = np.repeat([0, 1, 2, -1], [100, 50, 30, 20])
    _, held = hold_out(labels, 0.1)
    assert np.unique(labels[held], return_counts=True)[1].tolist() == [2, 10, 5, 3]
    many_small = np.repeat(np.arange(10), 3)
    assert len(hold_out(many_small, 0.1)[1]) == 3
    assert set(hold_out(np.array([0] * 9 + [1]), 0.2)[1]) <= set(range(9))


def test_the_split_depends_on_the_seed_only() -> None:
    assert hold_out(100, seed=1)[1].tolist() == hold_out(100, seed=1)[1].tolist()
    assert hold_out(100, seed=1)[1].tolist() != hold_out(100, seed=2)[1].tolist()
    assert hold_out(20, 0.2, 0)[1].tolist() == [1, 8, 18, 19], "test splits must be the same in every version"
    assert np.flatnonzero(in_seeded_test(20)).tolist() == [1, 8, 18, 19]


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_images_are_an_error(n: int) -> None:
    with pytest.raises(InputError, match="too few images"):
        hold_out(n)
