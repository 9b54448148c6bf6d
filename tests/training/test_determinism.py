"""The same images, recipe and seed give the same bytes."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import Run

pytestmark = pytest.mark.slow

RESULTS = ("model.safetensors", "metrics.csv", "recipe.toml")


def contents(run: Path) -> list[bytes]:
    return [(run / name).read_bytes() for name in RESULTS]


@pytest.mark.parametrize("recipe", ["conv", "denoising"])
def test_bytes_depend_on_the_seed_only(recipe: str, train: Callable[..., Path], tmp_path: Path) -> None:
    words = ("--recipe", recipe, "--epochs", 2)
    one, same = (contents(train(tmp_path / name, *words)) for name in ("one", "same"))
    assert one == same
    other = contents(train(tmp_path / "other", *words, "--seed", 1))
    assert all(content != changed for content, changed in zip(one, other, strict=True))


def test_a_new_process_writes_the_same_bytes(train: Callable[..., Path], aecli_apart: Run, tmp_path: Path) -> None:
    run = train(tmp_path / "run", "--epochs", 2)
    words = ("train", "digits", "--recipe", "conv", "--epochs", 2, "--device", "cpu")
    result = aecli_apart(*words, "-o", tmp_path / "apart")
    assert result.status == 0
    assert contents(tmp_path / "apart") == contents(run)
    assert "Warning" not in result.err  # of Python
    assert "Traceback" not in result.err
    assert "\x1b" not in result.err + result.out


TWICE = """
import sys
from contextlib import suppress
from aecli.cli.main import main

for folder in sys.argv[1:]:
    with suppress(SystemExit):
        main(["train", "digits@0,1", "--recipe", "conv", "--epochs", "1", "-q", "--no-export",
              "--set", "model.image_size=16", "-o", folder])
"""


@pytest.mark.long
def test_several_threads_write_the_same_bytes(python: Callable[..., str], tmp_path: Path) -> None:
    python(TWICE, tmp_path / "one", tmp_path / "same", OMP_NUM_THREADS=str(min(os.cpu_count() or 1, 2)))
    assert contents(tmp_path / "one") == contents(tmp_path / "same")


def test_the_saved_recipe_writes_the_same_bytes(train: Callable[..., Path], tmp_path: Path) -> None:
    first = train(tmp_path / "first", "--recipe", "sparse", "--epochs", 2, "--lr", "0.02", "--seed", 7)
    again = train(tmp_path / "again", "--recipe", first / "recipe.toml")
    assert contents(again) == contents(first)


def test_the_global_seed_has_no_effect(fit: Callable[..., Any], tmp_path: Path) -> None:
    import torch

    for seed, name in ((1, "one"), (2, "same")):
        torch.manual_seed(seed)
        fit(tmp_path / name, {"corruption.gaussian": 0.5})
    assert contents(tmp_path / "one") == contents(tmp_path / "same")
