"""A folder of image files: layouts, labels, order, damage, sizes."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aecli.data import UNLABELED, DataOptions, ImageSet, load
from aecli.data.conversion import Conversion
from aecli.data.encoded import UnreadableImageError
from aecli.data.iteration import iterate_images
from aecli.data.shapes import Shape
from aecli.errors import ExitStatus, InputError
from tests.data.image_sets import Draw, labels_of


def names(images: ImageSet) -> list[str]:
    listed: list[str] = images.names.tolist()
    return listed


def test_classes_are_folders_in_a_stable_order(tmp_path: Path, draw: Draw) -> None:
    for seed, name in enumerate(["b/2.png", "a/10.PNG", "a/9.png", "b/deep/er/1.png"]):
        draw(tmp_path / name, seed)
    for hidden in (".git/x.png", "a/.y.png", "__MACOSX/a/10.png"):
        draw(tmp_path / hidden)
    (tmp_path / "a" / "notes.txt").write_text("not an image")
    images = load(str(tmp_path))
    assert names(images) == ["a/10.PNG", "a/9.png", "b/2.png", "b/deep/er/1.png"]
    assert labels_of(images) == [0, 0, 1, 1]
    assert images.class_names == ("a", "b")
    assert images.word == str(tmp_path)
    assert images.image_shape == (1, 6, 8)
    np.testing.assert_array_equal(images.images[2, 0], np.asarray(Image.open(tmp_path / "b" / "2.png")))


def test_a_flat_folder_has_no_labels_and_a_mixed_one_has_some(tmp_path: Path, draw: Draw) -> None:
    draw(tmp_path / "1.png")
    draw(tmp_path / "2.png")
    assert load(str(tmp_path)).labels is None
    draw(tmp_path / "cats" / "3.png")
    images = load(str(tmp_path))
    assert names(images) == ["1.png", "2.png", "cats/3.png"]
    assert labels_of(images) == [UNLABELED, UNLABELED, 0]


def test_labels_from_prefix_and_none(tmp_path: Path, draw: Draw) -> None:
    for name in ("x/dog_1.png", "y/cat_2.png", "y/cat_big_3.png", "y/odd.png"):
        draw(tmp_path / name)
    images = load(str(tmp_path), DataOptions(labels_from="prefix"))
    assert images.class_names == ("cat", "dog")
    assert labels_of(images) == [1, 0, 0, UNLABELED]
    unlabeled = load(str(tmp_path), DataOptions(labels_from="none"))
    assert unlabeled.labels is None
    assert unlabeled.class_names == ()
    one = load(str(tmp_path / "y" / "cat_2.png"), DataOptions(labels_from="prefix"))
    assert (one.class_names, labels_of(one)) == (("cat",), [0])


def test_names_without_prefixes_are_an_error(tmp_path: Path, draw: Draw) -> None:
    draw(tmp_path / "1.png")
    with pytest.raises(InputError, match="class"):
        load(str(tmp_path), DataOptions(labels_from="prefix"))


@pytest.mark.parametrize("val", ["val", "valid", "validation"])
def test_folders_of_splits(tmp_path: Path, draw: Draw, val: str) -> None:
    for name in ("train/a/1.png", "train/b/2.png", f"{val}/b/3.png", "test/b/4.png", "test/c/5.png"):
        draw(tmp_path / name)
    everything = load(str(tmp_path))
    assert everything.word == f"{tmp_path}:all"
    assert len(everything) == 5
    assert everything.class_names == ("a", "b", "c")
    test = load(f"{tmp_path}:test")
    assert names(test) == ["test/b/4.png", "test/c/5.png"]
    assert labels_of(test) == [1, 2]
    assert names(load(f"{tmp_path}:val")) == [f"{val}/b/3.png"]
    training = load(str(tmp_path), training=True)
    assert training.word == f"{tmp_path}:train"
    assert names(training) == ["train/a/1.png", "train/b/2.png"]


def test_images_outside_of_the_splits_are_ignored_with_a_note(tmp_path: Path, draw: Draw) -> None:
    for name in ("train/good/1.png", "test/bad/2.png", "extra/bad/2.png", "extra/3.png"):
        draw(tmp_path / name)
    images = load(str(tmp_path))
    assert names(images) == ["test/bad/2.png", "train/good/1.png"]
    (note,) = images.notes
    assert "extra (2)" in note


def test_a_class_may_be_called_train(tmp_path: Path, draw: Draw) -> None:
    for name in ("train/1.png", "car/2.png", "plane/3.png"):
        draw(tmp_path / name)
    images = load(str(tmp_path), training=True)
    assert images.class_names == ("car", "plane", "train")
    assert images.word == str(tmp_path)


def test_training_uses_a_test_folder_only_if_it_is_named(tmp_path: Path, draw: Draw) -> None:
    draw(tmp_path / "test" / "a" / "1.png")
    with pytest.raises(InputError, match=r"split 'train'.*test, all"):
        load(str(tmp_path), training=True)
    assert len(load(f"{tmp_path}:test", training=True)) == 1


def test_two_folders_for_one_split_are_an_error(tmp_path: Path, draw: Draw) -> None:
    for name in ("train/1.png", "val/2.png", "valid/3.png"):
        draw(tmp_path / name)
    with pytest.raises(InputError, match="split"):
        load(str(tmp_path))


def test_a_folder_without_splits_is_split_by_names_on_request(tmp_path: Path, draw: Draw) -> None:
    for index in range(20):
        draw(tmp_path / f"{'ab'[index % 2]}" / f"{index:02}.png", index)
    train, test = load(f"{tmp_path}:train"), load(f"{tmp_path}:test")
    assert (len(train), len(test)) == (17, 3)
    assert sorted(names(train) + names(test)) == names(load(str(tmp_path)))
    assert test.word == f"{tmp_path}:test"
    assert load(str(tmp_path), training=True).word == str(tmp_path)
    with pytest.raises(InputError, match=r"split 'val'.*train, test, all"):
        load(f"{tmp_path}:val")


def test_a_path_may_contain_a_colon(tmp_path: Path, draw: Draw) -> None:
    draw(tmp_path / "odd:test" / "1.png")
    draw(tmp_path / "odd:test" / "2.png")
    assert len(load(f"{tmp_path}/odd:test")) == 2
    assert len(load(f"{tmp_path}/odd:test:train")) == 1


def test_links_are_followed_but_not_in_a_cycle(tmp_path: Path, draw: Draw) -> None:
    draw(tmp_path / "elsewhere" / "1.png")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "a").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "set" / "ring").symlink_to(tmp_path / "set")
    assert names(load(str(tmp_path / "set"))) == ["a/1.png"]


def test_a_link_to_itself_is_a_damaged_image(tmp_path: Path, draw: Draw) -> None:
    draw(tmp_path / "1.png")
    (tmp_path / "loop.png").symlink_to("loop.png")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(InputError, match=r"cannot read image .*loop\.png"):
        load(str(tmp_path))
    images = load(str(tmp_path), skip_damaged=True)
    assert names(images) == ["1.png"]
    assert [failure.name for failure in images.failures] == ["loop.png"]


def test_a_folder_without_images_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(InputError, match="no image file") as caught:
        load(str(tmp_path))
    assert caught.value.status is ExitStatus.INPUT


def test_one_color_image_makes_all_images_color(tmp_path: Path, draw: Draw) -> None:
    draw(tmp_path / "1.png")
    draw(tmp_path / "2.png", mode="RGB")
    images = load(str(tmp_path))
    assert images.image_shape == (3, 6, 8)
    assert (images.images[0] == images.images[0, 0]).all()
    (note,) = images.notes
    assert "1 image " in note
    assert "gray to color" in note


def test_different_sizes_are_an_error_unless_a_size_is_requested(tmp_path: Path, draw: Draw) -> None:
    draw(tmp_path / "1.png")
    draw(tmp_path / "2.png", size=(9, 6))
    with pytest.raises(InputError, match=r"1\.png.*8x6.*2\.png.*9x6") as caught:
        load(str(tmp_path))
    assert "--image-size" in str(caught.value.hint)
    images = load(str(tmp_path), conversion=Conversion((None, 4, 4)))
    assert images.image_shape == (1, 4, 4)
    note, _ = images.notes
    assert "2 images" in note
    assert "8x6 to 9x6" in note
    assert "4x4" in note
    assert load(str(tmp_path), conversion=Conversion((None, None, 4))).image_shape == (1, 6, 4)


def test_resizing_is_noted_once_and_does_not_crop(tmp_path: Path) -> None:
    half = np.zeros((10, 20), np.uint8)
    half[:, 10:] = 200
    Image.fromarray(half).save(tmp_path / "1.png")
    images = load(str(tmp_path), conversion=Conversion((3, 4, 4)))
    converted, resized, reshaped = images.notes
    assert "1 image " in converted
    assert "1 image " in resized
    assert "20x10 to 4x4" in resized
    assert "1 image " in reshaped
    assert images.images[0, 0, 0, 0] == 0
    assert images.images[0, 0, 0, 3] == 200


@pytest.mark.parametrize("image_shape", [(None, None, None), (1, 6, 8)])
def test_damaged_files_are_an_error_unless_skipped(tmp_path: Path, draw: Draw, image_shape: Shape) -> None:
    for index in range(12):
        draw(tmp_path / "a" / f"{index:02}.png", index)
    (tmp_path / "a" / "03.png").write_bytes(b"")
    (tmp_path / "a" / "07.png").write_bytes((tmp_path / "a" / "08.png").read_bytes()[:60])
    (tmp_path / "a" / "09.png").unlink()
    os.mkfifo(tmp_path / "a" / "09.png")
    with pytest.raises(InputError, match=r"03\.png") as caught:
        load(str(tmp_path), conversion=Conversion(image_shape))
    assert caught.value.status is ExitStatus.INPUT
    images = load(str(tmp_path), conversion=Conversion(image_shape), skip_damaged=True)
    assert len(images) == len(images.names) == len(labels_of(images)) == 9
    assert [failure.name for failure in images.failures] == ["a/03.png", "a/07.png", "a/09.png"]
    assert "empty" in images.failures[0].reason
    assert "60 bytes" in images.failures[1].reason
    np.testing.assert_array_equal(images.images[3, 0], np.asarray(Image.open(tmp_path / "a" / "04.png")))


@pytest.mark.parametrize("image_shape", [(None, None, None), (1, 6, 8)])
def test_a_folder_of_damaged_files_is_an_error(tmp_path: Path, image_shape: Shape) -> None:
    (tmp_path / "1.png").write_bytes(b"x")
    (tmp_path / "2.png").write_bytes(b"x")
    with pytest.raises(InputError, match="none of the 2 images"):
        load(str(tmp_path), conversion=Conversion(image_shape), skip_damaged=True)


def test_progress_ends_at_the_total(tmp_path: Path, draw: Draw) -> None:
    for index in range(5):
        draw(tmp_path / f"{index}.png")
    steps: list[tuple[str, int, int]] = []
    load(str(tmp_path), progress=lambda stage, done, total: steps.append((stage, done, total)))
    assert steps[-1] == ("decoding images", 5, 5)
    assert ("reading headers of files", 5, 5) in steps


def test_one_image_file(tmp_path: Path, draw: Draw) -> None:
    images = load(str(draw(tmp_path / "1.png", mode="RGB")))
    assert (images.images.shape, images.names.tolist(), images.labels) == ((1, 3, 6, 8), ["1.png"], None)
    assert images.word == str(tmp_path / "1.png")
    with pytest.raises(InputError, match="too few images"):
        load(f"{tmp_path / '1.png'}:test")


def refuse_listing(monkeypatch: pytest.MonkeyPatch, folder: Path, error: OSError) -> None:
    """Let the system refuse to list a folder: tests may run as root, who may read all."""
    scandir = os.scandir

    def refuse(path: str | Path) -> object:
        if Path(path) == folder:
            raise error
        return scandir(path)

    monkeypatch.setattr("aecli.data.sources.image_folder.os.scandir", refuse)


def test_a_folder_that_cannot_be_read_is_an_error_or_one_failure(
    tmp_path: Path, draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a/1.png", "b/2.png", "c/3.png"):
        draw(tmp_path / name)
    refuse_listing(monkeypatch, tmp_path / "b", PermissionError(13, "Permission denied"))
    with pytest.raises(InputError, match=f"{tmp_path}/b: permission denied"):
        load(str(tmp_path))
    readers = list(iterate_images(str(tmp_path), Conversion((1, 4, 4))))
    assert [reader.name for reader in readers] == [f"{tmp_path}/{name}" for name in ("a/1.png", "c/3.png", "b")]
    with pytest.raises(UnreadableImageError, match="permission denied"):
        readers[2].read()


def test_a_folder_that_vanishes_meanwhile_is_passed_over(
    tmp_path: Path, draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(tmp_path / "a" / "1.png")
    (tmp_path / "b").mkdir()
    refuse_listing(monkeypatch, tmp_path / "b", FileNotFoundError(2, "No such file or directory"))
    assert len(load(str(tmp_path))) == 1


@pytest.mark.parametrize("name", ["lost+found", "@eaDir", "__MACOSX", "System Volume Information"])
def test_folders_of_systems_are_hidden(tmp_path: Path, draw: Draw, name: str) -> None:
    draw(tmp_path / "a" / "1.png")
    draw(tmp_path / name / "2.png")
    assert load(str(tmp_path)).names.tolist() == ["a/1.png"]
