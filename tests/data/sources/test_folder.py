"""A folder of pictures: layouts, labels, order, damage, sizes."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aecli.data import UNLABELED, DataOptions, load
from aecli.errors import ExitStatus, InputError


def names(images):
    return images.names.tolist()


def test_classes_are_folders_in_a_stable_order(tmp_path: Path, draw) -> None:
    for seed, name in enumerate(["b/2.png", "a/10.PNG", "a/9.png", "b/deep/er/1.png"]):
        draw(tmp_path / name, seed)
    for hidden in (".git/x.png", "a/.y.png", "__MACOSX/a/10.png"):
        draw(tmp_path / hidden)
    (tmp_path / "a" / "notes.txt").write_text("no picture")
    images = load(str(tmp_path))
    assert names(images) == ["a/10.PNG", "a/9.png", "b/2.png", "b/deep/er/1.png"]
    assert images.labels.tolist() == [0, 0, 1, 1]
    assert images.class_names == ("a", "b")
    assert images.word == str(tmp_path)
    assert images.image_shape == (1, 6, 8)
    np.testing.assert_array_equal(images.images[2, 0], np.asarray(Image.open(tmp_path / "b" / "2.png")))


def test_a_flat_folder_has_no_labels_and_a_mixed_one_has_some(tmp_path: Path, draw) -> None:
    draw(tmp_path / "1.png")
    draw(tmp_path / "2.png")
    assert load(str(tmp_path)).labels is None
    draw(tmp_path / "cats" / "3.png")
    images = load(str(tmp_path))
    assert names(images) == ["1.png", "2.png", "cats/3.png"]
    assert images.labels.tolist() == [UNLABELED, UNLABELED, 0]


def test_labels_from_prefix_and_none(tmp_path: Path, draw) -> None:
    for name in ("x/dog_1.png", "y/cat_2.png", "y/cat_big_3.png", "y/odd.png"):
        draw(tmp_path / name)
    images = load(str(tmp_path), DataOptions(labels_from="prefix"))
    assert images.class_names == ("cat", "dog")
    assert images.labels.tolist() == [1, 0, 0, UNLABELED]
    unlabeled = load(str(tmp_path), DataOptions(labels_from="none"))
    assert unlabeled.labels is None
    assert unlabeled.class_names == ()
    one = load(str(tmp_path / "y" / "cat_2.png"), DataOptions(labels_from="prefix"))
    assert (one.class_names, one.labels.tolist()) == (("cat",), [0])


def test_prefixes_that_no_name_has_are_an_error(tmp_path: Path, draw) -> None:
    draw(tmp_path / "1.png")
    with pytest.raises(InputError, match="no file name has a class before a '_'"):
        load(str(tmp_path), DataOptions(labels_from="prefix"))


@pytest.mark.parametrize("val", ["val", "valid", "validation"])
def test_split_folders(tmp_path: Path, draw, val) -> None:
    for name in ("train/a/1.png", "train/b/2.png", f"{val}/b/3.png", "test/b/4.png", "test/c/5.png"):
        draw(tmp_path / name)
    everything = load(str(tmp_path))
    assert everything.word == f"{tmp_path}:all"
    assert len(everything) == 5
    assert everything.class_names == ("a", "b", "c")
    test = load(f"{tmp_path}:test")
    assert names(test) == ["test/b/4.png", "test/c/5.png"]
    assert test.labels.tolist() == [1, 2]
    assert names(load(f"{tmp_path}:val")) == [f"{val}/b/3.png"]
    training = load(str(tmp_path), training=True)
    assert training.word == f"{tmp_path}:train"
    assert names(training) == ["train/a/1.png", "train/b/2.png"]


def test_what_lies_beside_the_splits_is_left_out_and_told(tmp_path: Path, draw) -> None:
    for name in ("train/good/1.png", "test/bad/2.png", "ground_truth/bad/2.png"):
        draw(tmp_path / name)
    images = load(str(tmp_path))
    assert names(images) == ["test/bad/2.png", "train/good/1.png"]
    assert images.notes == ("beside the splits, left out: ground_truth",)


def test_a_class_may_be_called_train(tmp_path: Path, draw) -> None:
    for name in ("train/1.png", "car/2.png", "plane/3.png"):
        draw(tmp_path / name)
    images = load(str(tmp_path), training=True)
    assert images.class_names == ("car", "plane", "train")
    assert images.word == str(tmp_path)


def test_training_never_takes_a_test_folder_that_was_not_named(tmp_path: Path, draw) -> None:
    draw(tmp_path / "test" / "a" / "1.png")
    with pytest.raises(InputError, match=r"has no split 'train'; it has: test, all"):
        load(str(tmp_path), training=True)
    assert len(load(f"{tmp_path}:test", training=True)) == 1


def test_two_folders_for_one_split_are_an_error(tmp_path: Path, draw) -> None:
    for name in ("train/1.png", "val/2.png", "valid/3.png"):
        draw(tmp_path / name)
    with pytest.raises(InputError, match="two folders for one split"):
        load(str(tmp_path))


def test_a_folder_without_splits_is_split_by_seed_when_asked(tmp_path: Path, draw) -> None:
    for index in range(20):
        draw(tmp_path / f"{'ab'[index % 2]}" / f"{index:02}.png", index)
    train, test = load(f"{tmp_path}:train"), load(f"{tmp_path}:test")
    assert (len(train), len(test)) == (16, 4)
    assert sorted(names(train) + names(test)) == names(load(str(tmp_path)))
    assert np.bincount(test.labels).tolist() == [2, 2]
    assert test.word == f"{tmp_path}:test"
    assert load(str(tmp_path), training=True).word == str(tmp_path)
    with pytest.raises(InputError, match=r"unknown split 'val' .* train, test, all"):
        load(f"{tmp_path}:val")


def test_a_path_with_a_colon_is_a_path(tmp_path: Path, draw) -> None:
    draw(tmp_path / "odd:test" / "1.png")
    draw(tmp_path / "odd:test" / "2.png")
    assert len(load(f"{tmp_path}/odd:test")) == 2
    assert len(load(f"{tmp_path}/odd:test:train")) == 1


def test_links_are_followed_but_not_in_a_ring(tmp_path: Path, draw) -> None:
    draw(tmp_path / "elsewhere" / "1.png")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "a").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "set" / "ring").symlink_to(tmp_path / "set")
    assert names(load(str(tmp_path / "set"))) == ["a/1.png"]


def test_no_picture_at_all_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(InputError, match="no image file in") as caught:
        load(str(tmp_path))
    assert caught.value.status is ExitStatus.INPUT


def test_color_among_gray_makes_all_color(tmp_path: Path, draw) -> None:
    draw(tmp_path / "1.png")
    draw(tmp_path / "2.png", mode="RGB")
    images = load(str(tmp_path))
    assert images.image_shape == (3, 6, 8)
    assert (images.images[0] == images.images[0, 0]).all()
    assert images.notes == ("1 image converted from gray to color by repeating the channel",)


def test_different_sizes_are_an_error_unless_a_size_is_asked_for(tmp_path: Path, draw) -> None:
    draw(tmp_path / "1.png")
    draw(tmp_path / "2.png", size=(9, 6))
    with pytest.raises(InputError, match=r"1\.png has 8x6 pixels, 2\.png has 9x6") as caught:
        load(str(tmp_path))
    assert "--set model.image_size=64" in caught.value.hint
    images = load(str(tmp_path), image_shape=(None, 4, 4))
    assert images.image_shape == (1, 4, 4)
    assert images.notes == ("2 images resized from 2 sizes (8x6 to 9x6) to 4x4 pixels",)
    assert load(str(tmp_path), image_shape=(None, None, 4)).image_shape == (1, 6, 4)


def test_resizing_is_told_once_and_keeps_the_whole_picture(tmp_path: Path) -> None:
    half = np.zeros((10, 20), np.uint8)
    half[:, 10:] = 200
    Image.fromarray(half).save(tmp_path / "1.png")
    images = load(str(tmp_path), image_shape=(3, 4, 4))
    assert images.notes == (
        "1 image converted from gray to color by repeating the channel",
        "1 image resized from 20x10 to 4x4 pixels",
    )
    assert images.images[0, 0, 0, 0] == 0
    assert images.images[0, 0, 0, 3] == 200


@pytest.mark.parametrize("image_shape", [(None, None, None), (1, 6, 8)])
def test_damaged_pictures(tmp_path: Path, draw, image_shape) -> None:
    for index in range(12):
        draw(tmp_path / "a" / f"{index:02}.png", index)
    (tmp_path / "a" / "03.png").write_bytes(b"")
    (tmp_path / "a" / "07.png").write_bytes((tmp_path / "a" / "08.png").read_bytes()[:60])
    (tmp_path / "a" / "09.png").unlink()
    os.mkfifo(tmp_path / "a" / "09.png")
    with pytest.raises(InputError, match=r"03\.png: picture is empty") as caught:
        load(str(tmp_path), image_shape=image_shape)
    assert caught.value.status is ExitStatus.INPUT
    images = load(str(tmp_path), image_shape=image_shape, skip_damaged=True)
    assert len(images) == len(images.names) == len(images.labels) == 9
    assert [failure.name for failure in images.failures] == ["a/03.png", "a/07.png", "a/09.png"]
    assert images.failures[0].reason == "picture is empty"
    assert images.failures[1].reason == "truncated after 60 bytes"
    np.testing.assert_array_equal(images.images[3, 0], np.asarray(Image.open(tmp_path / "a" / "04.png")))


@pytest.mark.parametrize("image_shape", [(None, None, None), (1, 6, 8)])
def test_nothing_left_is_an_error(tmp_path: Path, image_shape) -> None:
    (tmp_path / "1.png").write_bytes(b"x")
    (tmp_path / "2.png").write_bytes(b"x")
    with pytest.raises(InputError, match="none of 2 pictures can be read"):
        load(str(tmp_path), image_shape=image_shape, skip_damaged=True)


def test_progress_ends_at_the_total(tmp_path: Path, draw) -> None:
    for index in range(5):
        draw(tmp_path / f"{index}.png")
    told = []
    load(str(tmp_path), progress=lambda *step: told.append(step))
    assert told[-1] == ("decoding pictures", 5, 5)
    assert ("reading headers", 5, 5) in told


def test_one_picture_file(tmp_path: Path, draw) -> None:
    images = load(str(draw(tmp_path / "1.png", mode="RGB")))
    assert (images.images.shape, images.names.tolist(), images.labels) == ((1, 3, 6, 8), ["1.png"], None)
    assert images.word == str(tmp_path / "1.png")
    with pytest.raises(InputError, match="too few images"):
        load(f"{tmp_path / '1.png'}:test")
