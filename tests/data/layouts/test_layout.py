"""Layouts of folders: names of splits, levels around them, masks, and what is passed over."""

from pathlib import Path

import numpy as np
import pytest

from aecli.data import DataOptions, load
from aecli.data.formats.known import HEIC
from aecli.data.layouts import layout as layouts
from aecli.data.loading import content_of
from aecli.data.registry import resolve
from aecli.data.source import ImageFiles
from aecli.errors import InputError
from aecli.runtime.progress import silent
from tests.data.image_sets import Draw, labels_of
from tests.data.layout_writing import write_mvtec, write_split_names
from tests.data.layouts.listing import Listing


@pytest.fixture(scope="module")
def mvtec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_mvtec(tmp_path_factory.mktemp("mvtec"))


# Splits


def test_split_folders_of_the_wild(tmp_path: Path) -> None:
    write_split_names(tmp_path)
    for name, split in (("numbered", "test"), ("years", "val"), ("valid", "val")):
        train = load(str(tmp_path / name), training=True)
        assert train.word == f"{tmp_path / name}:train"
        assert (len(train), train.class_names) == (24, ("cat", "dog"))
        assert np.bincount(labels_of(train)).tolist() == [12, 12]
        assert len(load(f"{tmp_path / name}:{split}")) == 24
        assert len(load(f"{tmp_path / name}:all")) == 48


@pytest.mark.parametrize("word", ["valid", "val", "validation", "dev", "val2017", "Valid"])
def test_words_may_use_any_name_of_a_split(word: str, tmp_path: Path, draw: Draw) -> None:
    for name in ("training/1.png", "valid/2.png", "eval/3.png"):
        draw(tmp_path / name)
    assert load(f"{tmp_path}:{word}").word == f"{tmp_path}:val"
    assert load(f"{tmp_path}:training").names.tolist() == ["training/1.png"]
    assert load(f"{tmp_path}:evaluation").names.tolist() == ["eval/3.png"]
    assert load("digits:testing").word == "digits:test"
    with pytest.raises(InputError, match="split"):
        load(f"{tmp_path}:evil")


@pytest.mark.parametrize(
    ("names", "counts", "classes"),
    [
        (["seg_train/seg_train/a/1.jpg", "seg_test/seg_test/b/2.jpg", "seg_pred/3.jpg"], {"train": 1, "test": 1}, "ab"),
        (["photos/train/a/1.jpg", "photos/Val/b/2.jpg"], {"train": 1, "val": 1}, "ab"),
        (["x/y/train/a/1.jpg", "x/y/test/a/2.jpg"], {"train": 1, "test": 1}, "a"),
        (["images/train/a/1.jpg", "images/val/a/2.jpg", "labels/train/a.txt"], {"train": 1, "val": 1}, "a"),
        (["train/images/1.jpg", "valid/images/2.jpg", "train/labels/1.txt"], {"train": 1, "val": 1}, ""),
        (["TrainImages/a/1.jpg", "TestImages/a/2.jpg"], {"train": 1, "test": 1}, "a"),
        (["stage1_train/1.jpg", "stage1_test/2.jpg"], {"train": 1, "test": 1}, ""),
        (["train/a/1.jpg", "train/b/2.jpg"], {"train": 2}, "ab"),
        (["trainset/a/b/1.jpg", "testset/a/2.jpg", "extra/3.jpg"], {"train": 1, "test": 1}, "a"),
    ],
)
def test_splits_and_classes_are_found_in_names(names: list[str], counts: dict[str, int], classes: str) -> None:
    source = Listing(*names)
    assert source.counts() == counts
    assert source.content().class_names == tuple(classes)
    assert source.listed == 1


@pytest.mark.parametrize(
    ("names", "classes"),
    [
        (["train/1.jpg", "bus/2.jpg", "car/3.jpg"], ("bus", "car", "train")),
        (["train/1.jpg", "train_station/2.jpg", "test_tube/3.jpg"], ("test_tube", "train", "train_station")),
        (["photos/cat/1.jpg", "photos/dog/2.jpg"], ("cat", "dog")),
        (["good/1.jpg", "good/2.jpg"], ("good",)),
        (["good/test/1.jpg", "good/test/2.jpg"], ("good",)),
        (["images/1.jpg"], ()),
        (["10/1.jpg", "2/2.jpg", "3.0/3.jpg"], ("10", "2", "3.0")),
    ],
)
def test_folders_that_are_no_splits_are_classes(names: list[str], classes: tuple[str, ...]) -> None:
    source = Listing(*names)
    assert source.splits() == ()
    assert source.content().class_names == classes


