"""`training.patience` ends a run after epochs without a smaller validation loss."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aecli.checkpoint import load_checkpoint
from aecli.errors import ExitStatus, Interrupted
from tests.command_line import Run
from tests.training.listeners import Interrupting

pytestmark = pytest.mark.slow

RESULTS = ("model.safetensors", "metrics.csv", "recipe.toml")
SETTINGS = {"optimizer.lr": 0.3, "training.epochs": 12}
"""With these, the loss grows in some epochs and shrinks again later."""


def contents(run: Path) -> list[bytes]:
    return [(run / name).read_bytes() for name in RESULTS]


@pytest.fixture(scope="module")
def losses(fit: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> list[float]:
    """The validation losses of a run that does not stop early."""
    return [epoch.val_loss for epoch in fit(tmp_path_factory.mktemp("whole") / "run", SETTINGS).history]


def expected_epochs(losses: list[float], patience: int) -> int:
    """Return the number of epochs before a run with these losses stops."""
    for done in range(1, len(losses)):
        if done - 1 - min(range(done), key=losses.__getitem__) >= patience:
            return done
    return len(losses)


@pytest.mark.parametrize("patience", [1, 2, 3, 12])
def test_a_run_stops_after_epochs_without_improvement(
    patience: int, losses: list[float], fit: Callable[..., Any], tmp_path: Path
) -> None:
    trained = fit(tmp_path / "run", SETTINGS | {"training.patience": patience})
    epochs = expected_epochs(losses, patience)
    assert [epoch.val_loss for epoch in trained.history] == losses[:epochs]
    assert trained.stopped_after == (patience if epochs < len(losses) else None)
    assert trained.checkpoint.header.training.epochs == epochs
    assert trained.checkpoint.header.training.val_loss == min(losses[:epochs])


def test_the_losses_of_the_test_rise_and_fall(losses: list[float]) -> None:
    assert expected_epochs(losses, 1) < len(losses)
    assert min(losses) < min(losses[: expected_epochs(losses, 1)])


def test_a_stopped_run_stays_stopped(fit: Callable[..., Any], tmp_path: Path) -> None:
    settings = SETTINGS | {"training.patience": 1}
    fit(tmp_path / "run", settings)
    before = contents(tmp_path / "run")
    again = fit(tmp_path / "run", settings, resume=True)
    assert contents(tmp_path / "run") == before
    assert again.stopped_after == 1
    assert not again.has_new_epoch


def test_an_interrupted_run_keeps_its_count(fit: Callable[..., Any], tmp_path: Path) -> None:
    settings = SETTINGS | {"training.patience": 2}
    whole = fit(tmp_path / "whole", settings)
    with pytest.raises(Interrupted):
        fit(tmp_path / "resumed", settings, listener=Interrupting(len(whole.history) - 1))
    fit(tmp_path / "resumed", settings, resume=True)
    assert contents(tmp_path / "resumed") == contents(tmp_path / "whole")


@pytest.mark.parametrize("changes", [{"training.patience": 3}, {"training.patience": 0, "training.epochs": 14}])
def test_more_patience_continues_a_stopped_run(
    changes: dict[str, int], fit: Callable[..., Any], tmp_path: Path
) -> None:
    fit(tmp_path / "continued", SETTINGS | {"training.patience": 1}, keep_state=True)
    fit(tmp_path / "continued", SETTINGS | changes, resume=True)
    fit(tmp_path / "whole", SETTINGS | changes)
    assert contents(tmp_path / "continued") == contents(tmp_path / "whole")


def test_more_epochs_do_not_outlast_the_patience(fit: Callable[..., Any], tmp_path: Path) -> None:
    settings = SETTINGS | {"training.patience": 1}
    epochs = len(fit(tmp_path / "run", settings, keep_state=True).history)
    settings = settings | {"training.epochs": 20}
    assert len(fit(tmp_path / "run", settings, resume=True).history) == epochs
    fit(tmp_path / "whole", settings)
    assert contents(tmp_path / "run") == contents(tmp_path / "whole")


def test_the_command_says_why_it_stopped(aecli: Run, tmp_path: Path) -> None:
    run = tmp_path / "run"
    words = ("train", "digits", "-o", run, "--device", "cpu", "--json")
    settings = ("--recipe", "mlp", "--set", "optimizer.name=adam", "--lr", 0.03, "--batch-size", 512)
    result = aecli(*words, *settings, "--epochs", 40, "--patience", 2)
    assert result.status == ExitStatus.DONE, result.err
    assert result.err.count("2 epochs without improvement") == 1
    assert result.document["stopped_early"]
    assert load_checkpoint(run).header.training.epochs < 40
    again = aecli(*words, "--resume")
    assert again.err.count("2 epochs without improvement") == 1
    assert "--patience" not in again.err
    assert again.document["fingerprint"] == result.document["fingerprint"]
