"""Load images from data sets, files and folders: `load("mnist5k:train")`; `describe()` lists the data sets."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aecli.data.classes import matched_labels, occurring_classes, with_classes
    from aecli.data.image_set import Failure, ImageSet
    from aecli.data.loading import describe, load, load_again
    from aecli.data.options import DataOptions, DatasetStatus
    from aecli.data.registry import DataRef, resolve
    from aecli.data.splits import draw_per_class, hold_out
    from aecli.storage.labels import UNLABELED

__all__ = [
    "UNLABELED",
    "DataOptions",
    "DataRef",
    "DatasetStatus",
    "Failure",
    "ImageSet",
    "describe",
    "draw_per_class",
    "hold_out",
    "load",
    "load_again",
    "matched_labels",
    "occurring_classes",
    "resolve",
    "with_classes",
]

_MODULES = {
    "UNLABELED": "aecli.storage.labels",
    "DataOptions": "aecli.data.options",
    "DataRef": "aecli.data.registry",
    "DatasetStatus": "aecli.data.options",
    "Failure": "aecli.data.image_set",
    "ImageSet": "aecli.data.image_set",
    "describe": "aecli.data.loading",
    "draw_per_class": "aecli.data.splits",
    "hold_out": "aecli.data.splits",
    "load": "aecli.data.loading",
    "load_again": "aecli.data.loading",
    "matched_labels": "aecli.data.classes",
    "occurring_classes": "aecli.data.classes",
    "resolve": "aecli.data.registry",
    "with_classes": "aecli.data.classes",
}


def __getattr__(name: str) -> Any:
    """Import names on first use: the command line needs `DataOptions` without importing numpy."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
