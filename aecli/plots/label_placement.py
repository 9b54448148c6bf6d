"""Positions at which boxes do not overlap."""

import numpy as np
from numpy.typing import NDArray


def without_overlap(
    centers: NDArray[np.floating], size: tuple[float, float], order: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the indices of boxes that do not overlap, chosen greedily in `order`.

    A grid with cells of the size of a box limits the comparisons to adjacent cells, so that time is linear in N.

    Args:
        centers: (N, 2) centers of the boxes.
        size: (width, height) of every box.
        order: (N,) indices; a box is chosen if it overlaps no box that was chosen before.
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
    """Return (N, 2) centers close to the given ones at which the boxes do not overlap.

    In each round, every two overlapping boxes move apart along the axis that needs the smaller move. If there is not
    enough room, boxes first cover fixed boxes, and then each other.

    Args:
        centers: (N, 2) initial centers of the boxes.
        sizes: (N, 2) width and height of each box.
        bounds: (left, bottom, right, top) that the boxes stay in.
        fixed: (N,) whether a box keeps its place.
        rounds: The maximum number of rounds; fixed boxes may be covered in the second half.
    """
    positions = centers.astype(np.float64)
    half = sizes / 2
    low, high = np.array(bounds[:2]) + half, np.array(bounds[2:]) - half
    first, second = np.triu_indices(len(positions), 1)
    can_move = ~(fixed[first] & fixed[second])
    first, second = first[can_move], second[can_move]
    mobility = np.where(fixed, 0.0, 1.0)
    for turn in range(rounds):
        if turn == rounds // 2:
            are_free = ~(fixed[first] | fixed[second])
            first, second = first[are_free], second[are_free]
        positions = np.where(fixed[:, None], centers, np.clip(positions, low, np.maximum(low, high)))
        distance = positions[first] - positions[second]  # (pairs, 2)
        overlap = half[first] + half[second] - np.abs(distance)  # (pairs, 2)
        hit = (overlap > 1e-6).all(axis=1)
        if not hit.any():
            break
        one, other, pairs = first[hit], second[hit], np.arange(hit.sum())
        axis = (overlap[hit, 1] <= overlap[hit, 0]).astype(np.int64)
        direction = np.where(distance[hit][pairs, axis] >= 0, 1.0, -1.0)
        move = direction * (overlap[hit][pairs, axis] / 2 + 0.05)
        np.add.at(positions, (one, axis), move * mobility[one])
        np.add.at(positions, (other, axis), -move * mobility[other])
    return np.where(fixed[:, None], centers, np.clip(positions, low, np.maximum(low, high)))
