"""How the map of an image becomes its score: the largest value, a quantile, or the mean."""

from typing import TYPE_CHECKING

from aecli.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LARGEST, MEAN = "max", "mean"
DEFAULT_REDUCTION = LARGEST


def check_reduction(reduction: str) -> None:
    """Check the name of a reduction: `max`, `mean` or a quantile such as `0.99`.

    Raises:
        UsageError: it is neither.
    """
    if reduction not in {LARGEST, MEAN} and _quantile(reduction) is None:
        raise UsageError(
            f"--map-reduction must be {LARGEST}, {MEAN} or a quantile between 0 and 1, not {reduction}",
            hint="for example 0.99",
        )


def reduce_maps(maps: "NDArray[np.float32]", reduction: str) -> "NDArray[np.float32]":
    """Return the scores of N images, (N,) float32, from their maps, (N, h, w), or (N,) objects of different sizes.

    Raises:
        ValueError: there is no such reduction.
    """
    import numpy as np  # not at import: the options of commands check the names

    if maps.dtype == object:
        return np.array([reduce_maps(one[None], reduction)[0] for one in maps], np.float32)
    flat = maps.reshape(len(maps), -1)
    if reduction == LARGEST:
        largest: NDArray[np.float32] = flat.max(1)
        return largest
    if reduction == MEAN:
        mean: NDArray[np.float32] = flat.mean(1, dtype=np.float64).astype(np.float32)
        return mean
    quantile = _quantile(reduction)
    if quantile is None:
        raise ValueError(f"unknown reduction of maps '{reduction}'")
    return np.quantile(flat, quantile, axis=1).astype(np.float32)


def _quantile(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 < value < 1 else None
