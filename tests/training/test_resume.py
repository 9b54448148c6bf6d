"""A resumed run writes the same bytes as an uninterrupted one."""

import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from aecli.checkpoint import load_checkpoint
from aecli.errors import ExitStatus, InputError, Interrupted, RecipeError
from aecli.training.callbacks import RunFolderCallback
from tests.command_line import Run
from tests.training.listeners import Interrupting

pytestmark = pytest.mark.slow

RESULTS = ("model.safetensors", "metrics.csv", "recipe.toml")
EPOCHS = 6

ADAM = {"optimizer.name": "adam", "optimizer.lr": 0.005, "optimizer.schedule": "one-cycle"}
NOISY = {"corruption.gaussian": 0.5, "corruption.dropout": 0.1, "penalty.sparsity_weight": 0.1}


def contents(run: Path) -> list[bytes]:
    return [(run / name).read_bytes() for name in RESULTS]


@pytest.fixture
def saves_every_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Save the state after each epoch, however short."""

    def save(callback: RunFolderCallback, trainer: Any, module: Any) -> None:
        callback.save(trainer)

    monkeypatch.setattr(RunFolderCallback, "on_train_epoch_end", save)


@pytest.mark.usefixtures("saves_every_epoch")
@pytest.mark.parametrize("stop", [1, 3, EPOCHS - 1])
@pytest.mark.parametrize(
    "settings",
    [{}, ADAM | NOISY, {"optimizer.schedule": "cosine", "training.precision": "bf16-mixed"}],
    ids=["sgd", "adam", "bf16"],
)
def test_a_resumed_run_writes_the_same_bytes(
    settings: dict[str, Any], stop: int, fit: Callable[..., Any], tmp_path: Path
) -> None:
    settings = settings | {"training.epochs": EPOCHS}
    fit(tmp_path / "whole", settings)
    with pytest.raises(Interrupted) as caught:
        fit(tmp_path / "resumed", settings, listener=Interrupting(stop))
    assert "--resume" in (caught.value.hint or "")
    assert len((tmp_path / "resumed" / "metrics.csv").read_text().splitlines()) == 1 + stop
    fit(tmp_path / "resumed", settings, resume=True)
    assert contents(tmp_path / "resumed") == contents(tmp_path / "whole")


@pytest.mark.usefixtures("saves_every_epoch")
def test_a_run_may_be_interrupted_several_times(fit: Callable[..., Any], tmp_path: Path) -> None:
    settings = ADAM | NOISY | {"training.epochs": EPOCHS}
    fit(tmp_path / "whole", settings)
    for stop in (1, 2, 5):
        with pytest.raises(Interrupted):
            fit(tmp_path / "resumed", settings, listener=Interrupting(stop), resume=stop > 1)
    fit(tmp_path / "resumed", settings, resume=True)
    assert contents(tmp_path / "resumed") == contents(tmp_path / "whole")


def test_resuming_a_finished_run_changes_nothing(train: Callable[..., Path], tmp_path: Path) -> None:
    run = train(tmp_path / "run", "--epochs", 2)
    before = contents(run)
    train(run, "--resume")
    assert contents(run) == before


@pytest.mark.parametrize("settings", [{}, ADAM | NOISY | {"optimizer.schedule": "constant"}], ids=["sgd", "adam"])
@pytest.mark.parametrize("first", [1, 3])
def test_a_finished_run_continues_with_more_epochs(
    settings: dict[str, Any], first: int, fit: Callable[..., Any], tmp_path: Path
) -> None:
    settings = settings | {"training.epochs": EPOCHS}
    fit(tmp_path / "whole", settings)
    for epochs in (first, EPOCHS):
        fit(tmp_path / "continued", settings | {"training.epochs": epochs}, resume=epochs > first)
    assert contents(tmp_path / "continued") == contents(tmp_path / "whole")


@pytest.mark.usefixtures("saves_every_epoch")
@pytest.mark.parametrize("epochs", [2, 3, EPOCHS, EPOCHS + 2])
def test_an_interrupted_run_may_have_another_end(epochs: int, fit: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        fit(tmp_path / "resumed", {"training.epochs": EPOCHS}, listener=Interrupting(2))
    fit(tmp_path / "resumed", {"training.epochs": epochs}, resume=True)
    fit(tmp_path / "whole", {"training.epochs": epochs})
    assert contents(tmp_path / "resumed") == contents(tmp_path / "whole")


@pytest.mark.parametrize("schedule", ["cosine", "one-cycle"])
def test_a_schedule_over_the_whole_run_does_not_continue(
    schedule: str, fit: Callable[..., Any], aecli: Run, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    fit(run, {"training.epochs": 2, "optimizer.schedule": schedule})
    before = contents(run)
    result = aecli("train", "digits", "-o", run, "--accelerator", "cpu", "--resume", "--epochs", 3)
    assert result.status == ExitStatus.INPUT
    assert schedule in result.err
    assert contents(run) == before


def test_a_state_with_more_epochs_than_the_metrics_is_not_cut(fit: Callable[..., Any], tmp_path: Path) -> None:
    run = tmp_path / "run"
    fit(run, {"training.epochs": 3})
    rows = (run / "metrics.csv").read_text().splitlines(keepends=True)
    (run / "metrics.csv").write_text("".join(rows[:2]))  # killed after the state was saved
    before = contents(run)
    with pytest.raises(RecipeError, match="3 epochs"):
        fit(run, {"training.epochs": 2}, resume=True)
    assert contents(run) == before


def test_a_damaged_state_keeps_the_recipe(fit: Callable[..., Any], tmp_path: Path) -> None:
    run = tmp_path / "run"
    fit(run, {"training.epochs": 2})
    (run / "last.ckpt").write_bytes(b"damaged")
    before = contents(run)
    with pytest.raises(InputError, match="damaged"):
        fit(run, {"training.epochs": 4}, resume=True)
    assert contents(run) == before


def test_the_command_continues_a_finished_run(train: Callable[..., Path], aecli: Run, tmp_path: Path) -> None:
    run = train(tmp_path / "run", "--epochs", 2)
    result = aecli("train", "digits", "-o", run, "--accelerator", "cpu", "--resume")
    assert "--epochs" in result.err
    train(run, "--resume", "--epochs", 3)
    assert contents(run) == contents(train(tmp_path / "whole", "--epochs", 3))


LONG = ("--set", "corruption.gaussian=0.2", "--batch-size", "64", "--epochs", "15", "--accelerator", "cpu")
"""Trains for a second or two."""


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory, aecli: Run) -> list[bytes]:
    run = tmp_path_factory.mktemp("uninterrupted") / "run"
    assert aecli("train", "digits", "-o", run, *LONG).status == 0
    return contents(run)


def send_when_saved(number: signal.Signals, run: Path) -> threading.Thread:
    """Send this process the signal at a random moment after the first state is saved."""

    def wait() -> None:
        while not (run / "last.ckpt").exists():
            time.sleep(0.001)
        time.sleep(random.random() * 0.1)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def resume(run: Path, aecli: Run, expected: list[bytes]) -> None:
    result = aecli("train", "digits", "-o", run, "--accelerator", "cpu", "--resume")
    assert result.status == 0, result.err
    assert "after epoch" in result.err
    assert contents(run) == expected


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize(
    ("number", "status", "word"),
    [(signal.SIGINT, ExitStatus.INTERRUPTED, "interrupted"), (signal.SIGTERM, ExitStatus.TERMINATED, "terminated")],
    ids=["SIGINT", "SIGTERM"],
)
def test_a_run_resumes_after_a_signal(
    number: signal.Signals, status: int, word: str, uninterrupted: list[bytes], aecli: Run, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    thread = send_when_saved(number, run)
    result = aecli("train", "digits", "-o", run, *LONG)
    thread.join()
    assert result.status == status
    last, hint = result.err.splitlines()[-2:]
    assert last == word
    assert hint.startswith("hint: ")
    assert "--resume" in hint
    assert str(run) in hint
    assert 1 <= load_checkpoint(run).header.training.epochs < 15
    assert not list(run.glob(".*")), "no partial file is left"
    resume(run, aecli, uninterrupted)


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_run_resumes_after_it_was_killed(uninterrupted: list[bytes], aecli: Run, tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = [sys.executable, "-m", "aecli", "train", "digits", "-o", str(run), *LONG]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        while not (run / "last.ckpt").exists():
            assert process.poll() is None
            time.sleep(0.001)
        time.sleep(random.random() * 0.2)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    resume(run, aecli, uninterrupted)


def test_a_signal_in_the_first_epoch_leaves_no_files(fit: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(Interrupted) as caught:
        fit(tmp_path / "run", listener=Interrupting(0))
    assert "--resume" not in (caught.value.hint or "")
    assert list((tmp_path / "run").iterdir()) == []


@pytest.fixture(scope="module")
def stopped(fit: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of four epochs, interrupted after the second."""
    folder = tmp_path_factory.mktemp("stopped") / "run"
    with pytest.raises(Interrupted):
        fit(folder, {"training.epochs": 4}, listener=Interrupting(2))
    return folder


