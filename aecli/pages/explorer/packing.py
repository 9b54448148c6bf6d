"""The points of all panels as one JSON value: arrays as base64, and each image once, whatever panels it is in."""

from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.pages.explorer.points import PanelPoints
from aecli.pages.explorer.sprites import Sprites

NO_IMAGE = 2**32 - 1
UNKNOWN = 2**16 - 1
MAX_GROUPS = UNKNOWN


def packed(panels: Sequence[PanelPoints], sprites: Sprites | None, used: NDArray[np.int64] | None) -> dict[str, Any]:
    """Return what the script of the explorer reads.

    An image that several panels have is one item, known by its source and its name; classes, splits and verdicts
    belong to items, coordinates, neighbors and numbers to the points of a panel.

    Args:
        panels: The points of each panel.
        sprites: The thumbnails, or None.
        used: (M,) the ascending indices, into the images that the panels refer to, of the thumbnails.
    """
    items: dict[tuple[str, str], int] = {}
    of_points = [
        np.array([items.setdefault((panel.source, name), len(items)) for name in panel.names], np.int64)
        for panel in panels
    ]
    names = [name for _, name in items]
    return {
        "names": names,
        "files": _files(panels, of_points, names),
        "groupings": _groupings(panels, of_points, len(items)),
        "panels": [_panel(panel, indices) for panel, indices in zip(panels, of_points, strict=True)],
        "sprites": None if sprites is None or used is None else _sprites(panels, of_points, len(items), sprites, used),
    }


def pack_array(array: NDArray[Any], kind: str) -> dict[str, str]:
    """Return an array of this little-endian NumPy type, such as `<f4`, as its type and its bytes in base64."""
    return {"type": kind[1:], "bytes": b64encode(np.ascontiguousarray(array, kind).tobytes()).decode()}


def _panel(panel: PanelPoints, indices: NDArray[np.int64]) -> dict[str, Any]:
    kind = "<u2" if len(indices) <= UNKNOWN else "<u4"
    return {
        "title": panel.title,
        "note": panel.note,
        "items": pack_array(indices, "<u4"),
        "coordinates": pack_array(panel.coordinates, "<f4"),
        "onto": None if panel.onto is None else pack_array(panel.onto, "<f4"),
        "neighbors": pack_array(panel.neighbors, kind),
        "measures": {name: pack_array(values, "<f4") for name, values in panel.measures.items()},
    }


def _groupings(
    panels: Sequence[PanelPoints], of_points: Sequence[NDArray[np.int64]], count: int
) -> list[dict[str, Any]]:
    """Return the properties that have at least two values; the names of all panels are numbered together."""
    found = []
    for kind in dict.fromkeys(kind for panel in panels for kind in panel.groupings):
        numbers: dict[str, int] = {}
        values = np.full(count, UNKNOWN, np.int64)
        for panel, indices in zip(panels, of_points, strict=True):
            if (grouping := panel.groupings.get(kind)) is None:
                continue
            renumbered = np.array([numbers.setdefault(name, len(numbers)) for name in grouping.names] + [UNKNOWN])
            here = renumbered[grouping.indices]
            is_new = (values[indices] == UNKNOWN) & (here < MAX_GROUPS)
            values[indices[is_new]] = here[is_new]
        used = np.unique(values[values != UNKNOWN])
        if len(used) + bool((values == UNKNOWN).any()) < 2:
            continue
        names = list(numbers)
        order = np.full(UNKNOWN + 1, UNKNOWN)
        order[used] = np.arange(len(used))
        found.append(
            {"name": kind, "names": [names[index] for index in used.tolist()], "of": pack_array(order[values], "<u2")}
        )
    return found


def _files(
    panels: Sequence[PanelPoints], of_points: Sequence[NDArray[np.int64]], names: Sequence[str]
) -> list[str | None] | str | None:
    """Return the path of each item; if all are in one folder and end in the items' names, only what is before them."""
    files: list[str | None] = [None] * len(names)
    for panel, indices in zip(panels, of_points, strict=True):
        for index, file in zip(indices.tolist(), panel.files or (), strict=False):
            files[index] = file
    if files[0] is None or not files[0].endswith(names[0]):
        return files if any(file is not None for file in files) else None
    folder = files[0].removesuffix(names[0])
    return folder if all(file == folder + name for file, name in zip(files, names, strict=True)) else files


def _sprites(
    panels: Sequence[PanelPoints],
    of_points: Sequence[NDArray[np.int64]],
    count: int,
    sprites: Sprites,
    used: NDArray[np.int64],
) -> dict[str, Any]:
    of_items = np.full(count, NO_IMAGE, np.int64)
    for panel, indices in zip(panels, of_points, strict=True):
        if panel.image_indices is not None:
            of_items[indices] = np.searchsorted(used, panel.image_indices)
    return {
        "width": sprites.width,
        "height": sprites.height,
        "across": sprites.across,
        "perSheet": sprites.per_sheet,
        "of": pack_array(of_items, "<u4"),
        "sheets": [sheet.source for sheet in sprites.sheets],
    }
