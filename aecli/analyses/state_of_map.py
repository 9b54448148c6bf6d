"""Read what a coordinates file keeps of the method for placing other codes; files may be damaged or forged."""

from collections.abc import Mapping
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.embedding_options import Metric
from aecli.codes.coordinates import PlanePoints


def codes_of_map(points: PlanePoints, values: int) -> NDArray[np.float32]:
    """Return the codes of the points of a map, (N, `values`).

    Raises:
        ValueError: they are missing or do not fit.
    """
    known = points.state["codes"]
    if known.shape != (len(points.coordinates), values):
        raise ValueError(f"codes of shape {known.shape} for {len(points.coordinates)} points of {values} values")
    return known.astype(np.float32)


def metric_of_map(settings: Mapping[str, Any]) -> Metric:
    """Return the distance between codes in the settings of a map.

    Raises:
        ValueError: it is missing or unknown.
    """
    for metric in get_args(Metric):
        if settings.get("metric") == metric:
            return metric  # type: ignore[no-any-return]
    raise ValueError(f"the metric is {settings.get('metric')!r}")
