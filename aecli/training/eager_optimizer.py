"""Optimizers of torch without its compiler, which takes longer to import than a small model to train.

The methods of `torch.optim.Optimizer` are wrapped so that `torch.compile` treats them correctly, and the wrappers
import the compiler. aecli does not compile its training step, so its optimizers use the methods inside the wrappers.
"""

from inspect import unwrap
from typing import Any, TypeVar

import torch
from torch.optim import Optimizer

Kind = TypeVar("Kind", bound=Optimizer)

METHODS = ("add_param_group", "load_state_dict", "state_dict", "zero_grad")
"""The methods that are only hidden from the compiler."""


def eager(kind: type[Kind]) -> type[Kind]:
    """Return a subclass of an optimizer that computes the same and does not import torch's compiler."""
    methods: dict[str, Any] = {name: unwrap(getattr(kind, name)) for name in METHODS}
    methods["step"] = torch.no_grad()(unwrap(kind.step))  # as its wrapper does
    return type(kind.__name__, (kind,), methods)
