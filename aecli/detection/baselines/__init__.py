"""Trivial baselines of anomaly detection, one module each: statistics of pixels, without a model.

A score that separates anomalies no better than these does not need its model. `aecli calibrate` reports them beside the
scores if anomalies are known. They have the members of a `Score`, but no detector can use them.
"""

import pkgutil
from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from aecli.detection.scores import Score


def baselines() -> "dict[str, Score]":
    """Import and return all baselines by their names, such as `mean gray`, sorted."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return {name.replace("_", " "): cast("Score", import_module(f"{__name__}.{name}")) for name in names}
