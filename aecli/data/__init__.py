"""A DATA word or path becomes an `ImageSet`: `load("mnist5k:train")`, `load("photos/")`; `describe` lists them."""

from aecli.data.image_set import UNLABELLED, Failure, ImageSet, image_fingerprint
from aecli.data.loading import describe, load
from aecli.data.options import DataOptions, DatasetStatus
from aecli.data.splits import hold_out

__all__ = [
    "UNLABELLED",
    "DataOptions",
    "DatasetStatus",
    "Failure",
    "ImageSet",
    "describe",
    "hold_out",
    "image_fingerprint",
    "load",
]
