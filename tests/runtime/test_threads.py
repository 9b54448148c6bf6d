"""Work runs in as many threads as the process may use CPUs."""

import pytest

from aecli.runtime.threads import map_ordered, parallel_for


def test_results_keep_the_order_of_the_items() -> None:
    assert list(map_ordered(str, range(500))) == [str(number) for number in range(500)]


def test_the_first_exception_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        list(map_ordered(lambda number: 1 // (number - 3), range(10)))


def test_progress_counts_the_completed_calls() -> None:
    called: list[int] = []
    done: list[int] = []
    parallel_for(called.append, range(5), done.append)
    assert sorted(called) == list(range(5))
    assert done == [1, 2, 3, 4, 5]
