"""Copies of real digits are found among others, and nothing else is; the threshold follows the distribution."""

from dataclasses import replace

import numpy as np
import pytest

from aecli.analyses.duplicates.find import find_duplicates
from aecli.analyses.duplicates.options import DuplicateOptions
from aecli.analyses.duplicates.threshold import choose_threshold, gap_above_most
from aecli.codes import Codes
from aecli.errors import InputError, UsageError
from tests.analyses.digit_codes import digit_codes

COPIES = 12


@pytest.fixture(scope="module")
def codes() -> Codes:
    return digit_codes()


def joined(codes: Codes, copies: Codes) -> Codes:
    assert codes.residual_l2 is not None
    assert copies.residual_l2 is not None
    return replace(
        codes,
        codes=np.concatenate([codes.codes, copies.codes]),
        names=np.concatenate([codes.names, np.char.add(copies.names, "-copy")]),
        residual_l2=np.concatenate([codes.residual_l2, copies.residual_l2]),
        labels=None,
    )


def first(codes: Codes, count: int, noise: float = 0.0) -> Codes:
    """Return the first codes with noise, as a model makes of slightly changed images."""
    assert codes.residual_l2 is not None
    changes = np.random.default_rng(0).normal(0, noise, codes.codes[:count].shape)
    return replace(
        codes,
        codes=(codes.codes[:count] + changes).astype(np.float32),
        names=codes.names[:count],
        residual_l2=codes.residual_l2[:count] + np.float32(noise),
        labels=None,
    )


def pairs(count: int, size: int) -> list[list[int]]:
    return [[index, size + index] for index in range(count)]


def indices(codes: Codes, threshold: float | None = None) -> list[list[int]]:
    result = find_duplicates(codes, options=DuplicateOptions(threshold=threshold))
    return sorted([member.index for member in group.members] for group in result.groups)


def test_there_are_no_duplicates_among_different_images(codes: Codes) -> None:
    assert indices(codes) == []


def test_exact_copies_come_first(codes: Codes) -> None:
    assert codes.residual_l2 is not None
    mixed = joined(joined(codes, first(codes, 3, 0.01)), first(replace(codes, codes=codes.codes[::-1]), 0))
    twice = joined(mixed, replace(first(codes, 1), codes=codes.codes[100:101], residual_l2=codes.residual_l2[100:101]))
    result = find_duplicates(twice)
    assert [group.kind for group in result.groups] == ["exact", "near", "near", "near"]
    assert [member.index for member in result.groups[0].members] == [100, len(twice) - 1]
    assert result.groups[0].distance == 0
    assert (result.members("exact"), result.members("near")) == (2, 6)


def test_two_exact_pairs_that_are_near_to_each_other_are_one_near_group(codes: Codes) -> None:
    changed = joined(codes, first(codes, 1, 0.01))
    assert changed.residual_l2 is not None
    both = replace(
        changed,
        codes=changed.codes[[0, -1]],
        names=changed.names[[0, -1]],
        residual_l2=changed.residual_l2[[0, -1]],
    )
    twice = joined(changed, both)
    (near,) = find_duplicates(changed).groups
    (group,) = find_duplicates(twice).groups
    assert (near.kind, group.kind) == ("near", "near")
    assert [member.index for member in group.members] == [0, *range(len(codes), len(codes) + 3)]
    assert [member.distance for member in group.members] == [0] * 4
    assert 0 < group.distance == pytest.approx(near.distance, rel=0.1)


def test_all_near_copies_and_nothing_else_are_found(codes: Codes) -> None:
    with_copies = joined(codes, first(codes, COPIES, 0.01))
    assert indices(with_copies) == pairs(COPIES, len(codes))
    assert find_duplicates(with_copies).threshold.rule == "gap"


@pytest.mark.parametrize("copied", [210, 280, 359])
def test_copies_of_most_images_are_found(codes: Codes, copied: int) -> None:
    with_copies = joined(codes, first(codes, copied, 0.01))
    assert indices(with_copies) == pairs(copied, len(codes))
    assert find_duplicates(with_copies).threshold.rule == "gap"


def test_a_changed_copy_of_each_image_in_another_set_is_found(codes: Codes) -> None:
    result = find_duplicates(codes, first(codes, len(codes), 0.01))
    assert len(result.groups) == len(codes)
    assert all(group.members[0].index == group.members[1].index for group in result.groups)


def test_several_copies_of_each_image_are_found(codes: Codes) -> None:
    result = find_duplicates(joined(joined(codes, first(codes, 359, 0.01)), joined(first(codes, 359, 0.005), codes)))
    assert result.threshold.rule == "gap"
    assert len(result.groups) == len(codes)
    assert all(len({member.index % len(codes) for member in group.members}) == 1 for group in result.groups)
    assert {len(group.members) for group in result.groups} == {4}


@pytest.mark.parametrize("dimensions", [1, 2, 4, 16])
@pytest.mark.parametrize("count", [40, 300])
def test_codes_without_copies_have_no_gap_above_most(dimensions: int, count: int) -> None:
    random = np.random.default_rng(dimensions)
    for points in (random.random((count, dimensions)), random.standard_t(2, (count, dimensions))):
        distances = np.sort(np.linalg.norm(points[:, None] - points, axis=2), axis=1)[:, 1:11]
        assert gap_above_most(distances / distances[:, -1:]) is None


