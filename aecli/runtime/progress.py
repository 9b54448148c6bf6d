"""The callback through which long work reports its progress."""

from typing import Protocol


class Progress(Protocol):
    """A callback that long work calls repeatedly."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Report that `done` of `total` items are done in `stage`, such as "decoding images"."""


def silent(stage: str, done: int, total: int) -> None:
    """Ignore the progress."""
