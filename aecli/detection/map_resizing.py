"""Resize maps of scores to the size of an image."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from aecli.detection.overhang import NO_OVERHANG, Overhang


def resized_maps(
    maps: NDArray[np.float32], size: tuple[int, int], overhang: Overhang = NO_OVERHANG
) -> NDArray[np.float32]:
    """Return maps (N, h, w) at the size (H, W) of the image, by bilinear interpolation, as (N, H, W) float32.

    The values of a map are those at the centers of its cells, which without overhang divide the image evenly, as in
    torch's `interpolate(..., mode="bilinear", align_corners=False)`. No value is below the smallest or above the
    largest one of its map.
    """
    if maps.shape[1:] == size and not any(overhang):
        return maps
    rows, columns = (_weights(*each) for each in zip(maps.shape[1:], overhang, size, strict=True))
    resized = np.asarray(rows @ maps @ columns.T, np.float32)
    flat = maps.reshape(len(maps), -1)
    low, high = (bound[:, None, None] for bound in (flat.min(axis=1), flat.max(axis=1)))
    np.clip(resized, low, high, out=resized)  # rounding
    return resized


@lru_cache(maxsize=8)
def _weights(own: int, overhang: float, side: int) -> NDArray[np.float32]:
    """Return the weights of `own` values, some beyond the edge, at each of `side` positions, (side, own)."""
    centers = np.clip((np.arange(side) + 0.5) * (own - overhang) / side - 0.5, 0, own - 1)
    left = np.minimum(np.floor(centers).astype(np.int64), max(own - 2, 0))
    weights = np.zeros((side, own), np.float32)
    fraction = (centers - left).astype(np.float32)
    weights[np.arange(side), left] = 1 - fraction
    weights[np.arange(side), np.minimum(left + 1, own - 1)] += fraction
    return weights
