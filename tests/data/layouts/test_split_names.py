"""Names of folders that hold a split."""

import pytest

from aecli.data.layouts import split_names
from aecli.data.layouts.split_names import split_folders, split_of


@pytest.mark.parametrize(
    ("split", "names"),
    [
        (
            "train",
            "train Training TRAIN train2017 seg_train TrainImages trainset train-data train.v2 imgtrain train_set",
        ),
        ("val", "val valid VALIDATION dev images_val val2017 ValidationSet devset Valid_Images val_small"),
        ("test", "test testing eval Evaluation test1 test-data TestImages testset 02_test testA"),
    ],
)
def test_words_digits_and_capitals_may_be_added(split: str, names: str) -> None:
    for name in names.split():
        assert split_of(name) == split, name


@pytest.mark.parametrize(
    "name", ["bus", "strain", "contest", "valley", "latest", "devil", "evaluate", "trains", "test_tube", "train_masks"]
)
def test_other_names_are_no_splits(name: str) -> None:
    assert split_of(name) is None
    assert not split_folders([name])


@pytest.mark.parametrize("name", ["trainval", "train_val", "TrainTest", "test-dev2017", "train+valid"])
def test_a_name_may_stand_for_several_splits(name: str) -> None:
    assert split_of(name) is None
    assert len(split_folders([name])[name]) == 2


def test_the_same_addition_to_several_splits_is_accepted() -> None:
    found = split_folders(["flowers_train", "flowers_test", "stage1_val", "other"])
    assert {name: sorted(splits) for name, splits in found.items()} == {
        "flowers_train": ["train"],
        "flowers_test": ["test"],
    }
    assert not split_folders(["train_station", "test_tube"])


class CountedWords(frozenset[str]):
    """Words that count how often they are compared with others."""

    comparisons = 0

    def __eq__(self, other: object) -> bool:
        CountedWords.comparisons += 1
        return super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        CountedWords.comparisons += 1
        return super().__ne__(other)

    def __hash__(self) -> int:
        return super().__hash__()


def test_each_name_is_not_compared_with_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    parse = split_names._parse
    monkeypatch.setattr(split_names, "_parse", lambda name: tuple(map(CountedWords, parse(name))))
    names = [f"flowers_{split}_{number}" for split in ("train", "test") for number in range(100)]
    assert len(split_folders(names)) == 200
    assert 0 < CountedWords.comparisons < 2000