@pytest.mark.parametrize(
    "folders",
    [
        ("train2014", "train2017", "val2017"),
        ("trainA", "trainB", "testA", "testB"),
        ("trainval", "test"),
        ("train", "val", "valid"),
        ("cat_train", "dog_train", "cat_test", "dog_test"),
    ],
)
def test_folders_that_cannot_be_sorted_into_splits_are_listed(folders: tuple[str, ...]) -> None:
    source = Listing(*(f"{folder}/1.jpg" for folder in folders))
    with pytest.raises(InputError, match="split") as caught:
        source.splits()
    assert not [folder for folder in folders if folder not in caught.value.message]
    assert f"root/{min(folders)}" in str(caught.value.hint)
    assert len(source.read_unsplit(DataOptions(), silent).names) == len(folders)


def test_several_sets_with_splits_are_listed() -> None:
    names = [f"{item}/{split}/good/1.jpg" for item in ("bottle", "cable") for split in ("train", "test")]
    with pytest.raises(InputError, match=r"bottle/test, bottle/train, cable/test") as caught:
        Listing(*names).splits()
    assert "root/bottle" in str(caught.value.hint)


# Masks, other files


def test_masks_of_mvtec_are_kept_by_name_and_are_no_images(mvtec: Path) -> None:
    train, test = load(str(mvtec), training=True), content_of(f"{mvtec}:test")[0]
    assert (len(train), train.class_names) == (40, ("broken", "good"))
    assert isinstance(test, ImageFiles)
    assert test.masks is not None
    marked = dict(zip(test.names.tolist(), test.masks, strict=True))
    assert [mask.where for mask in marked["test/broken/003.png"]] == [f"{mvtec}/ground_truth/broken/003_mask.png"]
    assert marked["test/good/003.png"] == ()
    assert sum(map(bool, marked.values())) == 10
    everything = resolve(str(mvtec)).source.read_unsplit(DataOptions(), silent)
    assert len(everything.names) == 62


def test_files_are_passed_over_with_a_count_by_suffix() -> None:
    names = ["1.png", "2.JPG", *(f"{index}.PSD" for index in range(4)), "a.txt", "b/c.txt", "b/README", "odd."]
    (note,) = Listing(*names).content().notes
    assert note == "passed over: 4 .psd, 2 .txt, 2 without suffix"
    many = Listing("1.png", *(f"x.{index:03}" for index in range(20)))
    assert many.content().notes[0].endswith("and 12 more")


def test_a_folder_of_unknown_files_is_an_error_that_counts_them() -> None:
    with pytest.raises(InputError, match=r"no image file.*3 \.xyz"):
        Listing("1.xyz", "2.xyz", "3.xyz").content()


def test_a_format_that_another_installation_reads_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layouts, "SUFFIXES", {".png"})
    monkeypatch.setattr(layouts, "MISSING_FORMATS", {".heic": HEIC})
    notes = Listing("1.png", "2.heic", "3.heic").content().notes
    assert notes == ("passed over: 2 .heic", f"to read HEIC: {HEIC.install}")
    with pytest.raises(InputError, match=r"1 \.heic") as caught:
        Listing("1.heic").content()
    assert HEIC.install in str(caught.value.hint)


def test_a_split_without_readable_images_is_an_error_that_counts_them() -> None:
    source = Listing("train/1.png", "test/2.psd", "test/3.psd", "docs/4.psd", "val/labels.txt")
    assert source.splits() == ("train", "test")
    assert source.content("train").names.tolist() == ["train/1.png"]
    with pytest.raises(InputError, match=r"root/test.*3 \.psd"):
        source.content("test")


def test_ignored_folders_are_noted_with_their_number_of_images() -> None:
    notes = Listing("train/1.png", "test/2.png", "extra/3.png", "extra/x/4.png", "5.png").content().notes
    assert notes == ("ignored, not in the folder of a split: 5.png (1), extra (2)",)


def test_the_images_of_a_split_are_noted_alike(mvtec: Path) -> None:
    """So that two splits of a folder do not say the same in two ways."""
    train, test = (content_of(f"{mvtec}:{split}")[0] for split in ("train", "test"))
    assert train.notes == test.notes
    assert train.notes[-1] == "passed over: 2 .txt"
