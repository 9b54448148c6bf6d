"""A training state with changed values is refused, and the run folder stays unchanged."""

import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch

from aecli.checkpoint.run_folder import RunFolder
from aecli.errors import AecliError, InputError, Interrupted
from aecli.recipes.schema import Recipe
from aecli.training.callbacks import History
from aecli.training.fit import _explain_damaged_state
from aecli.training.request import TrainingRequest
from tests.training.listeners import Interrupting


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory, fit: Callable[..., Any]) -> Path:
    """A run of two epochs, interrupted after the first."""
    run = tmp_path_factory.mktemp("stopped") / "run"
    with pytest.raises(Interrupted):
        fit(run, {"training.epochs": 2}, listener=Interrupting(1))
    return run


def key_paths(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the keys that lead to each value of nested dicts and lists."""
    items: Iterable[tuple[Any, Any]] = ()
    if isinstance(tree, dict):
        items = tree.items()
    elif isinstance(tree, list):
        items = enumerate(tree)
    return [found for key, value in items for found in [(*path, key), *key_paths(value, (*path, key))]]


@pytest.mark.slow
def test_a_changed_value_raises_an_error_of_aecli_or_is_accepted(
    stopped: Path, fit: Callable[..., Any], tmp_path: Path
) -> None:
    state = torch.load(stopped / "last.ckpt", weights_only=True)
    paths = [path for path in key_paths(state) if path[0] in {"callbacks", "optimizer_states", "state_dict"}]
    values: list[Any] = [None, "text", -1, float("nan"), [], {}, torch.zeros(3, 3), torch.full((16,), float("nan"))]
    before = (stopped / "model.safetensors").read_bytes()
    refused = 0
    for index, path in enumerate(paths[::2]):
        run = tmp_path / str(index)
        shutil.copytree(stopped, run)
        changed = torch.load(stopped / "last.ckpt", weights_only=True)
        inner = changed
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = values[index % len(values)]
        torch.save(changed, run / "last.ckpt")
        with suppress(AecliError):
            fit(run, {"training.epochs": 2}, resume=True)
            continue
        refused += 1
        assert (run / "model.safetensors").read_bytes() == before, path
    assert refused > len(paths) // 4


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RuntimeError("size mismatch for encoder.0.weight"), InputError),
        (RuntimeError("alloc_cpu.cpp:124] . DefaultCPUAllocator: can't allocate memory"), RuntimeError),
        (torch.OutOfMemoryError("CUDA out of memory"), torch.OutOfMemoryError),
        (RuntimeError("[gloo/transport/tcp/pair.cc:534] Connection closed by peer [10.0.0.2]:1042"), RuntimeError),
    ],
    ids=["damage", "memory", "memory of a GPU", "connection"],
)
def test_a_failure_of_the_machine_is_not_called_damage(error: Exception, expected: type[Exception]) -> None:
    request = cast(TrainingRequest, SimpleNamespace(resume=True, folder=RunFolder(Path("run"))))
    with pytest.raises(expected), _explain_damaged_state(History(Recipe(), {}), request):
        raise error
