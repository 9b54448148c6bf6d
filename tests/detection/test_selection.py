"""Which results are shown: by verdict, sorted, or those with the highest scores."""

import random

import pytest

from aecli.detection.selection import Ranking, ResultOptions
from aecli.errors import UsageError


@pytest.mark.parametrize("options", [{"only": "defects"}, {"sort": "path"}, {"top": 0}, {"top": -1}])
def test_unknown_values_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=f"--{next(iter(options))}"):
        ResultOptions(**options).check()  # type: ignore[arg-type]


def test_only_selects_a_verdict() -> None:
    assert ResultOptions().shows("anomaly")
    assert ResultOptions().shows("normal")
    assert ResultOptions(only="anomalies").shows("anomaly")
    assert not ResultOptions(only="anomalies").shows("normal")
    assert not ResultOptions(only="normal").shows("anomaly")


def test_results_are_held_back_until_all_scores_are_known() -> None:
    assert not ResultOptions(only="normal").holds_back
    assert ResultOptions(sort="score").holds_back
    assert ResultOptions(top=3).holds_back


@pytest.mark.parametrize("top", [None, 1, 7, 100, 1000])
def test_a_ranking_is_a_stable_sort(top: int | None) -> None:
    scores = random.Random(0).choices(range(20), k=200)
    ranking = Ranking[int](top)
    for index, score in enumerate(scores):
        ranking.add(score, index)
    highest = sorted(range(200), key=lambda index: -scores[index])[:top]
    assert ranking.items(by_score=True) == highest
    assert ranking.items(by_score=False) == sorted(highest)


def test_a_ranking_says_what_it_would_keep() -> None:
    ranking = Ranking[str](2)
    for score, item in ((3.0, "a"), (1.0, "b"), (2.0, "c"), (2.0, "d")):
        kept = ranking.would_keep(score)
        ranking.add(score, item)
        assert (item in ranking.items(by_score=True)) == kept
    assert ranking.items(by_score=True) == ["a", "c"]
