"""The measured time and speed of a training, and the text of its metrics."""

import pytest

from aecli.checkpoint.run_folder import EpochMetrics
from aecli.workflows import training_clock
from aecli.workflows.training_clock import TrainingClock


class Time:
    """A time that the test sets."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr(training_clock, "time", time)
    return time


def metrics(epoch: int, accuracy: float | None = None) -> EpochMetrics:
    return EpochMetrics(epoch, epoch, 1.0, 1.5, 0.01, accuracy, accuracy)


def test_the_training_time_excludes_plots_after_the_last_epoch(time: Time) -> None:
    clock = TrainingClock()
    time.now = 1.0
    clock.start(2, 0, images_per_epoch=100)
    for epoch, time.now in ((1, 3.0), (2, 5.0)):
        clock.end_epoch(metrics(epoch))
    time.now = 9.0  # the plots are done
    assert clock.seconds == 4.0
    assert clock.images_per_second == 50.0


def test_a_resumed_run_is_measured_without_its_earlier_epochs(time: Time) -> None:
    clock = TrainingClock()
    clock.start(10, 8, images_per_epoch=100)
    assert (clock.seconds, clock.images_per_second) == (0.0, 0.0)
    time.now = 2.0
    assert clock.epochs_done(9, 50) == 8.5
    assert clock.current_images_per_second(8.5) == 25.0
    clock.end_epoch(metrics(9))
    assert clock.images_per_second == 50.0


def test_the_text_has_the_metrics_that_are_known() -> None:
    clock = TrainingClock()
    assert clock.metrics_text(None) == ""
    assert clock.metrics_text(0.25) == "loss 0.2500"
    clock.end_epoch(metrics(1))
    assert clock.metrics_text(0.25).split() == ["loss", "0.2500", "val", "1.5000"]
    clock.end_epoch(metrics(2, accuracy=0.5))
    assert clock.metrics_text(None).split() == ["val", "1.5000", "accuracy", "0.5000"]
