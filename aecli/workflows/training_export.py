"""The exported model of a run folder, which the commands run without torch: written at the end of a training."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from aecli.checkpoint.run_folder import RunFolder
from aecli.errors import AecliError, InputError
from aecli.storage.run_files import ONNX_FILE

if TYPE_CHECKING:
    from aecli.training.trained import Trained


def export_trained(trained: "Trained", folder: RunFolder, *, wanted: bool = True) -> str | None:
    """Write the exported model of an autoencoder that was trained; return a warning if that fails.

    An exported model of earlier epochs is removed if it is not replaced, because no command would use it.
    """
    checkpoint = trained.checkpoint
    if checkpoint.header.task == "classifier" or _is_current(folder.exported, checkpoint.fingerprint):
        return None
    warning = None
    if wanted:
        try:
            from aecli.inference.onnx.export import export

            export(checkpoint, folder.exported)
            return None
        except Exception as error:  # nothing that goes wrong here may cost the training
            reason = error.message if isinstance(error, AecliError) else f"{type(error).__name__}: {error}"
            again = f"aecli export {shlex.quote(str(folder.path))}"
            warning = f"{ONNX_FILE} was not written, so that other commands load torch: {reason}; to try again: {again}"
    folder.exported.unlink(missing_ok=True)
    return warning


def _is_current(path: Path, fingerprint: str) -> bool:
    """Return whether a file is an exported model of the checkpoint with this fingerprint."""
    from aecli.checkpoint.onnx_file import read_onnx

    try:
        return path.exists() and read_onnx(path).fingerprint == fingerprint
    except (InputError, OSError, ImportError):
        return False
