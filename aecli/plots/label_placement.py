"""Where things may stand in a picture without covering one another."""

import numpy as np
from numpy.typing import NDArray


def without_overlap(
    centers: NDArray[np.floating], size: tuple[float, float], order: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return which boxes of `size`, (width, height), around (N, 2) `centers`, taken in `order`, overlap none before.

    Each box looks only at its neighbors in a grid of cells as large as a box, so that 70,000 take a moment.
    """
    cells = np.floor(centers / np.asarray(size)).astype(np.int64)
    taken: dict[tuple[int, int], int] = {}
    chosen = []
    for index in order.tolist():
        column, row = int(cells[index, 0]), int(cells[index, 1])
        around = [(column + right, row + up) for right in (-1, 0, 1) for up in (-1, 0, 1)]
        others = [taken[cell] for cell in around if cell in taken]
        if all((np.abs(centers[index] - centers[other]) >= size).any() for other in others):
            taken[column, row] = index
            chosen.append(index)
    return np.array(chosen, np.int64)


def pushed_apart(
    centers: NDArray[np.floating],
    sizes: NDArray[np.floating],
    bounds: tuple[float, float, float, float],
    fixed: NDArray[np.bool_],
    rounds: int = 400,
) -> NDArray[np.float64]:
    """Return (N, 2) centers near the given ones at which boxes of (N, 2) `sizes`, (width, height), do not overlap.

    In each round every two boxes that overlap move apart along the direction that takes less. Those that are `fixed`,
    (N,), stay; the others are held in `bounds`, (left, bottom, right, top). Where there is no room for all, the fixed
    ones may be covered, and at last some of the others too.
    """
    places = centers.astype(np.float64)
    half = sizes / 2
    low, high = np.array(bounds[:2]) + half, np.array(bounds[2:]) - half
    first, second = np.triu_indices(len(places), 1)
    matter = ~(fixed[first] & fixed[second])
    first, second = first[matter], second[matter]
    shares = np.where(fixed, 0.0, 1.0)
    for turn in range(rounds):
        if turn == rounds // 2:
            free = ~(fixed[first] | fixed[second])
            first, second = first[free], second[free]
        places = np.where(fixed[:, None], centers, np.clip(places, low, np.maximum(low, high)))
        apart = places[first] - places[second]
        overlap = half[first] + half[second] - np.abs(apart)  # pairs, 2
        hit = (overlap > 1e-6).all(axis=1)
        if not hit.any():
            break
        one, other, rows = first[hit], second[hit], np.arange(hit.sum())
        axis = (overlap[hit, 1] <= overlap[hit, 0]).astype(np.int64)
        away = np.where(apart[hit][rows, axis] >= 0, 1.0, -1.0) * (overlap[hit][rows, axis] / 2 + 0.05)
        np.add.at(places, (one, axis), away * shares[one])
        np.add.at(places, (other, axis), -away * shares[other])
    return np.where(fixed[:, None], centers, np.clip(places, low, np.maximum(low, high)))
