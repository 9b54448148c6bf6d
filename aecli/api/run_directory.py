"""The run folder of `aecli.train`, which is a temporary one if none is given."""

import shutil
import tempfile
import weakref
from pathlib import Path
from typing import ClassVar

from aecli.checkpoint.run_folder import RunFolder
from aecli.errors import UsageError


class RunDirectory:
    """The run folder; without `output` a temporary one, which exists as long as this object.

    Raises:
        UsageError: a run is to be resumed, and `output` is None.
    """

    _interrupted: ClassVar[list["RunDirectory"]] = []
    """Temporary folders that hold the finished epochs of a run, until the end of the process."""

    def __init__(self, output: str | Path | None, *, resume: bool):
        self.is_temporary = output is None
        if output is not None:
            self.path = Path(output)
            return
        if resume:
            raise UsageError("resume needs the run folder", hint='for example output="run"')
        self.path = Path(tempfile.mkdtemp(prefix="aecli-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)

    def interrupted(self) -> KeyboardInterrupt:
        """Return the exception that ends a run, with a note on what is done."""
        interrupt = KeyboardInterrupt()
        if RunFolder(self.path).model.exists():
            self._interrupted.append(self)
            load = f'the best model so far: aecli.load("{self.path}")'
            interrupt.add_note(load if self.is_temporary else f"{load}; resume=True continues the run")
        return interrupt
