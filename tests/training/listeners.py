"""Listeners that end a run early, as a signal does."""

from typing import Any

from aecli.checkpoint.run_folder import EpochMetrics
from aecli.errors import Interrupted


class Interrupting:
    """Raises `Interrupted`, or another exception, after an epoch; before the first one for 0."""

    def __init__(self, epoch: int, exception: type[BaseException] = Interrupted):
        self._epoch = epoch
        self._exception = exception

    def on_warning(self, text: str) -> None: ...

    def on_note(self, text: str) -> None: ...

    def on_start(self, *_: Any) -> None:
        if self._epoch == 0:
            raise self._exception

    def on_progress(self, *_: Any) -> None: ...

    def on_epoch(self, metrics: EpochMetrics, is_best: bool) -> None:
        if metrics.epoch == self._epoch:
            raise self._exception
