"""Codes embedded in the plane, whatever the method, and what all methods share: a check and two measures."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.trustworthiness import trustworthiness
from aecli.codes import Codes
from aecli.codes.coordinates import PlanePoints
from aecli.errors import InputError
from aecli.storage.fingerprints import fingerprint
from aecli.storage.labels import UNLABELED


@dataclass(frozen=True)
class Embedding:
    """A sample of the codes of one file as points in the plane."""

    codes: Codes
    """All codes of the file."""
    indices: NDArray[np.int64]
    """(M,) indices of the sampled codes, ascending; `coordinates`, `names` and `labels` are in this order."""
    coordinates: NDArray[np.float32]
    """(M, 2)"""
    method: str
    """Name of the method, such as "t-SNE"."""
    settings: dict[str, Any]
    """All parameters of the method and the versions it depends on, as plain values."""
    metrics: dict[str, float]
    """What the method reports about the result; the same for the same input on the same machine."""
    summary: str
    """The metrics in words, for a caption."""
    seconds: dict[str, float]
    """Duration of each stage of the method."""
    state: Mapping[str, NDArray[np.floating]] = field(default_factory=dict)
    """What the method needs to place other codes among these points, by name."""
    onto: PlanePoints | None = None
    """The points among which these were placed; None if the method embedded these codes."""

    @property
    def names(self) -> NDArray[np.str_]:
        return self.codes.names[self.indices]

    @property
    def labels(self) -> NDArray[np.int64] | None:
        return None if self.codes.labels is None else self.codes.labels[self.indices]

    @cached_property
    def accuracy(self) -> float | None:
        """1-NN accuracy of the labels in the plane, for placed points among those of the map; see `label_accuracy`."""
        if self.onto is None:
            return label_accuracy(self.coordinates, self.labels)
        return placed_label_accuracy(self.coordinates, self._labels_of_map(), self.onto.coordinates, self.onto.labels)

    @cached_property
    def trustworthiness(self) -> float | None:
        """How far neighbors in the plane are neighbors by code; None for placed points; see `trustworthiness`."""
        if self.onto is not None:
            return None
        vectors = self.codes.codes[self.indices].reshape(len(self.indices), -1)
        return trustworthiness(vectors, self.coordinates, str(self.settings.get("metric", "euclidean")))

    @property
    def heading(self) -> str:
        """The number of points and the method in words."""
        drawn, count = len(self.indices), len(self.codes)
        return f"{drawn:,}{'' if drawn == count else f' of {count:,}'} codes by {self.method}"

    @property
    def measures(self) -> str:
        """The metrics in words."""
        parts = [self.summary]
        if self.trustworthiness is not None:
            parts.append(f"trustworthiness {self.trustworthiness:.3f}")
        if self.accuracy is not None:
            parts.append(f"1-NN accuracy {self.accuracy:.3f}")
        return ", ".join(parts)

    def _source_of_map(self) -> dict[str, Any]:
        """Return the source of the points among which these were placed, as plain values."""
        assert self.onto is not None
        keys = ("data", "data_fingerprint", "codes_fingerprint")
        return {key: self.onto.about.get(key) for key in keys} | {"points": len(self.onto.coordinates)}

    def _labels_of_map(self) -> NDArray[np.int64] | None:
        """Return the labels as indices into the class names of the map; UNLABELED for other classes."""
        assert self.onto is not None
        if self.labels is None:
            return None
        index_by_name = {name: index for index, name in enumerate(self.onto.class_names)}
        indices = [index_by_name.get(name, UNLABELED) for name in self.codes.meta.class_names]
        return np.array([*indices, UNLABELED], np.int64)[self.labels]  # the last one is that of the label -1

    def to_dict(self) -> dict[str, Any]:
        """Return the source of the codes and the metrics, as plain values."""
        meta = self.codes.meta
        return {
            "data": meta.data,
            "data_fingerprint": meta.data_fingerprint,
            "model_fingerprint": meta.model_fingerprint,
            "codes_fingerprint": fingerprint([np.ascontiguousarray(self.codes.codes).tobytes()]),
            "count": len(self.codes),
            "drawn": len(self.indices),
            **self.metrics,
            "label_accuracy": self.accuracy,
            "trustworthiness": self.trustworthiness,
            **({} if self.onto is None else {"placed_onto": self._source_of_map()}),
        }

    def seconds_to_dict(self) -> dict[str, float]:
        """Return the duration of each stage by name, such as `gradient_seconds`."""
        return {f"{stage}_seconds": round(seconds, 3) for stage, seconds in self.seconds.items()}

    def to_points(self) -> PlanePoints:
        """Return what a coordinates file stores of the embedding."""
        class_names = self.codes.meta.class_names
        return PlanePoints(self.coordinates, self.names, self.labels, class_names, self.to_dict(), self.state)


def require_distinct(codes: NDArray[np.float32], name: str = "codes") -> None:
    """Check that the (N, ...) codes are not all equal; errors call them `name`.

    Raises:
        InputError: all codes are equal.
    """
    if (codes == codes[:1]).all():
        raise InputError(
            f"{name}: all codes are equal, so an embedding would show nothing", hint="check that the model is trained"
        )


def label_accuracy(coordinates: NDArray[np.float32], labels: NDArray[np.int64] | None) -> float | None:
    """Return the 1-NN accuracy: the fraction of labeled points whose nearest labeled point has the same label.

    None if fewer than two points are labeled.

    Args:
        coordinates: (N, 2)
        labels: (N,) labels, UNLABELED (-1) where unknown.
    """
    from scipy.spatial import cKDTree

    is_labeled = np.zeros(len(coordinates), bool) if labels is None else labels != UNLABELED
    if labels is None or is_labeled.sum() < 2:
        return None
    points, known = coordinates[is_labeled], labels[is_labeled]
    _, nearest = cKDTree(points).query(points, k=2)
    itself = np.arange(len(points))
    others = np.where(nearest[:, 0] == itself, nearest[:, 1], nearest[:, 0])  # duplicates come in any order
    return float((known[others] == known).mean())


def placed_label_accuracy(
    coordinates: NDArray[np.float32],
    labels: NDArray[np.int64] | None,
    map_coordinates: NDArray[np.float32],
    map_labels: NDArray[np.int64] | None,
) -> float | None:
    """Return the fraction of labeled points whose nearest labeled point of the map has the same label.

    None if no point is labeled, or none of the map.

    Args:
        coordinates: (N, 2)
        labels: (N,) labels with the meaning of those of the map, UNLABELED (-1) where unknown.
        map_coordinates: (M, 2)
        map_labels: (M,)
    """
    from scipy.spatial import cKDTree

    if labels is None or map_labels is None:
        return None
    is_labeled, is_labeled_in_map = labels != UNLABELED, map_labels != UNLABELED
    if not is_labeled.any() or not is_labeled_in_map.any():
        return None
    _, nearest = cKDTree(map_coordinates[is_labeled_in_map]).query(coordinates[is_labeled])
    return float((map_labels[is_labeled_in_map][nearest] == labels[is_labeled]).mean())
