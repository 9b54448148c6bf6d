"""A step that is recorded once and replayed is the step itself; on a GPU by a CUDA graph, here by one that runs it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from aecli.training import fit as fitting
from aecli.training import module as training
from aecli.training.cuda_graph_step import STEPS_BEFORE, CudaGraph, CudaGraphStep


class Rerunner:
    """In the place of a CUDA graph: keeps the work, with the memory that it reads and fills, and runs it again."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def aside(self, work: Callable[[], torch.Tensor]) -> torch.Tensor:
        self.done.append("aside")
        return work()

    def record(self, work: Callable[[], torch.Tensor]) -> torch.Tensor:
        self.done.append("record")
        self._work, self._result = work, torch.zeros(())
        return self._result

    def replay(self) -> None:
        self.done.append("replay")
        self._result.copy_(self._work())


@pytest.fixture
def recorders(monkeypatch: pytest.MonkeyPatch) -> list[Rerunner]:
    """Those of the steps that are made from now on, as on a GPU."""
    made: list[Rerunner] = []

    def recorded(step: Any, optimizer: Any, randomness: Any) -> CudaGraphStep:
        made.append(Rerunner())
        return CudaGraphStep(step, optimizer, randomness, made[-1])

    monkeypatch.setattr(training, "CudaGraphStep", recorded)
    monkeypatch.setattr(training.TrainingModule, "_can_be_recorded", lambda module: True)
    return made


@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer.name": "sgd", "corruption.gaussian": 0.5},
        {"optimizer.name": "adamw", "optimizer.schedule": "one-cycle", "corruption.rotation": 20},
        {"optimizer.name": "adam", "optimizer.schedule": "cosine", "corruption.blocks": 1, "corruption.dropout": 0.1},
        {"objective.loss": "cross-entropy"},
    ],
    ids=lambda settings: "+".join(map(str, settings.values())),
)
def test_a_recorded_run_is_the_run_itself(
    fit: Callable[..., Any],
    weights: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, Any],
    request: Any,
) -> None:
    size = {"training.batch_size": 150, "training.epochs": 3}  # the last batch of an epoch has fewer images
    plain = fit(tmp_path / "plain", settings | size)
    recorders = request.getfixturevalue("recorders")
    initialized = fitting.Batches.__init__

    def several(batches: Any, *arguments: Any, **options: Any) -> None:
        initialized(batches, *arguments, **options)
        batches.batches_a_call = 4

    monkeypatch.setattr(fitting.Batches, "__init__", several)
    recorded = fit(tmp_path / "recorded", settings | size)
    [recorder] = recorders
    steps = plain.history[-1].step
    assert recorded.history[-1].step == steps == 27
    assert recorder.done.count("record") == 1
    assert recorder.done.count("replay") == steps - STEPS_BEFORE - 3
    for ours, theirs in zip(recorded.history, plain.history, strict=True):
        assert ours.train_loss == pytest.approx(theirs.train_loss, rel=1e-5)
        assert ours.val_loss == pytest.approx(theirs.val_loss, rel=1e-5)
        assert ours.lr == pytest.approx(theirs.lr, rel=1e-5)
    for name, values in weights(tmp_path / "plain").items():
        assert weights(tmp_path / "recorded")[name] == pytest.approx(values, abs=1e-4)


def test_it_goes_on_after_a_resume(fit: Callable[..., Any], recorders: list[Rerunner], tmp_path: Path) -> None:
    settings = {"optimizer.schedule": "one-cycle", "training.epochs": 4, "training.batch_size": 300}
    whole = fit(tmp_path / "whole", settings)

    class Stop:
        def on_start(self, *_: Any) -> None: ...
        def on_progress(self, *_: Any) -> None: ...
        def on_epoch(self, metrics: Any, is_best: bool) -> None:
            if metrics.epoch == 2:
                raise KeyboardInterrupt

    with pytest.raises((KeyboardInterrupt, SystemExit)):
        fit(tmp_path / "parted", settings, listener=Stop())
    parted = fit(tmp_path / "parted", settings, resume=True)
    assert len(recorders) == 3
    assert [row.train_loss for row in parted.history] == pytest.approx([row.train_loss for row in whole.history])


def test_what_cannot_be_recorded_is_done_step_by_step(
    fit: Callable[..., Any], recorders: list[Rerunner], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"optimizer.name": "adamw", "optimizer.schedule": "one-cycle", "training.batch_size": 150}
    recorded = fit(tmp_path / "recorded", settings)

    def refuse(recorder: Rerunner, work: Callable[[], torch.Tensor]) -> torch.Tensor:
        recorder.done.append("record")
        raise torch.OutOfMemoryError

    monkeypatch.setattr(Rerunner, "record", refuse)
    direct = fit(tmp_path / "direct", settings)
    assert recorders[-1].done == ["aside"] * STEPS_BEFORE + ["record"]
    losses = [row.train_loss for row in recorded.history]
    assert [row.train_loss for row in direct.history] == pytest.approx(losses, rel=1e-5)


needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


@needs_gpu
@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer.schedule": "one-cycle"},
        {
            "model.architecture": "conv",
            "model.arguments": {},
            "optimizer.name": "adamw",
            "optimizer.schedule": "cosine",
        },
        {"training.precision": "bf16-mixed"},
        {"objective.loss": "cross-entropy"},
    ],
    ids=["mlp", "conv", "bf16", "classifier"],
)
def test_a_cuda_graph_trains_as_the_steps_do(
    fit: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]
) -> None:
    settings = {"training.epochs": 3, "corruption.gaussian": 0.5} | settings
    made: list[CudaGraph] = []
    replay = CudaGraph.replay
    monkeypatch.setattr(CudaGraph, "replay", lambda graph: (made.append(graph), replay(graph))[1])
    recorded = fit(tmp_path / "recorded", settings, accelerator="gpu")
    assert made
    monkeypatch.setattr(training.TrainingModule, "_can_be_recorded", lambda module: False)
    plain = fit(tmp_path / "plain", settings, accelerator="gpu")
    for ours, theirs in zip(recorded.history, plain.history, strict=True):
        assert ours.train_loss == pytest.approx(theirs.train_loss, rel=1e-3)


@needs_gpu
@pytest.mark.parametrize("strategy", ["auto", "ddp"])
def test_images_may_stay_in_the_memory_of_the_host(
    fit: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, strategy: str
) -> None:
    on_gpu = fit(tmp_path / "gpu", {}, accelerator="gpu")
    monkeypatch.setattr("aecli.training.batches.FREE_MEMORY_SHARE", 0)
    on_host = fit(tmp_path / "host", {}, accelerator="gpu", strategy=strategy)
    losses = [row.val_loss for row in on_gpu.history]
    assert [row.val_loss for row in on_host.history] == pytest.approx(losses, rel=1e-3)


@needs_gpu
def test_memory_does_not_grow_with_the_epochs(fit: Callable[..., Any], tmp_path: Path) -> None:
    kept = []
    for epochs in (5, 40):  # each ends with a batch of another size
        torch.cuda.empty_cache()
        fit(tmp_path / str(epochs), {"training.epochs": epochs, "training.batch_size": 150}, accelerator="gpu")
        kept.append(torch.cuda.memory_reserved())
    assert kept[1] <= 1.2 * kept[0]
