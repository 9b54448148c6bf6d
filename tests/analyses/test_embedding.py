"""Embeddings of any method, and the accuracy of labels in the plane."""

import numpy as np
import pytest

from aecli.analyses.embedding import Embedding, label_accuracy, placed_label_accuracy, require_distinct
from aecli.codes import Codes, CodesMeta
from aecli.codes.coordinates import PlanePoints
from aecli.errors import InputError


def embedding(method: str = "MDS", onto: PlanePoints | None = None) -> Embedding:
    """Return an embedding by a method that aecli does not have, of three of four codes."""
    codes = Codes(
        codes=np.eye(4, dtype=np.float32),
        names=np.array(["a", "b", "c", "d"]),
        residual_l2=None,
        meta=CodesMeta("sha256:model", "digits:test", "sha256:data", class_names=["x", "y"]),
        labels=np.array([0, 1, 0, -1]),
    )
    return Embedding(
        codes=codes,
        indices=np.array([0, 2, 3]),
        coordinates=np.array([[0, 0], [0, 1], [5, 5]], np.float32),
        method=method,
        settings={"seed": 0},
        metrics={"stress": 0.5},
        summary="stress 0.5",
        seconds={"fit": 1.23456},
        state={"distances": np.ones((3, 3))},
        onto=onto,
    )


def test_an_embedding_of_any_method_has_names_labels_accuracy_and_points() -> None:
    result = embedding()
    assert result.names.tolist() == ["a", "c", "d"]
    assert result.labels is not None
    assert result.labels.tolist() == [0, 0, -1]
    assert result.accuracy == 1.0
    document = result.to_dict()
    assert (document["count"], document["drawn"], document["stress"]) == (4, 3, 0.5)
    assert document["label_accuracy"] == 1.0
    assert result.seconds_to_dict() == {"fit_seconds": 1.235}
    points = result.to_points()
    assert points.about == document
    assert points.class_names == ["x", "y"]
    assert points.state == result.state
    assert result.heading == "3 of 4 codes by MDS"
    assert result.measures == "stress 0.5, 1-NN accuracy 1.000"  # too few points for trustworthiness


def test_placed_points_are_measured_by_the_points_of_their_map() -> None:
    """The map has the same classes in another order."""
    about = {"data": "digits:train", "codes_fingerprint": "sha256:codes"}
    labels = np.array([1, 0])
    onto = PlanePoints(np.array([[0, 0.4], [9, 9]], np.float32), np.array(["p", "q"]), labels, ["y", "x"], about)
    result = embedding(onto=onto)
    assert result.accuracy == 1.0
    assert embedding(onto=PlanePoints(onto.coordinates, onto.names, labels, ["x", "y"], about)).accuracy == 0.0
    assert embedding(onto=PlanePoints(onto.coordinates, onto.names, labels, ["a", "b"], about)).accuracy is None
    assert result.trustworthiness is None
    placed = result.to_dict()["placed_onto"]
    assert (placed["data"], placed["codes_fingerprint"], placed["points"]) == ("digits:train", "sha256:codes", 2)
    assert placed_label_accuracy(result.coordinates, None, onto.coordinates, labels) is None
    assert placed_label_accuracy(result.coordinates, result.labels, onto.coordinates, None) is None


def test_label_accuracy_ignores_unlabeled_points() -> None:
    plane = np.array([[0, 0], [0, 0], [5, 5], [5, 6], [0.1, 0]], np.float32)
    assert label_accuracy(plane, np.array([0, 0, 1, 1, -1])) == 1.0
    assert label_accuracy(plane, np.array([0, 1, 0, 1, -1])) == 0.0
    assert label_accuracy(plane, None) is None
    assert label_accuracy(plane, np.full(5, -1)) is None


def test_equal_codes_are_refused() -> None:
    with pytest.raises(InputError, match=r"test\.npz: .*equal"):
        require_distinct(np.ones((50, 3), np.float32), "test.npz")
