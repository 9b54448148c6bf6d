"""Coordinates files: points of several embeddings, readable by numpy, with a description."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aecli.codes.coordinates import PlanePoints, load_coordinates, read_info, save_coordinates
from aecli.errors import InputError
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


def test_points_are_read_as_they_were_written(tmp_path: Path) -> None:
    first = replace(points(2, [1, -1]), state={"codes": np.eye(2, dtype=np.float32), "mean": np.ones(2)})
    second = replace(points(3), about={"data": "letters"})
    save_coordinates([first, second], "MDS", {"seed": 7}, tmp_path / "points.npz")
    found = load_coordinates(tmp_path / "points.npz")
    assert (found.method, found.settings) == ("MDS", {"seed": 7})
    for read, written in zip(found.layouts, [first, second], strict=True):
        assert (read.coordinates == written.coordinates).all()
        assert read.names.tolist() == written.names.tolist()
        assert (read.about, read.class_names) == (written.about, written.class_names)
        assert {name: array.tolist() for name, array in read.state.items()} == {
            name: array.tolist() for name, array in written.state.items()
        }
    assert found.layouts[0].labels is not None
    assert found.layouts[0].labels.tolist() == [1, -1]
    assert found.layouts[1].labels is None


def test_a_file_of_version_0_1_is_read_and_has_no_state() -> None:
    (layout,) = load_coordinates(WRITTEN_BY_0_1).layouts
    assert len(layout.coordinates) == len(layout.names) == 200
    assert layout.about["model_fingerprint"].startswith("sha256:")
    assert not layout.state


@pytest.mark.parametrize(
    "damage",
    [
        {"coordinates": np.zeros((5, 3), np.float32)},
        {"coordinates": np.full((5, 2), np.nan, np.float32)},
        {"layout": np.array([0, 0, 1, 1, 2])},
        {"layout": np.array([0, 0, -1, 1, 1])},
        {"labels": np.array([0, 1, 2, 0, 0])},
        {"labels": np.zeros(4, np.int64)},
        {"names": np.arange(5)},
        {"codes_0": np.array(["x", "y"])},
        {"codes_0": np.array([[np.inf]])},
        {"meta": np.array("[]")},
        {"meta": np.array('{"layouts": [{}, {}]}')},
        {"meta": np.array('{"layouts": 2}')},
    ],
    ids=str,
)
def test_damaged_files_are_refused(damage: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "points.npz"
    save_coordinates([points(2, [1, 0]), points(3, [0, 0, 1])], "MDS", {}, path)
    assert len(load_coordinates(path).layouts) == 2
    with np.load(path, allow_pickle=False) as archive:
        arrays = dict(archive)
    np.savez(path, **(arrays | damage))
    with pytest.raises(InputError, match="damaged coordinates file"):
        load_coordinates(path)


def test_a_file_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "points.npz"
    save_coordinates([points(2)], "MDS", {}, path)
    with np.load(path, allow_pickle=False) as archive:
        arrays = dict(archive)
    np.savez(path, **(arrays | {"meta": np.array('{"format": 2, "layouts": []}')}))
    with pytest.raises(InputError, match="newer"):
        load_coordinates(path)
