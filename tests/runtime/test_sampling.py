"""Evenly spread indices."""

import pytest

from aecli.runtime.sampling import evenly_spread


@pytest.mark.parametrize(
    ("total", "count", "indices"),
    [(0, 3, []), (1, 3, [0]), (3, 5, [0, 1, 2]), (9, 1, [0]), (10, 4, [0, 3, 6, 9]), (8, 3, [0, 4, 7])],
)
def test_indices_reach_from_the_first_to_the_last(total: int, count: int, indices: list[int]) -> None:
    assert evenly_spread(total, count).tolist() == indices


@pytest.mark.parametrize("total", [2, 17, 1000])
def test_no_index_repeats(total: int) -> None:
    for count in range(1, total + 1):
        assert len(set(evenly_spread(total, count).tolist())) == count
