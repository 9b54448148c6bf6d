"""Stratified samples."""

import numpy as np
import pytest

from aecli.analyses.sampling import draw_sample


def test_a_sample_is_stratified() -> None:
    labels = np.repeat([0, 1, 2, -1], [500, 300, 4, 196])
    indices = draw_sample(labels, 1000, 100)
    assert len(indices) == len(set(indices.tolist())) == 100
    assert (np.diff(indices) > 0).all()
    counts = dict(zip(*np.unique(labels[indices], return_counts=True), strict=True))
    assert counts == {0: pytest.approx(50, abs=2), 1: pytest.approx(30, abs=2), 2: 1, -1: pytest.approx(20, abs=2)}
    assert (draw_sample(labels, 1000, 100, seed=1) != indices).any()
    assert (draw_sample(labels, 1000, 100) == indices).all()


def test_classes_of_equal_size_have_equal_shares() -> None:
    labels = np.repeat(np.arange(26), 800)
    counts = np.bincount(labels[draw_sample(labels, len(labels), 1000)])
    assert counts.tolist() == [39] * 12 + [38] * 14


def test_a_small_class_leaves_its_share_to_others() -> None:
    labels = np.repeat([0, 1, 2], [1, 1, 8])
    counts = np.bincount(labels[draw_sample(labels, 10, 9)])
    assert counts.tolist() == [1, 1, 7]


@pytest.mark.parametrize("sample", [None, 1000, 5000])
def test_a_sample_of_at_least_all_codes_has_all_of_them(sample: int | None) -> None:
    assert (draw_sample(None, 1000, sample) == np.arange(1000)).all()


def test_a_sample_of_fewer_codes_than_classes() -> None:
    assert len(draw_sample(np.arange(300), 300, 50)) == 50
