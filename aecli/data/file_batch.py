"""Image files that are read together: in order, by several threads, with progress, and with errors that are alike."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from aecli.data.encoded import EncodedImage, UnreadableImageError
from aecli.errors import InputError
from aecli.runtime.progress import Progress
from aecli.runtime.threads import map_ordered

PROGRESS_SECONDS = 0.1
Result = TypeVar("Result")


@dataclass(frozen=True)
class FileBatch:
    """Image files that are read together."""

    files: tuple[EncodedImage, ...]
    names: list[str]
    """The name of each file's image."""
    skip_damaged: bool
    """Whether files that cannot be read are left out, instead of raising an error."""
    progress: Progress

    def __len__(self) -> int:
        return len(self.files)

    def map(
        self,
        function: Callable[[int], Result],
        stage: str,
        *,
        weigh: Callable[[int], int] = lambda index: 0,
        most: int = 0,
    ) -> Iterator[Result]:
        """Yield `function(index)` for the index of each file, in order; see `map_ordered`.

        The progress of `stage` is reported at intervals and at the end.
        """
        last_report, total = 0.0, len(self)
        for done, result in enumerate(map_ordered(function, range(total), weigh=weigh, most=most), start=1):
            yield result
            if done == total or time.monotonic() - last_report > PROGRESS_SECONDS:
                last_report = time.monotonic()
                self.progress(stage, done, total)

    def none_readable(self, first_failure: UnreadableImageError | None) -> InputError:
        """Return the error to raise if none of the files can be read."""
        reason = first_failure.message if first_failure else ""
        return InputError(
            f"none of the {len(self):,} images can be read; {reason}",
            hint="replace the images; aecli info DATA describes them",
        )


def damaged(failure: UnreadableImageError) -> UnreadableImageError:
    """Return the error to raise if one file cannot be read; it has a hint."""
    if failure.hint is None:
        failure.hint = "replace the file, or skip damaged files with --skip-damaged"
    return failure
