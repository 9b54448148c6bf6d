"""Which images stand for all, and how many a user may ask for."""

from dataclasses import replace

import numpy as np
import pytest

from aecli.errors import UsageError
from aecli.reports.run.examples import chosen_indices
from aecli.reports.run.options import RunReportOptions


@pytest.mark.parametrize(
    ("count", "sizes"), [(3, (3, 3, 3)), (2, (2, 2, 2)), (9, (3, 3, 3)), (100, (3, 3, 3))], ids=str
)
def test_examples_are_of_one_kind_each(count: int, sizes: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).permutation(10).astype(float)
    chosen = chosen_indices(values, count)
    assert tuple(map(len, chosen.values())) == sizes
    assert len({index for indices in chosen.values() for index in indices.tolist()}) == sum(sizes)
    assert values[chosen["best"]].tolist() == list(range(sizes[0]))
    assert values[chosen["worst"]].tolist() == [9 - number for number in range(sizes[2])]
    assert abs(values[chosen["middle"]].mean() - 4.5) <= 0.5


@pytest.mark.parametrize(("values", "kinds"), [(1, ["best"]), (2, ["best", "worst"]), (3, ["best", "middle", "worst"])])
def test_few_images_are_of_few_kinds(values: int, kinds: list[str]) -> None:
    assert list(chosen_indices(np.arange(float(values)), 6)) == kinds


@pytest.mark.parametrize("values", [{"examples": 0}, {"examples": 101}, {"labels": "x"}, {"seed": -1}], ids=str)
def test_options_out_of_range_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        replace(RunReportOptions(), **values)  # type: ignore[arg-type]