@pytest.mark.parametrize(
    ("words", "key"),
    [
        (("--epochs", 1), "training.epochs"),
        (("--patience", 1), "training.patience"),
        (("--lr", 0.5), "optimizer.lr"),
        (("--seed", 3), "training.seed"),
        (("--batch-size", 10), "training.batch_size"),
        (("--set", "model.arguments.code=9"), "model.arguments"),
        (("--set", "corruption.gaussian=0.1"), "corruption.gaussian"),
        (("--recipe", "conv"), "model.architecture"),
    ],
    ids=str,
)
def test_a_changed_recipe_is_refused(stopped: Path, aecli: Run, words: tuple[Any, ...], key: str) -> None:
    before = contents(stopped)
    result = aecli("train", "digits", "-o", stopped, "--accelerator", "cpu", "--resume", *words)
    assert result.status == ExitStatus.INPUT
    assert re.search(rf"^error: .*{re.escape(key)}", result.err, re.MULTILINE)
    assert contents(stopped) == before


def test_other_images_are_refused(stopped: Path, aecli: Run) -> None:
    before = contents(stopped)
    result = aecli("train", "digits", "-o", stopped, "--accelerator", "cpu", "--resume", "--val", "digits:test")
    assert result.status == ExitStatus.INPUT
    assert "images" in result.err
    assert contents(stopped) == before


