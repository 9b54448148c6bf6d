"""Lower precision that makes training slower is reported."""

from pathlib import Path

import pytest

from aecli.training.precision import bfloat16_slowdown
from tests.command_line import Run

MLP = ("train", "digits", "--recipe", "mlp", "--epochs", 1, "-q", "--device", "cpu")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("precision", "slowdown", "warned"),
    [("bf16-mixed", 0.4, False), ("bf16-mixed", 20.0, True), ("16-mixed", 20.0, True), ("32-true", 20.0, False)],
)
def test_slow_bfloat16_is_reported(
    aecli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str, slowdown: float, warned: bool
) -> None:
    monkeypatch.setattr("aecli.training.precision.bfloat16_slowdown", lambda: slowdown)
    err = aecli(*MLP, "--precision", precision, "-o", tmp_path / "run").err
    assert ("warning: " in err and "20.0 times" in err) == warned
    assert ("--precision 32-true" in err) == warned


def test_the_slowdown_is_measured() -> None:
    assert 0.01 < bfloat16_slowdown() < 10_000
