"""A training state that is whole but not what was written is refused, and the run in the folder stays as it was."""

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch

from aecli.errors import AecliError, Interrupted


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory, fit: Callable[..., Any]) -> Path:
    """A run that was interrupted after its first epoch of two."""

    class Stopping:
        def on_start(self, *_: Any) -> None: ...

        def on_progress(self, *_: Any) -> None: ...

        def on_epoch(self, *_: Any, **__: Any) -> None:
            raise Interrupted

    run = tmp_path_factory.mktemp("stopped") / "run"
    with pytest.raises(Interrupted):
        fit(run, {"training.epochs": 2}, listener=Stopping())
    return run


def places(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where there is something in nested dicts and lists."""
    items = tree.items() if isinstance(tree, dict[str, Any]) else enumerate(tree) if isinstance(tree, list) else ()
    return [place for key, value in items for place in [(*path, key), *places(value, (*path, key))]]


def test_nothing_in_a_state_makes_more_than_an_error(stopped: Path, fit: Callable[..., Any], tmp_path: Path) -> None:
    state = torch.load(stopped / "last.ckpt", weights_only=True)
    where = [place for place in places(state) if place[0] in {"callbacks", "optimizer_states", "state_dict"}]
    values = [None, "text", -1, float("nan"), [], {}, torch.zeros(3, 3), torch.full((16,), float("nan"))]
    before = (stopped / "model.safetensors").read_bytes()
    refused = 0
    for index, place in enumerate(where[::2]):
        run = tmp_path / str(index)
        shutil.copytree(stopped, run)
        changed = torch.load(stopped / "last.ckpt", weights_only=True)
        inner = changed
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = values[index % len(values)]
        torch.save(changed, run / "last.ckpt")
        with suppress(AecliError):
            fit(run, {"training.epochs": 2}, resume=True)
            continue
        refused += 1
        assert (run / "model.safetensors").read_bytes() == before, place
    assert refused > len(where) // 4
