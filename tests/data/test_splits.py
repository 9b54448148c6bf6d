"""Splits by a fixed seed."""

import unicodedata
from pathlib import Path

import numpy as np
import pytest

from aecli.data import hold_out, load
from aecli.data.splits import hold_out_by_name, in_seeded_test, in_test_by_name
from aecli.errors import InputError
from tests.data.image_sets import Draw


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
    assert np.flatnonzero(in_seeded_test(np.zeros(20, np.int64))).tolist() == [1, 8, 18, 19]


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_images_are_an_error(n: int) -> None:
    with pytest.raises(InputError, match="too few images"):
        hold_out(n)


# Splits that follow the images' names


def split_by_name(names: list[str]) -> dict[str, str]:
    """Return `test`, `validation` or `train` for each name, as training on `:train` divides a folder."""
    array = np.array(names)
    in_test = in_test_by_name(array)
    training = array[~in_test].tolist()
    _, held = hold_out_by_name(training, 0.1, 0, "validation")
    validation = {training[index] for index in held}
    return {
        name: "test" if test else "validation" if name in validation else "train"
        for name, test in zip(names, in_test, strict=True)
    }


@pytest.mark.parametrize("pattern", ["{:04}.png", "cat/{}.jpg", "all/{}"])
def test_a_folder_that_grows_or_shrinks_moves_no_other_image(pattern: str) -> None:
    names = [pattern.format(index) for index in range(1000)]
    before = split_by_name(names)
    assert sum(split == "test" for split in before.values()) == pytest.approx(200, abs=50)
    assert sum(split == "validation" for split in before.values()) == pytest.approx(80, abs=35)
    for added in ("0005b.png", "aaa.png", "zzz.png", pattern.format(1000)):
        after = split_by_name(sorted([*names, added]))
        assert {name: after[name] for name in names} == before
    for removed in (0, 500, 999):
        fewer = names[:removed] + names[removed + 1 :]
        assert split_by_name(fewer) == {name: before[name] for name in fewer}


def test_a_grown_folder_and_array_keep_their_splits(tmp_path: Path, draw: Draw) -> None:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (60, 4, 4), np.uint8)
    for index in range(60):
        draw(tmp_path / "set" / f"{index:03}.png", index)
    np.save(tmp_path / "a.npy", images[:50])
    data = [str(tmp_path / "set"), str(tmp_path / "a.npy")]
    before = [set(load(f"{each}:test").names.tolist()) for each in data]
    draw(tmp_path / "set" / "0005.png", 99)
    np.save(tmp_path / "a.npy", images)
    for each, old in zip(data, before, strict=True):
        new = set(load(f"{each}:test").names.tolist())
        assert old <= new
        assert not {name for name in new - old if name in {f"{index:03}.png" for index in range(60)}}
        assert new | set(load(f"{each}:train").names.tolist()) == set(load(each).names.tolist())


def test_splits_by_name_are_the_same_in_every_version() -> None:
    assert hold_out_by_name([f"{index}.png" for index in range(20)], 0.2, 0, "test")[1].tolist() == [1, 4, 7]


def test_a_name_that_is_stored_decomposed_is_the_same() -> None:
    names = [f"{index}.png" for index in range(50)]
    forms = [unicodedata.normalize(form, "\u00e4.png") for form in ("NFC", "NFD")]
    assert forms[0] != forms[1]
    composed, decomposed = (in_test_by_name(np.array([*names, form])) for form in forms)
    assert composed[-1] == decomposed[-1]


@pytest.mark.parametrize("count", [2, 3, 5])
def test_no_part_is_empty(count: int) -> None:
    for start in range(100):
        rest, held = hold_out_by_name([f"{start}/{index}" for index in range(count)], 0.1, 0, "validation")
        assert len(rest) > 0
        assert len(held) > 0


def test_images_of_equal_names_stay_together() -> None:
    for start in range(50):
        names = [f"{start}/{index // 4}" for index in range(12)]
        rest, held = hold_out_by_name(names, 0.2, 0, "test")
        assert not {names[index] for index in rest} & {names[index] for index in held}
    rest, held = hold_out_by_name(["a"] * 3, 0.2, 0, "test")
    assert (len(rest), len(held)) == (2, 1)


def test_seed_and_purpose_change_the_split() -> None:
    names = [str(index) for index in range(100)]
    splits = [hold_out_by_name(names, 0.2, seed, purpose)[1].tolist() for seed in (0, 1) for purpose in ("a", "b")]
    assert len(set(map(tuple, splits))) == 4
