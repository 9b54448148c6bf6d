"""Losses and penalties compared with their formulas in NumPy."""

from typing import Literal

import numpy as np
import pytest
import torch

from aecli.models.losses import distance, penalty
from aecli.recipes.sections import ObjectiveRecipe, PenaltyRecipe

RANDOM = np.random.default_rng(0)
OUTPUT, TARGET = RANDOM.normal(size=(2, 5, 1, 6, 6)) * 2
CODE = RANDOM.normal(size=(5, 4, 2, 3))
ERROR = np.abs(OUTPUT - TARGET)


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("mse", np.mean(ERROR**2)),
        ("l1", np.mean(ERROR)),
        ("huber", np.mean(np.where(ERROR < 1, 0.5 * ERROR**2, ERROR - 0.5))),
    ],
)
def test_the_loss_is_the_mean_over_pixels_and_batch(loss: Literal["mse", "l1", "huber"], expected: float) -> None:
    value = distance(torch.tensor(OUTPUT), torch.tensor(TARGET), ObjectiveRecipe(loss=loss))
    assert value.item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("beta", [0.5, 3.0])
@pytest.mark.parametrize("s", [0.05, -1.0, 0.0])
def test_the_penalty_is_averaged_or_summed_over_the_code(beta: float, s: float) -> None:
    deviation = np.abs(CODE - s).reshape(5, -1)
    code = torch.tensor(CODE)
    mean = penalty(code, PenaltyRecipe(sparsity_weight=beta, sparsity_target=s, reduction="mean"))
    total = penalty(code, PenaltyRecipe(sparsity_weight=beta, sparsity_target=s, reduction="sum"))
    assert float(mean) == pytest.approx(beta * deviation.mean(), rel=1e-6)
    assert float(total) == pytest.approx(beta * deviation.sum(axis=1).mean(), rel=1e-6)


def test_a_weight_of_zero_turns_the_penalty_off() -> None:
    assert penalty(torch.tensor(CODE), PenaltyRecipe()) == 0.0