def test_codes_on_a_grid_have_no_gap_above_most() -> None:
    points = np.unique(np.random.default_rng(0).integers(0, 2, (300, 12)), axis=0).astype(np.float64)
    distances = np.sort(np.linalg.norm(points[:, None] - points, axis=2), axis=1)[:, 1:11]
    assert gap_above_most(distances / distances[:, -1:]) is None
    assert gap_above_most(np.ones((100, 10))) is None
    assert gap_above_most(np.ones((3, 2))) is None


def test_a_group_holds_all_copies_of_an_image_even_if_they_are_many(codes: Codes) -> None:
    random = np.random.default_rng(0)
    crowd = replace(
        first(codes, 25),
        codes=(codes.codes[:1] + random.normal(0, 0.01, (25, *codes.codes.shape[1:]))).astype(np.float32),
    )
    (group,) = indices(joined(codes, crowd))
    assert group == [0, *range(len(codes), len(codes) + 25)]


def test_the_threshold_decides(codes: Codes) -> None:
    with_copies = joined(joined(codes, first(codes, COPIES, 0.01)), first(codes, 1))
    assert indices(with_copies, 0) == [[0, len(with_copies) - 1]]
    assert len(indices(with_copies, 0.3)) == COPIES
    assert sum(map(len, indices(with_copies, 0.9))) > len(codes) / 2


def test_two_sets_share_only_what_is_in_both(codes: Codes) -> None:
    test = first(codes, 5, 0.01)
    result = find_duplicates(joined(codes, first(codes, COPIES, 0.01)), test)
    assert len(result.groups) == 5
    assert all({member.set_index for member in group.members} == {0, 1} for group in result.groups)
    assert [[member.set_index for member in group.surplus] for group in result.groups] == [[1]] * 5
    assert sorted(member.index for group in result.groups for member in group.surplus) == list(range(5))


def test_one_image_of_each_group_remains(codes: Codes) -> None:
    result = find_duplicates(joined(joined(codes, first(codes, 2)), first(codes, 2)))
    assert [len(group.surplus) for group in result.groups] == [2, 2]
    assert all(group.members[0] not in group.surplus for group in result.groups)


def test_the_cosine_distance_ignores_the_length_of_codes(codes: Codes) -> None:
    dimmed = first(codes, COPIES)
    assert dimmed.residual_l2 is not None
    dimmed = replace(dimmed, codes=dimmed.codes * np.float32(0.6), residual_l2=dimmed.residual_l2 * np.float32(0.6))
    with_copies = joined(codes, dimmed)
    found = find_duplicates(with_copies, options=DuplicateOptions(metric="cosine"))
    assert sorted([member.index for member in group.members] for group in found.groups) == pairs(COPIES, len(codes))
    assert indices(with_copies, 0.01) == []


def test_a_model_that_maps_all_images_to_one_code_is_an_error(codes: Codes) -> None:
    with pytest.raises(InputError, match="collapsed"):
        find_duplicates(replace(codes, codes=np.zeros_like(codes.codes)))


def test_equal_codes_of_different_images_are_no_copies(codes: Codes) -> None:
    dead = codes.codes.copy()
    dead[:40] = 0
    result = find_duplicates(replace(codes, codes=dead))
    assert result.groups == ()
    assert result.indistinct == 40
    assert result.warning is not None
    assert "40 codes" in result.warning


def test_equal_codes_are_copies_if_residuals_are_unknown(codes: Codes) -> None:
    with_copies = replace(joined(codes, first(codes, 2)), residual_l2=None)
    result = find_duplicates(with_copies)
    assert [group.kind for group in result.groups] == ["exact", "exact"]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_few_codes_have_only_exact_copies(count: int, codes: Codes) -> None:
    few = first(codes, count)
    assert indices(few) == []
    assert indices(joined(few, few)) == pairs(count, count)


def test_equal_images_are_copies_and_no_collapse(codes: Codes) -> None:
    result = find_duplicates(joined(first(codes, 1), first(codes, 1)))
    assert len(result.groups) == 1


def test_the_gap_is_that_between_copies_and_an_exponential_tail() -> None:
    random = np.random.default_rng(0)
    ordinary = 0.8 * random.random(2000) ** (1 / 3)
    assert choose_threshold(ordinary).rule == "tail"
    assert (ordinary < choose_threshold(ordinary).value).sum() <= 3
    copies = random.uniform(0.001, 0.004, 30)
    chosen = choose_threshold(np.concatenate([ordinary, copies]))
    assert chosen.rule == "gap"
    assert 0.004 < chosen.value < ordinary.min()
    assert choose_threshold(ordinary[:10]).rule == "none"
    assert choose_threshold(np.ones(100)).rule == "none"


def test_invalid_thresholds_and_other_models_are_refused(codes: Codes) -> None:
    for threshold in (-1, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="--threshold"):
            DuplicateOptions(threshold=threshold)
    with pytest.raises(InputError, match="different models"):
        find_duplicates(codes, replace(codes, meta=replace(codes.meta, model_fingerprint="sha256:0")))
