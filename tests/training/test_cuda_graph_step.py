"""A recorded and replayed step equals the direct one: with a CUDA graph on a GPU, with a substitute elsewhere."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from aecli.errors import Interrupted
from aecli.training import module
from aecli.training.batches import Batches
from aecli.training.cuda_graph_step import WARMUP_STEPS, CudaGraph, CudaGraphStep
from aecli.training.module import TrainingModule
from tests.training.listeners import Interrupting


class Rerunner:
    """A substitute for a CUDA graph that keeps the work, with the memory that it reads and fills, and runs it again."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def warm_up(self, work: Callable[[], torch.Tensor]) -> torch.Tensor:
        self.calls.append("warm_up")
        return work()

    def record(self, work: Callable[[], torch.Tensor]) -> torch.Tensor:
        self.calls.append("record")
        self._work, self._result = work, torch.zeros(())
        return self._result

    def replay(self) -> None:
        self.calls.append("replay")
        self._result.copy_(self._work())


@pytest.fixture
def recorders(monkeypatch: pytest.MonkeyPatch) -> list[Rerunner]:
    """The recorders of all steps made during the test, which are recorded as on a GPU."""
    recorders: list[Rerunner] = []

    def recorded_step(step: Any, optimizer: Any, randomness: Any) -> CudaGraphStep:
        recorders.append(Rerunner())
        return CudaGraphStep(step, optimizer, randomness, recorders[-1])

    monkeypatch.setattr(module, "CudaGraphStep", recorded_step)
    monkeypatch.setattr(TrainingModule, "_can_record_step", lambda module: True)
    return recorders


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
def test_a_recorded_run_equals_a_direct_run(
    fit: Callable[..., Any],
    weights: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, Any],
    request: Any,
) -> None:
    size = {"training.batch_size": 150, "training.epochs": 3}  # the last batch of an epoch has fewer images
    direct = fit(tmp_path / "direct", settings | size)
    recorders = request.getfixturevalue("recorders")
    initialize = Batches.__init__

    def initialize_with_four_per_call(batches: Batches, *arguments: Any, **options: Any) -> None:
        initialize(batches, *arguments, **options)
        batches.batches_per_call = 4

    monkeypatch.setattr(Batches, "__init__", initialize_with_four_per_call)
    recorded = fit(tmp_path / "recorded", settings | size)
    [recorder] = recorders
    steps = direct.history[-1].step
    assert recorded.history[-1].step == steps == 27
    assert recorder.calls.count("record") == 1
    assert recorder.calls.count("replay") == steps - WARMUP_STEPS - 3
    for row, direct_row in zip(recorded.history, direct.history, strict=True):
        assert row.train_loss == pytest.approx(direct_row.train_loss, rel=1e-5)
        assert row.val_loss == pytest.approx(direct_row.val_loss, rel=1e-5)
        assert row.lr == pytest.approx(direct_row.lr, rel=1e-5)
    for name, values in weights(tmp_path / "direct").items():
        assert weights(tmp_path / "recorded")[name] == pytest.approx(values, abs=1e-4)


def test_a_recorded_run_resumes(fit: Callable[..., Any], recorders: list[Rerunner], tmp_path: Path) -> None:
    settings = {"optimizer.schedule": "one-cycle", "training.epochs": 4, "training.batch_size": 300}
    whole = fit(tmp_path / "whole", settings)

    with pytest.raises(Interrupted):
        fit(tmp_path / "resumed", settings, listener=Interrupting(2, KeyboardInterrupt))
    resumed = fit(tmp_path / "resumed", settings, resume=True)
    assert len(recorders) == 3
    assert [row.train_loss for row in resumed.history] == pytest.approx([row.train_loss for row in whole.history])


def test_steps_that_cannot_be_recorded_are_performed_directly(
    fit: Callable[..., Any], recorders: list[Rerunner], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"optimizer.name": "adamw", "optimizer.schedule": "one-cycle", "training.batch_size": 150}
    recorded = fit(tmp_path / "recorded", settings)

    def refuse(recorder: Rerunner, work: Callable[[], torch.Tensor]) -> torch.Tensor:
        recorder.calls.append("record")
        raise torch.OutOfMemoryError

    monkeypatch.setattr(Rerunner, "record", refuse)
    direct = fit(tmp_path / "direct", settings)
    assert recorders[-1].calls == ["warm_up"] * WARMUP_STEPS + ["record"]
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
def test_a_cuda_graph_equals_direct_steps(
    fit: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]
) -> None:
    settings = {"training.epochs": 3, "corruption.gaussian": 0.5} | settings
    replayed: list[CudaGraph] = []
    replay = CudaGraph.replay

    def replay_and_record(graph: CudaGraph) -> None:
        replayed.append(graph)
        replay(graph)

    monkeypatch.setattr(CudaGraph, "replay", replay_and_record)
    recorded = fit(tmp_path / "recorded", settings, device="gpu")
    assert replayed
    monkeypatch.setattr(TrainingModule, "_can_record_step", lambda module: False)
    direct = fit(tmp_path / "direct", settings, device="gpu")
    for row, direct_row in zip(recorded.history, direct.history, strict=True):
        assert row.train_loss == pytest.approx(direct_row.train_loss, rel=1e-3)


@needs_gpu
@pytest.mark.parametrize("strategy", ["auto", "ddp"])
def test_images_may_stay_in_host_memory(
    fit: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, strategy: str
) -> None:
    on_gpu = fit(tmp_path / "gpu", {}, device="gpu")
    monkeypatch.setattr("aecli.training.batches.FREE_MEMORY_SHARE", 0)
    on_host = fit(tmp_path / "host", {}, device="gpu", strategy=strategy)
    losses = [row.val_loss for row in on_gpu.history]
    assert [row.val_loss for row in on_host.history] == pytest.approx(losses, rel=1e-3)


@needs_gpu
def test_memory_does_not_grow_with_the_epochs(fit: Callable[..., Any], tmp_path: Path) -> None:
    reserved = []
    for epochs in (5, 40):  # the last batch of each epoch has another size
        torch.cuda.empty_cache()
        fit(tmp_path / str(epochs), {"training.epochs": epochs, "training.batch_size": 150}, device="gpu")
        reserved.append(torch.cuda.memory_reserved())
    assert reserved[1] <= 1.2 * reserved[0]
