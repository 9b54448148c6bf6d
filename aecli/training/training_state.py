"""The state that a run resumes from: a copy in memory at the end of each epoch, and its file."""

from collections.abc import Hashable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins.io import TorchCheckpointIO
from torch import Tensor

from aecli.errors import InputError
from aecli.runtime.lightning_internals import CHECKPOINT_KEYS
from aecli.storage.atomic import atomic_write
from aecli.storage.paths import require_file
from aecli.storage.tensor_files import refuse_tar_archive

UNCHANGED = ("callbacks", "loops")
"""The parts of a checkpoint that are made for it: callbacks return new values, and loops copy theirs."""


class WholeFileCheckpoints(TorchCheckpointIO):
    """Writes Lightning's checkpoint files atomically, and reads them without unpickling code."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        # Never closed: if a signal interrupts torch's writer, the writer aborts the process on a closed buffer.
        content = BytesIO()
        torch.save(checkpoint, content)
        with atomic_write(Path(path)) as file:
            file.write(content.getbuffer())

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> dict[str, Any]:
        require_file(Path(path), "training state")
        try:
            refuse_tar_archive(Path(path))
            loaded = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:
            raise InputError(f"damaged training state: {path}", hint="start again with --overwrite") from error
        if not isinstance(loaded, dict) or not loaded.keys() >= CHECKPOINT_KEYS or "History" not in loaded["callbacks"]:
            raise InputError(f"not a training state of aecli: {path}", hint="start again with --overwrite")
        return loaded


class EpochState:
    """A copy of the training state at the end of the last finished epoch.

    When a signal arrives, the weights and the optimizer are in the middle of the next epoch. The copy is in host
    memory, in the same tensors after each epoch.
    """

    def __init__(self) -> None:
        self._buffers: dict[tuple[Hashable, ...], Tensor] = {}
        self._checkpoint: dict[str, Any] | None = None

    @property
    def epochs(self) -> int:
        """The number of finished epochs of the run; 0 if there is no complete copy."""
        return self._checkpoint["epoch"] + 1 if self._checkpoint else 0

    @property
    def size(self) -> int:
        """The number of bytes of all tensors."""
        storages = {tensor.data_ptr(): tensor.nbytes for tensor in _tensors(self._checkpoint)}
        return sum(storages.values())

    @property
    def callbacks(self) -> dict[str, Any]:
        """The states of the callbacks, by their `state_key`."""
        assert self._checkpoint is not None
        return dict(self._checkpoint["callbacks"])

    def capture(self, checkpoint: dict[str, Any]) -> None:
        """Copy a checkpoint of Lightning, except for the parts that nothing changes later."""
        self._checkpoint = None
        self._checkpoint = {
            key: value if key in UNCHANGED else self._copy(value, (key,)) for key, value in checkpoint.items()
        }

    def write(self, path: Path) -> None:
        """Write the copy to a file that `WholeFileCheckpoints` loads.

        Raises:
            UnavailableError: the file cannot be written.
        """
        assert self._checkpoint is not None
        if any(buffer.is_pinned() for buffer in self._buffers.values()):
            torch.cuda.synchronize()  # the copies from the GPU may still be running
        WholeFileCheckpoints().save_checkpoint(self._checkpoint, path)

    def _copy(self, value: Any, key: tuple[Hashable, ...]) -> Any:
        """Return a copy of nested containers whose tensors are in the buffers."""
        if isinstance(value, Tensor):
            buffer = self._buffers.get(key)
            if buffer is None or buffer.shape != value.shape or buffer.dtype != value.dtype:
                # From pinned memory, a GPU copies without waiting.
                buffer = torch.empty_like(value, device="cpu", pin_memory=value.is_cuda, requires_grad=False)
                self._buffers[key] = buffer
            return buffer.copy_(value.detach(), non_blocking=value.is_cuda)
        if isinstance(value, dict):
            return {name: self._copy(item, (*key, name)) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self._copy(item, (*key, index)) for index, item in enumerate(value))
        return value


def _tensors(value: Any) -> Iterator[Tensor]:
    """Iterate over all tensors in nested dicts and lists."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict | list | tuple):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _tensors(item)
