"""The callback through which long work reports its progress."""

from typing import Protocol


class Progress(Protocol):
    """A callback that long work calls repeatedly."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Report that `done` of `total` items are done in `stage`, whose last word names them: "decoding images"."""


def unit_of(stage: str) -> str:
    """Return what a stage counts: `images` of "decoding images"."""
    return stage.rpartition(" ")[2]


def silent(stage: str, done: int, total: int) -> None:
    """Ignore the progress."""
