"""What `aecli.train` shows while it reads images and trains."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, cast

from aecli.api.errors import CallerWarnings, in_python
from aecli.api.progress import open_display, updating
from aecli.api.training_progress import DisplayListener
from aecli.data import Failure
from aecli.runtime.progress import Progress, silent

if TYPE_CHECKING:
    from aecli.training.callbacks import TrainingListener
    from aecli.training.subsets import Subset


class DisplayView:
    """Shows a training on the display of this process, and collects what its result reports.

    See `aecli.workflows.training.TrainingView`.
    """

    def __init__(self, warnings: CallerWarnings, progress: "bool | TrainingListener | None"):
        self._warnings = warnings
        is_listener = progress is not None and not isinstance(progress, bool)
        self._display = None if is_listener else open_display(cast("bool | None", progress))
        self._listener = cast("TrainingListener", progress) if is_listener else None
        self._training: DisplayListener | None = None
        self.notes: list[str] = []
        self.failures: list[Failure] = []

    def progress(self) -> AbstractContextManager[Progress]:
        """Show a bar of the current stage, such as reading images."""
        return nullcontext(updating(self._display) if self._display else silent)

    def status(self, text: str) -> AbstractContextManager[None]:
        """Show nothing."""
        return nullcontext()

    def note(self, text: str) -> None:
        """Show a line, and keep it for the result."""
        self.notes.append(in_python(text))
        if self._display:
            self._display.keep(self.notes[-1])

    def warn(self, text: str) -> None:
        """Issue a warning."""
        self._warnings.issue(text)

    def show_images(self, notes: Sequence[str], warnings: Sequence[str], failures: Sequence[Failure]) -> None:
        """Issue the warnings on the images, and keep notes and failures for the result."""
        self.notes += map(in_python, notes)
        self.failures += failures
        for warning in [*warnings, *(each.warning for each in self.failures)]:
            self.warn(warning)

    def listen(self, images: "Subset", validation: "Subset") -> DisplayListener:
        """Return what shows the training."""
        self._training = DisplayListener(self._warnings, self._display, self._listener)
        return self._training

    def close(self) -> None:
        """Remove the bar of a training that did not start."""
        if self._display and not self._training:
            self._display.close()

    @property
    def seconds(self) -> float:
        """Seconds from the start of training to the end of the last epoch; 0 for a training that did not start."""
        return self._training.clock.seconds if self._training else 0.0

    @property
    def images_per_second(self) -> float:
        """Training images per second; 0 for a training that did not start."""
        return self._training.clock.images_per_second if self._training else 0.0