@pytest.mark.parametrize("content", [b"", b"x" * 100, b"PK\x03\x04" + b"\0" * 100, b"half", b"pickle", b"other"])
def test_a_damaged_state_is_refused(content: bytes, fit: Callable[..., Any], tmp_path: Path) -> None:
    run = tmp_path / "run"
    fit(run)
    state = run / "last.ckpt"
    if content == b"half":
        content = state.read_bytes()[: state.stat().st_size // 2]
    if content == b"pickle":
        torch.save({"state": Trap()}, state)
    elif content == b"other":
        torch.save({"state_dict": {}}, state)
    else:
        state.write_bytes(content)
    with pytest.raises(InputError, match=r"last\.ckpt") as caught:
        fit(run, resume=True)
    assert "\n" not in caught.value.message
    assert not Trap.triggered


class Trap:
    """A pickled object that runs code when it is loaded."""

    triggered = False

    def __reduce__(self) -> tuple[Any, ...]:
        return (setattr, (Trap, "triggered", True))


def test_the_recipe_in_the_folder_is_checked(fit: Callable[..., Any], tmp_path: Path) -> None:
    fit(tmp_path / "run")
    (tmp_path / "run" / "recipe.toml").write_text("[model]\nnonsense = 1")
    with pytest.raises(RecipeError, match="nonsense"):
        fit(tmp_path / "run", resume=True)
