"""How long work tells what it has done, without knowing who listens."""

from typing import Protocol


class Progress(Protocol):
    """Called now and then by long work."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Say that `done` of the `total` items of `stage`, such as "decoding pictures", are done."""


def silent(stage: str, done: int, total: int) -> None:
    """Tell no one."""
