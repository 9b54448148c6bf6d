"""The progress display of training measures the time of the epochs alone."""

from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest

from aecli.checkpoint.run_folder import EpochMetrics
from aecli.cli import training_progress
from aecli.cli.training_progress import TrainingProgress


def test_the_training_time_excludes_plots_after_the_last_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = MagicMock(return_value=0.0)
    monkeypatch.setattr(training_progress, "time", SimpleNamespace(monotonic=clock))
    listener = TrainingProgress(MagicMock(shows_bars=False, shows_progress=False), MagicMock(), MagicMock())
    clock.return_value = 1.0
    listener.on_start(2, 0, images_per_epoch=100)
    for epoch, now in ((1, 3.0), (2, 5.0)):
        clock.return_value = now
        listener.on_epoch(EpochMetrics(epoch, epoch, 1.0, 1.0, 0.01), is_best=True)
    clock.return_value = 9.0  # the plots are done
    assert listener.seconds == 4.0
    assert listener.images_per_second == 50.0
