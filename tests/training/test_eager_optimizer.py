"""Optimizers that do not import torch's compiler compute exactly what those of torch compute."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from aecli.training.eager_optimizer import METHODS, eager

KINDS = [torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW]


def steps(kind: Any, fused: bool) -> tuple[torch.nn.Module, Any]:
    """Train a layer for three steps, continue from the optimizer's state for two more."""
    torch.manual_seed(0)
    layer = torch.nn.Linear(4, 2)
    optimizer = kind(layer.parameters(), lr=0.1, weight_decay=0.01, fused=fused)
    for step in range(5):
        if step == 3:
            state = optimizer.state_dict()
            optimizer = kind(layer.parameters(), lr=0.1, weight_decay=0.01, fused=fused)
            optimizer.load_state_dict(state)
        optimizer.zero_grad()
        layer(torch.ones(3, 4)).square().mean().backward()
        optimizer.step()
    return layer, optimizer


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_results_are_the_same(kind: Any, fused: bool) -> None:
    (expected, original), (actual, optimizer) = steps(kind, fused), steps(eager(kind), fused)
    assert isinstance(optimizer, kind)
    assert all(torch.equal(a, b) for a, b in zip(actual.parameters(), expected.parameters(), strict=True))
    assert str(optimizer.state_dict()) == str(original.state_dict())
    assert not any(parameter.grad_fn for parameter in actual.parameters())


@pytest.mark.parametrize("kind", KINDS)
def test_torch_still_hides_these_methods_from_its_compiler(kind: Any) -> None:
    assert all(hasattr(getattr(kind, name), "__wrapped__") for name in (*METHODS, "step"))


@pytest.mark.slow
@pytest.mark.long
def test_a_training_imports_neither_the_compiler_nor_torchvision(python: Callable[..., str], tmp_path: Path) -> None:
    code = "import os, sys; from aecli.cli.main import main\n"
    code += "skipped = {'torch._dynamo', 'torchvision', 'torchmetrics.functional', 'scipy', 'sympy', 'onnxscript'}\n"
    code += "words = ['train', 'digits', '-o', sys.argv[1], '--epochs', '1', '-q', '--device', 'cpu']\n"
    code += "try: main(words)\nexcept SystemExit as stop: print(stop.code)\n"
    code += "print(*sorted(skipped & sys.modules.keys()))"
    assert python(code, tmp_path / "run").split("\n", 1)[1].split() == ["0"]
