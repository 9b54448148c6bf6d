"""Points in the plane <-> one `.npz` file."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.errors import InputError
from aecli.storage.atomic import atomic_write
from aecli.storage.labels import UNLABELED
from aecli.storage.npz import read_npz
from aecli.storage.paths import reading, require_file
from aecli.storage.schema import matches, parse_json

FORMAT = 1
FIRST_METHOD = "t-SNE"
"""The method of files that do not name one."""
HINT = "write one with aecli tsne CODES.npz -o PLOT.png --coordinates FILE.npz"


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
    state: Mapping[str, NDArray[np.floating]] = field(default_factory=dict)
    """What the method needs to place other codes among these points, by name; empty if it cannot."""


@dataclass(frozen=True)
class PlaneMap:
    """The content of a coordinates file."""

    method: str
    """Name of the method, such as "t-SNE"."""
    settings: dict[str, Any]
    """The parameters of the method."""
    layouts: list[PlanePoints]
    """The points of each embedding."""


@dataclass(frozen=True)
class CoordinatesInfo:
    """What a coordinates file says about itself."""

    count: int
    """The number of points."""
    meta: dict[str, Any]

    @property
    def method(self) -> str:
        return _method(self.meta)


def save_coordinates(embeddings: Sequence[PlanePoints], method: str, settings: dict[str, Any], path: Path) -> None:
    """Write the points of all embeddings, one after the other, to an `.npz` file; the same points give the same bytes.

    The arrays are `coordinates` (N, 2) float32; `labels` (N,) int64, indices into the class names of the embedding,
    -1 where unknown; `names` (N,) unicode; `layout` (N,) int64, the embedding that a point belongs to; `meta`, a JSON
    string with the method, its settings including the seed, and for each embedding its class names, source and metrics;
    and the arrays of each embedding's state, such as `codes_0` for the first one.

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
    state = {
        f"{name}_{index}": array for index, points in enumerate(embeddings) for name, array in points.state.items()
    }
    with atomic_write(path) as file:
        np.savez(
            file,
            allow_pickle=False,
            coordinates=np.concatenate([points.coordinates for points in embeddings]),
            labels=np.concatenate(labels).astype(np.int64),
            names=np.concatenate([points.names for points in embeddings]),
            layout=np.repeat(np.arange(len(embeddings)), counts),
            meta=np.array(json.dumps(meta, sort_keys=True, ensure_ascii=False)),
            **state,
        )


def load_coordinates(path: Path) -> PlaneMap:
    """Read an `.npz` file that `save_coordinates` wrote, or `-` for standard input.

    Raises:
        InputError: the file is missing, damaged, or not a coordinates file.
    """
    require_file(path, "coordinates file")
    try:
        with reading(path, magic=b"PK") as file:
            arrays = read_npz(file, path)
    except (ValueError, OSError) as error:
        raise InputError(f"not a coordinates file: {path}: {error}", hint=HINT) from error
    if not {"coordinates", "layout", "meta"} <= arrays.keys():
        raise InputError(f"not a coordinates file: {path}", hint=HINT)
    try:
        return _from_arrays(arrays, path)
    except (ValueError, TypeError, KeyError, RecursionError, MemoryError) as error:
        raise InputError(f"damaged coordinates file: {path}: {error}") from error


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


def _from_arrays(arrays: dict[str, NDArray[Any]], path: Path) -> PlaneMap:
    meta = parse_json(str(arrays["meta"]))
    if not matches(meta, dict[str, Any]) or not matches(meta.get("layouts"), list[dict[str, Any]]):
        raise ValueError("'meta' does not describe points")
    if meta.get("format", FORMAT) != FORMAT:
        raise InputError(f"made by a newer version of aecli: {path}", hint="pip install --upgrade aecli")
    if not matches(meta.get("protocol", {}), dict[str, Any]):
        raise ValueError("'protocol' holds no settings")
    points = _array(arrays, "coordinates", "f", (len(arrays["coordinates"]), 2))
    one_each = points.shape[:1]
    layout = _array(arrays, "layout", "i", one_each)
    names, labels = _array(arrays, "names", "U", one_each), _array(arrays, "labels", "i", one_each)
    if not ((layout >= 0) & (layout < len(meta["layouts"]))).all():
        raise ValueError("'layout' is not an index of the embeddings")
    layouts = []
    for index, about in enumerate(meta["layouts"]):
        members = layout == index
        class_names = about.pop("class_names", None)
        if not matches(class_names, list[str]):
            raise ValueError("'class_names' are missing")
        known = labels[members].astype(np.int64)
        if not ((known >= UNLABELED) & (known < len(class_names))).all():
            raise ValueError(f"some labels are not indices of the {len(class_names)} classes")
        layouts.append(
            PlanePoints(
                coordinates=points[members].astype(np.float32),
                names=names[members],
                labels=known if (known != UNLABELED).any() else None,
                class_names=class_names,
                about=about,
                state=_state(arrays, index),
            )
        )
    return PlaneMap(_method(meta), meta.get("protocol", {}), layouts)


def _state(arrays: dict[str, NDArray[Any]], layout: int) -> dict[str, NDArray[np.floating]]:
    """Return the arrays of the state of an embedding, by name."""
    ending = f"_{layout}"
    return {
        key.removesuffix(ending): _array(arrays, key, "f", array.shape)
        for key, array in arrays.items()
        if key.endswith(ending)
    }


def _array(arrays: dict[str, NDArray[Any]], key: str, kind: str, shape: tuple[int, ...]) -> NDArray[Any]:
    if key not in arrays:
        raise ValueError(f"'{key}' is missing")
    array = arrays[key]
    if array.dtype.kind != kind or array.shape != shape:
        raise ValueError(f"'{key}' has dtype {array.dtype} and shape {array.shape}")
    if kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"'{key}' has values that are not finite")
    return array


def _method(meta: dict[str, Any]) -> str:
    return str(meta.get("method", FIRST_METHOD))
