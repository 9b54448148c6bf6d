"""Normal and anomalous test images: the classes of training images, those without masks, and usual names."""

from pathlib import Path

import pytest

from aecli.data import DataOptions
from aecli.data.normal_classes import normal_and_anomalous
from aecli.data.registry import DataRef, resolve
from tests.data.layout_writing import write_mvtec
from tests.data.layouts.listing import Listing


def words_of(found: tuple[DataRef, DataRef] | None) -> list[str]:
    """Return the split and the classes of both kinds of images."""
    return [f"{ref.split}@{ref.classes}" for ref in found or ()]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["train/good/1.png", "test/good/2.png", "test/bad/3.png"], ["test@good", "test@bad"]),
        (["train/ok/1.png", "test/ok/2.png", "test/ko/3.png", "ground_truth/ko/3.png"], ["test@ok", "test@ko"]),
        (["train/a/1.png", "train/b/1.png", "test/a/2.png", "test/c/3.png", "test/d/3.png"], ["test@a", "test@c,d"]),
        (["train/1.png", "test/fine/2.png", "test/x/3.png", "ground_truth/x/3.png"], ["test@fine", "test@x"]),
        (["train/1.png", "test/Normal/2.png", "test/x/3.png"], ["test@Normal", "test@x"]),
        (["train/a/1.png", "test/a/2.png"], []),
        (["train/a/1.png", "test/1.png"], []),
        (["a/1.png", "b/1.png"], []),
    ],
)
def test_test_images_of_training_classes_are_normal(names: list[str], words: list[str]) -> None:
    ref = DataRef(Listing(*names), "root", None, None)
    assert words_of(normal_and_anomalous(ref, DataOptions())) == words


def test_a_word_with_a_split_or_classes_is_no_set(tmp_path: Path) -> None:
    mvtec = write_mvtec(tmp_path)
    assert words_of(normal_and_anomalous(resolve(str(mvtec)), DataOptions())) == ["test@good", "test@broken"]
    for word in (f"{mvtec}:test", f"{mvtec}@good", "digits"):
        assert normal_and_anomalous(resolve(word), DataOptions()) is None
    assert normal_and_anomalous(resolve(str(mvtec)), DataOptions(labels_from="none")) is None
