"""The same images give the same codes from a folder, an archive, a list, a Parquet file and an array."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from aecli import inference
from aecli.data import load
from aecli.inference.model import Model
from tests.command_line import succeed
from tests.data.archive_writing import files_of, write_parquet, write_tar, write_zip

COUNT = 200
KINDS = ("folder", "zip", "tar", "tar.gz", "csv", "jsonl", "parquet", "npz")


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The same 200 images with labels, by the kind of their container."""
    pytest.importorskip("pyarrow")
    from sklearn.datasets import load_digits

    digits = load_digits()
    root = tmp_path_factory.mktemp("same")
    images = (digits.images[:COUNT] * 15.9).astype(np.uint8)
    for index, (pixels, label) in enumerate(zip(images, digits.target, strict=False)):
        path = root / "folder" / f"class{label}" / f"{index:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    files = files_of(root / "folder")
    labels = [name.partition("/")[0] for name in files]
    class_names = sorted(set(labels))
    write_zip(root / "images.zip", files)
    write_tar(root / "images.tar", {f"photos/{name}": content for name, content in files.items()})
    write_tar(root / "images.tar.gz", files)
    rows = [f"folder/{name},{label}" for name, label in zip(files, labels, strict=True)]
    (root / "images.csv").write_text("\n".join(["file_name,label", *rows]))
    (root / "images.jsonl").write_text(
        "\n".join(
            f'{{"image": "folder/{name}", "class": "{label}"}}' for name, label in zip(files, labels, strict=True)
        )
    )
    write_parquet(root / "images.parquet", files, [class_names.index(label) for label in labels], class_names)
    pixels = [np.asarray(Image.open(root / "folder" / name)) for name in files]
    np.savez(root / "images.npz", images=np.stack(pixels), labels=labels, names=list(files))
    return {kind: str(root / (kind if kind == "folder" else f"images.{kind}")) for kind in KINDS}


@pytest.fixture(scope="module")
def model(conv_run: Path) -> Model:
    return inference.load(conv_run, device="cpu")


@pytest.mark.parametrize("kind", KINDS[1:])
def test_codes_are_equal_to_the_byte(sources: dict[str, str], model: Model, kind: str) -> None:
    expected, found = (
        inference.encode(model, load(sources[each], conversion=model.conversion)) for each in ("folder", kind)
    )
    assert found.codes.tobytes() == expected.codes.tobytes()
    assert found.residual_l2 is not None
    assert expected.residual_l2 is not None
    assert found.residual_l2.tobytes() == expected.residual_l2.tobytes()
    assert found.meta.data_fingerprint == expected.meta.data_fingerprint
    assert found.meta.class_names == expected.meta.class_names
    names = [name.removeprefix("folder/") for name in found.names.tolist()]
    assert names == expected.names.tolist()


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "parquet", "npz"])
def test_splits_are_equal(sources: dict[str, str], kind: str) -> None:
    expected, found = (load(f"{sources[each]}:test").names.tolist() for each in ("folder", kind))
    assert 20 <= len(expected) <= 60
    assert found == expected


def test_detect_reads_every_kind(sources: dict[str, str], conv_run: Path) -> None:
    scores = {}
    for kind, data in sources.items():
        result = succeed("detect", data, "--model", conv_run, "--device", "cpu")
        scores[kind] = [row[1] for row in result.rows]
        assert result.rows[7][0].endswith(".png"), "the name in the container"
    assert all(len(each) == COUNT and each == scores["folder"] for each in scores.values())


def labels_by_name(data: str) -> dict[str, int]:
    images = load(data)
    assert images.labels is not None
    return dict(zip(images.names.tolist(), images.labels.tolist(), strict=True))


def test_labels_of_a_parquet_file_are_those_of_the_folder(sources: dict[str, str]) -> None:
    assert labels_by_name(sources["parquet"]) == labels_by_name(sources["folder"])


def test_classes_can_be_selected_in_an_archive(sources: dict[str, str]) -> None:
    images: NDArray[np.uint8] = load(f"{sources['tar.gz']}@class3,class5").images
    np.testing.assert_array_equal(images, load(f"{sources['folder']}@class3,class5").images)
