"""Tiny real data, drawn here; nothing touches the user's own cache or the network."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a cache and a data folder of its own."""
    root = tmp_path_factory.mktemp("own")
    monkeypatch.setenv("AECLI_CACHE", str(root / "cache"))
    monkeypatch.setenv("AECLI_DATA", str(root / "data"))
    return root


@pytest.fixture
def draw() -> Callable[..., Path]:
    """Write one picture: gray or color noise of a seed, in the format of its suffix."""

    def write(path: Path, seed: int = 0, *, size: tuple[int, int] = (8, 6), mode: str = "L", **options: object) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        random = np.random.default_rng(seed)
        shape = (size[1], size[0]) if mode == "L" else (size[1], size[0], 3)
        Image.fromarray(random.integers(0, 256, shape, dtype=np.uint8)).save(path, **options)
        return path

    return write
