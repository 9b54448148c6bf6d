"""What `aecli train` shows while it reads images and trains."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from aecli.cli.console import Console
from aecli.cli.training_progress import ConsoleListener
from aecli.runtime.progress import Progress

if TYPE_CHECKING:
    from aecli.data import Failure
    from aecli.training.subsets import Subset


class ConsoleView:
    """Shows a training on the console; see `aecli.workflows.training.TrainingView`."""

    training: ConsoleListener
    """The progress of the training, once its images are read."""

    def __init__(self, console: Console):
        self._console = console

    def progress(self) -> AbstractContextManager[Progress]:
        """Show a bar of the current stage, such as reading images, or a line a minute in a pipe."""
        return self._console.progress(lines=True)

    def status(self, text: str) -> AbstractContextManager[None]:
        """Show what takes a while."""
        return self._console.status(text)

    def note(self, text: str) -> None:
        """Print a line."""
        self._console.note(text)

    def warn(self, text: str) -> None:
        """Print a warning."""
        self._console.warn(text)

    def show_images(self, notes: Sequence[str], warnings: Sequence[str], failures: "Sequence[Failure]") -> None:
        """Print how the images were read."""
        self._console.report_notes(notes, failures)
        for warning in warnings:
            self._console.warn(warning)

    def listen(self, images: "Subset", validation: "Subset") -> ConsoleListener:
        """Print the numbers of images; return what shows the training."""
        self.training = ConsoleListener(self._console, images, validation)
        return self.training
