"""Images to codes and back with a trained model, in batches of bounded memory: one door, one backend a file."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aecli.inference.torch_backend import TorchModel


def load(path: str | Path, *, device: str = "auto") -> "TorchModel":
    """Load a trained model from a `.safetensors` file or a run folder.

    Args:
        path: the file or folder.
        device: `auto` takes a GPU where there is one; else a torch device such as `cpu` or `cuda:1`.

    Raises:
        InputError: no usable model there.
        UnavailableError: no such device here.
    """
    from aecli.checkpoint import load_checkpoint
    from aecli.inference.torch_backend import TorchModel

    return TorchModel(load_checkpoint(Path(path)), device)
