"""Points in the plane <-> one `.npz` file."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.storage.atomic import atomic_write
from aecli.storage.labels import UNLABELED
from aecli.storage.npz import read_npz
from aecli.storage.schema import matches, parse_json

FORMAT = 1
FIRST_METHOD = "t-SNE"
"""The method of files that do not name one."""


@dataclass(frozen=True)
class PlanePoints:
    """The points of one embedding, and what they are points of."""

    coordinates: NDArray[np.float32]
    """(N, 2)"""
    names: NDArray[np.str_]
    """(N,)"""
    labels: NDArray[np.int64] | None
    """(N,) indices into `class_names`, UNLABELED (-1) where unknown; None if no label is known."""
    class_names: list[str]
    about: dict[str, Any]
    """The source of the codes and the metrics of the embedding, as plain values."""


@dataclass(frozen=True)
class CoordinatesInfo:
    """What a coordinates file says about itself."""

    count: int
    """The number of points."""
    meta: dict[str, Any]

    @property
    def method(self) -> str:
        return str(self.meta.get("method", FIRST_METHOD))


def save_coordinates(embeddings: Sequence[PlanePoints], method: str, settings: dict[str, Any], path: Path) -> None:
    """Write the points of all embeddings, one after the other, to an `.npz` file; the same points give the same bytes.

    The arrays are `coordinates` (N, 2) float32; `labels` (N,) int64, indices into the class names of the embedding,
    -1 where unknown; `names` (N,) unicode; `layout` (N,) int64, the embedding that a point belongs to; `meta`, a JSON
    string with the method, its settings including the seed, and for each embedding its class names, source and metrics.

    Raises:
        UnavailableError: the system refused to write.
    """
    meta = {
        "format": FORMAT,
        "method": method,
        "protocol": settings,
        "layouts": [points.about | {"class_names": points.class_names} for points in embeddings],
    }
    counts = [len(points.coordinates) for points in embeddings]
    labels = [
        np.full(count, UNLABELED) if points.labels is None else points.labels
        for points, count in zip(embeddings, counts, strict=True)
    ]
    with atomic_write(path) as file:
        np.savez(
            file,
            allow_pickle=False,
            coordinates=np.concatenate([points.coordinates for points in embeddings]),
            labels=np.concatenate(labels).astype(np.int64),
            names=np.concatenate([points.names for points in embeddings]),
            layout=np.repeat(np.arange(len(embeddings)), counts),
            meta=np.array(json.dumps(meta, sort_keys=True, ensure_ascii=False)),
        )


def read_info(path: Path) -> CoordinatesInfo | None:
    """Return the description in a file that `save_coordinates` wrote; None for any other file."""
    try:
        with path.open("rb") as file:
            arrays = read_npz(file, path, {"coordinates", "meta"})
        meta = parse_json(str(arrays["meta"]))
        if not matches(meta, dict[str, Any]) or not isinstance(meta.get("layouts"), list):
            return None
        return CoordinatesInfo(len(arrays["coordinates"]), meta)
    except (ValueError, OSError, KeyError, TypeError, RecursionError):
        return None
