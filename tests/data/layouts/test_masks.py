"""Which image files are masks, and of which image."""

from functools import partial

import pytest

from aecli.data.layouts.masks import find_masks, match_masks
from tests.data.work import calls_of


@pytest.mark.parametrize(
    ("mask", "image", "others"),
    [
        ("ground_truth/broken/000_mask.png", "test/broken/000.png", ["train/good/000.png", "test/good/000.png"]),
        ("ground_truth/ko/000.bmp", "test/ko/000.png", ["train/ok/000.png"]),
        ("GroundTruth/a/1.png", "Test/a/1.jpg", []),
        ("bottle/ground_truth/broken/000_mask.png", "bottle/test/broken/000.png", ["cable/test/broken/000.png"]),
        ("ground_truth/logical/000/000.png", "test/logical/000.png", ["train/good/000.png"]),
        ("Data/Masks/Anomaly/2.png", "Data/Images/Anomaly/2.JPG", ["Data/Images/Normal/1.JPG"]),
        ("train_masks/1_mask.gif", "train/1.jpg", ["test/2.jpg"]),
        ("masks/1.png", "images/1.jpg", ["images/2.jpg"]),
        ("masks/1.png", "1.jpg", ["2.jpg"]),
        ("benign/a (1)_mask.png", "benign/a (1).png", ["benign/b.png"]),
        ("train/10_GT.png", "train/10.png", []),
        ("VOC/SegmentationClass/2007_1.png", "VOC/JPEGImages/2007_1.jpg", ["VOC/JPEGImages/2007_2.jpg"]),
        ("Annotations/480p/bear/00000.png", "JPEGImages/480p/bear/00000.jpg", []),
        ("annotations/training/a.png", "images/training/a.jpg", ["images/validation/b.jpg"]),
        ("labels/1.png", "images/1.png", []),
        ("Class1/Train/Label/0576_label.PNG", "Class1/Train/0576.PNG", ["Class1/Train/0577.PNG", "Class1/Test/1.PNG"]),
        ("kos01/Part0_label.bmp", "kos01/Part0.jpg", ["kos01/Part1.jpg"]),
        ("test/crack/gt/000.png", "test/crack/rgb/000.png", ["test/crack/xyz/000.tiff", "train/good/rgb/000.png"]),
    ],
)
def test_a_mask_belongs_to_an_image(mask: str, image: str, others: list[str]) -> None:
    assert find_masks(sorted([mask, image, *others])) == {mask: image}


def test_a_mask_of_a_missing_image_is_a_mask_beside_a_split_or_images() -> None:
    assert find_masks(["ground_truth/bad/9.png", "test/bad/1.png"]) == {"ground_truth/bad/9.png": None}
    assert find_masks(["x/images/x.png", "x/masks/cell1.png"]) == {"x/masks/cell1.png": None}


@pytest.mark.parametrize(
    "names",
    [
        ["mask/1.png", "no_mask/1.png"],
        ["with_mask/1.png", "without_mask/1.png"],
        ["gt/1.png", "sedan/1.png"],
        ["ground_truth/1.png", "other/2.png"],
        ["1_mask.png", "2_mask.png"],
        ["1.png", "masks/7.png"],
        ["label/1.png", "no_label/1.png"],
        ["annotations/1.png", "other/1.png"],
        ["label_images/front/1.png", "images/2.png"],
        ["wine.jpg", "wine_label.jpg"],
        ["herbs/1.jpeg", "herbs/1-labels.JPEG"],
    ],
)
def test_other_images_are_no_masks(names: list[str]) -> None:
    assert find_masks(names) == {}


def test_the_work_grows_with_the_number_of_images_and_not_with_that_of_folders_too() -> None:
    """Also if each class is called like a folder of masks."""
    work = []
    for count in (100, 200):
        names = [f"label_{folder:04}/{image}.png" for folder in range(count) for image in range(5)]
        work.append(calls_of(partial(find_masks, names)))
    assert work[1] < 2.5 * work[0]


# Masks in a folder of their own


@pytest.mark.parametrize(
    ("masks", "image"),
    [
        (["1.png"], "1.jpg"),
        (["1_mask.png"], "1.png"),
        (["1_label.png"], "1.png"),
        (["broken/1_mask.png"], "broken/1.png"),
        (["broken/1_mask.png"], "test/broken/1.png"),
        (["1_mask.png"], "test/broken/1.png"),
        (["1/000.png", "1/001.png"], "1.png"),
        (["1_mask.png", "1_mask_2.png"], "1.png"),
        (["stack.png"], "stack.tif#3"),
    ],
)
def test_masks_in_a_folder_have_the_paths_of_the_images(masks: list[str], image: str) -> None:
    assert match_masks([*masks, "other.png"], [image, "none/none.png"]) == [tuple(masks), ()]


def test_the_longest_common_path_counts() -> None:
    masks = ["a/1.png", "1.png"]
    assert match_masks(masks, ["a/1.png", "b/1.png"]) == [("a/1.png",), ()]
    assert match_masks(masks, ["b/1.png"]) == [("1.png",)]
    assert match_masks(["2.png"], ["1.png"]) == [()]
    assert match_masks([], []) == []
