"""The gradient's norm is limited where the recipe says so."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook


@pytest.mark.parametrize(("limit", "is_small"), [(0, False), (1e-3, True), (1e9, False)])
def test_a_limit_keeps_steps_of_sgd_small(
    limit: float, is_small: bool, fit: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    norms: list[float] = []

    def record(optimizer: torch.optim.SGD) -> None:
        gradients = [value.grad for group in optimizer.param_groups for value in group["params"]]
        norms.append(float(torch.linalg.vector_norm(torch.cat([value.flatten() for value in gradients]))))

    hook = register_optimizer_step_pre_hook(lambda optimizer, *rest: record(optimizer))
    try:
        fit(tmp_path / "run", {"optimizer.max_gradient_norm": limit, "training.epochs": 1})
    finally:
        hook.remove()
    assert norms
    assert (max(norms) < 1.01e-3) == is_small
