"""Coordinates files: points of several embeddings, readable by numpy, with a description."""

import json
from pathlib import Path

import numpy as np

from aecli.codes.coordinates import PlanePoints, read_info, save_coordinates
from aecli.reports.describe import describe

WRITTEN_BY_0_1 = Path(__file__).parents[1] / "checkpoint" / "written_by_0_1" / "coords.npz"


def points(count: int, labels: list[int] | None = None) -> PlanePoints:
    return PlanePoints(
        coordinates=np.arange(2 * count, dtype=np.float32).reshape(count, 2),
        names=np.array([f"image {index}" for index in range(count)]),
        labels=None if labels is None else np.array(labels),
        class_names=["zero", "one"],
        about={"data": "digits:test", "stress": 0.25},
    )


def test_the_arrays_are_those_of_all_embeddings(tmp_path: Path) -> None:
    save_coordinates([points(2, [1, -1]), points(3)], "MDS", {"seed": 0}, tmp_path / "points.npz")
    with np.load(tmp_path / "points.npz", allow_pickle=False) as archive:
        arrays = dict(archive)
    assert arrays["coordinates"].dtype == np.float32
    assert arrays["coordinates"].tolist() == [[0, 1], [2, 3], [0, 1], [2, 3], [4, 5]]
    assert arrays["labels"].tolist() == [1, -1, -1, -1, -1]
    assert arrays["layout"].tolist() == [0, 0, 1, 1, 1]
    assert arrays["names"].tolist() == ["image 0", "image 1", "image 0", "image 1", "image 2"]
    meta = json.loads(str(arrays["meta"]))
    assert (meta["method"], meta["protocol"]) == ("MDS", {"seed": 0})
    assert meta["layouts"][1] == {"data": "digits:test", "stress": 0.25, "class_names": ["zero", "one"]}


def test_the_same_points_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.npz", "b.npz"):
        save_coordinates([points(3)], "MDS", {}, tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_info_names_the_method_and_its_settings(tmp_path: Path) -> None:
    save_coordinates([points(3)], "MDS", {"seed": 7}, tmp_path / "points.npz")
    description = describe(tmp_path / "points.npz")
    assert description.kind == "MDS coordinates"
    assert "seed = 7" in description.as_text()
    assert description.to_dict()["count"] == 3


def test_a_file_of_version_0_1_without_a_method_is_of_tsne() -> None:
    info = read_info(WRITTEN_BY_0_1)
    assert info is not None
    assert (info.count, info.method) == (200, "t-SNE")
    assert describe(WRITTEN_BY_0_1).kind == "t-SNE coordinates"


def test_other_files_have_no_description(tmp_path: Path) -> None:
    np.savez(tmp_path / "arrays.npz", coordinates=np.zeros((3, 2)), meta=np.array("{}"))
    (tmp_path / "damaged.npz").write_bytes(WRITTEN_BY_0_1.read_bytes()[:1000])
    for name in ("arrays.npz", "damaged.npz", "missing.npz"):
        assert read_info(tmp_path / name) is None
