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
from aecli.training.callbacks import ListenerCallback, RunFolderCallback
from aecli.training.training_state import EpochState
from tests.command_line import Run
from tests.training.listeners import Interrupting

pytestmark = pytest.mark.slow

RESULTS = ("model.safetensors", "metrics.csv", "recipe.toml")
EPOCHS = 6

ADAM = {"optimizer.name": "adam", "optimizer.lr": 0.005, "optimizer.schedule": "one-cycle"}
NOISY = {"corruption.gaussian": 0.5, "corruption.dropout": 0.1, "penalty.sparsity_weight": 0.1}


def contents(run: Path) -> list[bytes]:
    return [(run / name).read_bytes() for name in RESULTS]


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


def test_a_run_may_be_interrupted_several_times(fit: Callable[..., Any], tmp_path: Path) -> None:
    settings = ADAM | NOISY | {"training.epochs": EPOCHS}
    fit(tmp_path / "whole", settings)
    for stop in (1, 2, 5):
        with pytest.raises(Interrupted):
            fit(tmp_path / "resumed", settings, listener=Interrupting(stop), resume=stop > 1)
    fit(tmp_path / "resumed", settings, resume=True)
    assert contents(tmp_path / "resumed") == contents(tmp_path / "whole")


@pytest.mark.parametrize("recipe", ["small", "codec-small"])
@pytest.mark.parametrize("kept", [(), ("--keep-state",)], ids=["no state", "state"])
def test_resuming_a_finished_run_changes_nothing(
    recipe: str, kept: tuple[str, ...], train: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = train(tmp_path / "run", "--recipe", recipe, "--epochs", 2, *kept)
    before = contents(run)
    for function in ("fit.save_best_model", "codec_prior.finish_codec"):  # whose bytes may differ on another machine
        monkeypatch.setattr(f"aecli.training.{function}", lambda *_: pytest.fail("the model is written again"))
    train(run, "--resume", *kept)
    assert contents(run) == before


@pytest.mark.parametrize("settings", [{}, ADAM | NOISY | {"optimizer.schedule": "constant"}], ids=["sgd", "adam"])
@pytest.mark.parametrize("first", [1, 3])
def test_a_finished_run_continues_with_more_epochs(
    settings: dict[str, Any], first: int, fit: Callable[..., Any], tmp_path: Path
) -> None:
    settings = settings | {"training.epochs": EPOCHS}
    fit(tmp_path / "whole", settings)
    for epochs in (first, EPOCHS):
        fit(tmp_path / "continued", settings | {"training.epochs": epochs}, resume=epochs > first, keep_state=True)
    assert contents(tmp_path / "continued") == contents(tmp_path / "whole")


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
    result = aecli("train", "digits", "-o", run, "--device", "cpu", "--resume", "--epochs", 3)
    assert result.status == ExitStatus.INPUT
    assert schedule in result.err
    assert contents(run) == before


def test_a_state_with_more_epochs_than_the_metrics_is_not_cut(fit: Callable[..., Any], tmp_path: Path) -> None:
    run = tmp_path / "run"
    fit(run, {"training.epochs": 3}, keep_state=True)
    rows = (run / "metrics.csv").read_text().splitlines(keepends=True)
    (run / "metrics.csv").write_text("".join(rows[:2]))  # killed after the state was saved
    before = contents(run)
    with pytest.raises(RecipeError, match="3 epochs"):
        fit(run, {"training.epochs": 2}, resume=True)
    assert contents(run) == before


def test_a_damaged_state_keeps_the_recipe(fit: Callable[..., Any], tmp_path: Path) -> None:
    run = tmp_path / "run"
    fit(run, {"training.epochs": 2}, keep_state=True)
    (run / "last.ckpt").write_bytes(b"damaged")
    before = contents(run)
    with pytest.raises(InputError, match="damaged"):
        fit(run, {"training.epochs": 4}, resume=True)
    assert contents(run) == before


def test_the_command_continues_a_finished_run(train: Callable[..., Path], aecli: Run, tmp_path: Path) -> None:
    run = train(tmp_path / "run", "--epochs", 2, "--keep-state")
    result = aecli("train", "digits", "-o", run, "--device", "cpu", "--resume")
    assert "--epochs" in result.err
    train(run, "--resume", "--epochs", 3)
    assert contents(run) == contents(train(tmp_path / "whole", "--epochs", 3))


def test_a_finished_run_has_no_state_unless_it_is_kept(train: Callable[..., Path], tmp_path: Path) -> None:
    kept = train(tmp_path / "kept", "--epochs", 2, "--keep-state")
    run = train(tmp_path / "run", "--epochs", 2)
    assert {path.name for path in kept.iterdir()} - {path.name for path in run.iterdir()} == {"last.ckpt"}
    assert contents(kept) == contents(run)
    train(kept, "--resume")
    assert (kept / "last.ckpt").exists(), "resuming a finished run removes nothing"
    train(kept, "--resume", "--epochs", 3)
    assert not (kept / "last.ckpt").exists()


def test_a_finished_run_without_a_state_has_nothing_to_train(
    train: Callable[..., Path], aecli: Run, tmp_path: Path
) -> None:
    run = train(tmp_path / "run", "--epochs", 2)
    before = contents(run)
    (run / "loss.png").unlink()  # as after a signal at the very end
    words = ("train", "digits", "-o", run, "--device", "cpu", "--resume")
    result = aecli(*words)
    assert result.status == ExitStatus.DONE, result.err
    assert "nothing to train" in result.err
    assert "more --epochs" not in result.err, "it cannot be continued"
    assert (run / "loss.png").exists()
    refused = aecli(*words, "--epochs", 3)
    assert refused.status == ExitStatus.INPUT
    assert "--init-from" in refused.err
    assert "--keep-state" in refused.err
    assert aecli(*words, "--epochs", 1).status == ExitStatus.INPUT
    assert aecli(*words, "--val", "digits:test").status == ExitStatus.INPUT
    assert contents(run) == before


def test_a_larger_patience_needs_the_state(fit: Callable[..., Any], tmp_path: Path) -> None:
    settings = {"optimizer.lr": 0.3, "training.epochs": 12, "training.patience": 1}
    assert fit(tmp_path / "run", settings).stopped_after == 1
    assert not (tmp_path / "run" / "last.ckpt").exists()
    again = fit(tmp_path / "run", settings | {"training.epochs": 20}, resume=True)
    assert again.stopped_after == 1
    assert not again.has_new_epoch
    for patience in (3, 0):
        with pytest.raises(InputError, match=r"last\.ckpt"):
            fit(tmp_path / "run", settings | {"training.patience": patience}, resume=True)


def test_an_unfinished_run_without_a_state_cannot_be_resumed(fit: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        fit(tmp_path / "run", {"training.epochs": 3}, listener=Interrupting(1))
    (tmp_path / "run" / "last.ckpt").unlink()
    with pytest.raises(InputError, match=r"last\.ckpt"):
        fit(tmp_path / "run", {"training.epochs": 3}, resume=True)


class InterruptingWithin(Interrupting):
    """Raises `Interrupted` in the middle of the epoch after `epoch`, and keeps the notes."""

    def __init__(self, epoch: int):
        super().__init__(epoch)
        self.notes: list[str] = []

    def on_note(self, text: str) -> None:
        self.notes.append(text)

    def on_progress(self, epoch: int, *_: Any) -> None:
        if epoch > self._epoch:
            raise Interrupted

    def on_epoch(self, *_: Any, **__: Any) -> None: ...


@pytest.mark.parametrize("stop", [1, 3, EPOCHS - 1])
def test_no_more_than_the_unfinished_epoch_is_repeated(
    stop: int, fit: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RunFolderCallback, "MAX_TIME_SHARE", 1e-9)  # writes after the first epoch only
    monkeypatch.setattr(ListenerCallback, "MIN_SECONDS", 0.0)
    settings = ADAM | NOISY | {"training.epochs": EPOCHS, "training.batch_size": 400}
    fit(tmp_path / "whole", settings)
    listener = InterruptingWithin(stop)
    with pytest.raises(Interrupted):
        fit(tmp_path / "resumed", settings, listener=listener)
    state = torch.load(tmp_path / "resumed" / "last.ckpt", weights_only=True)
    assert state["epoch"] + 1 == stop
    assert [f"saving epoch {stop}" in note for note in listener.notes] == [True] * (stop > 1)
    fit(tmp_path / "resumed", settings, resume=True)
    assert contents(tmp_path / "resumed") == contents(tmp_path / "whole")


@pytest.mark.parametrize("method", ["capture", "write"])
def test_a_signal_while_the_state_is_saved(
    method: str, fit: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit(tmp_path / "whole", {"training.epochs": 4})
    original, calls = getattr(EpochState, method), list[None]()

    def interrupted_once(state: EpochState, argument: Any) -> None:
        calls.append(None)
        if method == "capture" and len(calls) == 2:  # a copy of the weights alone
            original(state, argument | {"optimizer_states": []})
            raise Interrupted
        if method == "write" and len(calls) == 1:
            raise Interrupted
        original(state, argument)

    monkeypatch.setattr(EpochState, method, interrupted_once)
    with pytest.raises(Interrupted):
        fit(tmp_path / "resumed", {"training.epochs": 4})
    monkeypatch.undo()
    fit(tmp_path / "resumed", {"training.epochs": 4}, resume=True)
    assert contents(tmp_path / "resumed") == contents(tmp_path / "whole")


LONG = ("--set", "corruption.gaussian=0.2", "--batch-size", "64", "--epochs", "15", "--device", "cpu")
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
    result = aecli("train", "digits", "-o", run, "--device", "cpu", "--resume")
    assert result.status == 0, result.err
    assert "after epoch" in result.err
    assert contents(run) == expected
    assert not (run / "last.ckpt").exists()


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize(
    ("number", "status", "word"),
    [
        pytest.param(signal.SIGINT, ExitStatus.INTERRUPTED, "interrupted", marks=pytest.mark.long, id="SIGINT"),
        pytest.param(signal.SIGTERM, ExitStatus.TERMINATED, "terminated", id="SIGTERM"),
    ],
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
    assert {"loss.png", "reconstructions.png"} <= {path.name for path in run.iterdir()}
    resume(run, aecli, uninterrupted)


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.long
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
    result = aecli("train", "digits", "-o", stopped, "--device", "cpu", "--resume", *words)
    assert result.status == ExitStatus.INPUT
    assert re.search(rf"^error: .*{re.escape(key)}", result.err, re.MULTILINE)
    assert contents(stopped) == before


def test_other_images_are_refused(stopped: Path, aecli: Run) -> None:
    before = contents(stopped)
    result = aecli("train", "digits", "-o", stopped, "--device", "cpu", "--resume", "--val", "digits:test")
    assert result.status == ExitStatus.INPUT
    assert "images" in result.err
    assert contents(stopped) == before


@pytest.mark.parametrize("content", [b"", b"x" * 100, b"PK\x03\x04" + b"\0" * 100, b"half", b"pickle", b"other"])
def test_a_damaged_state_is_refused(content: bytes, fit: Callable[..., Any], tmp_path: Path) -> None:
    run = tmp_path / "run"
    fit(run, keep_state=True)
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
