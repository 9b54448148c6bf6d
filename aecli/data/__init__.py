"""A DATA word or path becomes an `ImageSet`: `load("mnist5k:train")`; `describe()` lists the words."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aecli.data.classes import matched_labels, occurring_classes, with_classes
    from aecli.data.image_set import UNLABELED, Failure, ImageSet
    from aecli.data.loading import describe, load, load_again
    from aecli.data.options import DataOptions, DatasetStatus
    from aecli.data.registry import DataRef, resolve
    from aecli.data.splits import draw_per_class, hold_out

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

_HOMES = {
    "UNLABELED": "image_set",
    "DataOptions": "options",
    "DataRef": "registry",
    "DatasetStatus": "options",
    "Failure": "image_set",
    "ImageSet": "image_set",
    "describe": "loading",
    "draw_per_class": "splits",
    "hold_out": "splits",
    "load": "loading",
    "load_again": "loading",
    "matched_labels": "classes",
    "occurring_classes": "classes",
    "resolve": "registry",
    "with_classes": "classes",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for, and only then: the command line reads `DataOptions` without waiting for numpy."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
