"""The images to validate on: those of a split of the data, those of `--val`, or held-out ones."""

from pathlib import Path

import pytest

from aecli.data import DataOptions
from aecli.errors import ExitStatus
from aecli.recipes.loading import load_recipe
from aecli.training.subsets import load_subsets
from tests.command_line import Run
from tests.data.layout_writing import write_split_names

OPTIONS = DataOptions()


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_split_names(tmp_path_factory.mktemp("splits"))


@pytest.mark.parametrize(
    ("word", "train", "validation"),
    [
        ("valid", ("valid:train", 24), ("valid:val", 24)),
        ("years", ("years:train", 24), ("years:val", 24)),
        ("valid:train", ("valid:train", 24), ("valid:val", 24)),
        ("valid:training@cat", ("valid:train@cat", 12), ("valid:val@cat", 12)),
        ("valid:val", ("valid:val", 24), ("valid:val", 24)),
        ("valid:all", ("valid:all", 48), ("valid:all", 48)),
        ("numbered", ("numbered:train", 24), ("numbered:train", 24)),
    ],
)
def test_a_validation_split_is_used_with_the_training_split(
    word: str, train: tuple[str, int], validation: tuple[str, int], folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other splits hold some of their own images out."""
    monkeypatch.chdir(folders)
    subsets = load_subsets(word, None, load_recipe("mlp"), OPTIONS)
    found = [(subset.images.word, len(subset.images)) for subset in subsets]
    assert found == [train, validation]
    together = sum(map(len, subsets))
    assert together == (train[1] if train == validation else train[1] + validation[1])


def test_val_replaces_the_validation_split(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folders)
    _, validation = load_subsets("valid", "numbered:test", load_recipe("mlp"), OPTIONS)
    assert validation.images.word == "numbered:test"


def test_train_names_the_validation_images_and_the_classes(aecli: Run, folders: Path, tmp_path: Path) -> None:
    result = aecli("train", folders / "valid", "-o", tmp_path / "run", "--recipe", "mlp", "--epochs", 1)
    assert result.status == ExitStatus.DONE, result.err
    assert f"validating on 24 of {folders}/valid:val" in result.err
    assert "2 classes: cat, dog" in result.err
    lines = dict(
        line.split(maxsplit=1) for line in aecli("info", tmp_path / "run").out.splitlines() if "classes" in line
    )
    assert lines == {"classes": "2: cat, dog"}


def test_folders_that_cannot_be_sorted_leave_no_run(aecli: Run, folders: Path, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    for name in ("train2014", "train2017"):
        (tmp_path / "set" / name).symlink_to(folders / "valid" / "train")
    result = aecli("train", tmp_path / "set", "-o", tmp_path / "run")
    assert result.status == ExitStatus.INPUT
    assert "train2014, train2017" in result.err
    assert not (tmp_path / "run").exists()
