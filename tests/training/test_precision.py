"""Lower precision that takes longer is told of."""

from pathlib import Path

import pytest

from aecli.training.precision import bfloat16_slowdown
from tests.command_line import Run

MLP = ("train", "digits", "--recipe", "mlp", "--epochs", 1, "-q", "--accelerator", "cpu")


@pytest.mark.parametrize(
    ("precision", "slowdown", "warned"),
    [("bf16-mixed", 0.4, False), ("bf16-mixed", 20.0, True), ("16-mixed", 20.0, True), ("32-true", 20.0, False)],
)
def test_a_processor_that_bfloat16_makes_slower_is_told_of(
    aecli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str, slowdown: float, warned: bool
) -> None:
    monkeypatch.setattr("aecli.training.fit.bfloat16_slowdown", lambda: slowdown)
    said = aecli(*MLP, "--precision", precision, "-o", tmp_path / "run").err
    assert ("warning: products of bfloat16 take 20.0 times as long" in said) == warned
    assert ("--precision 32-true" in said) == warned


def test_the_slowdown_is_measured() -> None:
    assert 0.01 < bfloat16_slowdown() < 10_000
