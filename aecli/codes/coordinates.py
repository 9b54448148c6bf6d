"""Planes -> one `.npz` file."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from aecli.storage.atomic import atomic_write
from aecli.storage.labels import UNLABELED
from aecli.storage.npz import read_npz
from aecli.storage.schema import matches, parse_json

if TYPE_CHECKING:
    from aecli.analyses.embedding import Layout

FORMAT = 1


def save_coordinates(layouts: "Sequence[Layout]", protocol: dict[str, Any], path: Path) -> None:
    """Write an `.npz` file with the points of all layouts, one after the other; the same layouts give the same bytes.

    `coordinates` (N, 2) float32; `labels` (N,) int64, indices into the class names of the layout, -1 where unknown;
    `names` (N,) unicode; `layout` (N,) int64, the layout that a point belongs to; `meta` one JSON string: for each
    layout its class names, what it was computed from and what came out, and the protocol with the seed.

    Raises:
        UnavailableError: the system refused to write.
    """
    meta = {
        "format": FORMAT,
        "protocol": protocol,
        "layouts": [each.origin() | each.figures() | {"class_names": each.codes.meta.class_names} for each in layouts],
    }
    labels = [np.full(len(each.indices), UNLABELED) if each.labels is None else each.labels for each in layouts]
    with atomic_write(path) as file:
        np.savez(
            file,
            allow_pickle=False,
            coordinates=np.concatenate([each.result.coordinates for each in layouts]),
            labels=np.concatenate(labels).astype(np.int64),
            names=np.concatenate([each.names for each in layouts]),
            layout=np.repeat(np.arange(len(layouts)), [len(each.indices) for each in layouts]),
            meta=np.array(json.dumps(meta, sort_keys=True, ensure_ascii=False)),
        )


def read_meta(path: Path) -> tuple[int, dict[str, Any]] | None:
    """Return the number of points and the `meta` of a file of `save_coordinates`; None where it is something else."""
    try:
        with path.open("rb") as file:
            arrays = read_npz(file, path, {"coordinates", "meta"})
        meta = parse_json(str(arrays["meta"]))
        known = matches(meta, dict[str, Any]) and isinstance(meta.get("layouts"), list)
        return (len(arrays["coordinates"]), meta) if known else None
    except (ValueError, OSError, KeyError, TypeError, RecursionError):
        return None
