"""Codes embedded in the plane, whatever the method, and what all methods share: a sample, a check and a measure."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

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

    @property
    def names(self) -> NDArray[np.str_]:
        return self.codes.names[self.indices]

    @property
    def labels(self) -> NDArray[np.int64] | None:
        return None if self.codes.labels is None else self.codes.labels[self.indices]

    @cached_property
    def accuracy(self) -> float | None:
        """1-NN accuracy of the labels in the plane; see `label_accuracy`."""
        return label_accuracy(self.coordinates, self.labels)

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
        }

    def seconds_to_dict(self) -> dict[str, float]:
        """Return the duration of each stage by name, such as `gradient_seconds`."""
        return {f"{stage}_seconds": round(seconds, 3) for stage, seconds in self.seconds.items()}

    def to_points(self) -> PlanePoints:
        """Return what a coordinates file stores of the embedding."""
        return PlanePoints(self.coordinates, self.names, self.labels, self.codes.meta.class_names, self.to_dict())


def require_distinct(codes: NDArray[np.float32], name: str = "codes") -> None:
    """Check that the (N, ...) codes are not all equal; errors call them `name`.

    Raises:
        InputError: all codes are equal.
    """
    if (codes == codes[:1]).all():
        raise InputError(
            f"{name}: all codes are equal, so an embedding would show nothing", hint="check that the model is trained"
        )


def draw_sample(labels: NDArray[np.int64] | None, count: int, sample: int | None, seed: int = 0) -> NDArray[np.int64]:
    """Return the ascending indices of a stratified random sample of `count` codes; all indices if `sample` is None.

    Each class gets its share of the sample, and at least one code if the sample is large enough. Codes without a label
    count as a class.

    Args:
        labels: (N,) labels, or None if there are none.
        count: N, the number of codes.
        sample: How many codes to draw, at most.
        seed: Random seed.
    """
    if sample is None or sample >= count:
        return np.arange(count)
    random = np.random.default_rng(seed)
    classes = np.zeros(count, np.int64) if labels is None else labels
    _, members, sizes = np.unique(classes, return_inverse=True, return_counts=True)
    least = 1 if len(sizes) <= sample else 0
    exact = (sample - least * len(sizes)) * sizes / count + least
    shares = np.minimum(np.floor(exact), sizes).astype(np.int64)
    for index in np.argsort(-(exact - shares), kind="stable"):
        shares[index] += min(sizes[index] - shares[index], sample - shares.sum())
        if shares.sum() == sample:
            break
    drawn = [random.permutation(np.flatnonzero(members == index))[:share] for index, share in enumerate(shares)]
    return np.sort(np.concatenate(drawn))


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
