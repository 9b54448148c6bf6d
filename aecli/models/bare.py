"""Build networks without their weights: to know names and shapes, or before the weights are loaded."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

RANDOM = {Tensor.normal_, Tensor.uniform_}
"""Functions that draw the values of a tensor in place."""


@contextmanager
def without_weights() -> Iterator[None]:
    """Build networks on torch's meta device, where weights have a shape but no values and take no memory."""
    with torch.device("meta"), _WithoutInitialization():
        yield


class _WithoutInitialization(TorchFunctionMode):
    """Leave out random initialization, which on the meta device would import torch's compiler: a second, 140 MiB."""

    def __torch_function__(
        self, function: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if getattr(function, "__module__", "") == "torch.nn.init" or function in RANDOM:
            return kwargs["tensor"] if kwargs and "tensor" in kwargs else args[0]
        return function(*args, **(kwargs or {}))
