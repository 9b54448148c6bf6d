"""Small image files of noise; no test uses the user's cache or the network."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.data.image_sets import Draw


@pytest.fixture(autouse=True)
def user_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test its own cache and data folder; returns the folder that holds both."""
    root = tmp_path_factory.mktemp("user")
    monkeypatch.setenv("AECLI_CACHE", str(root / "cache"))
    monkeypatch.setenv("AECLI_DATA", str(root / "data"))
    return root


@pytest.fixture
def draw() -> Draw:
    """Write one image file: gray or color noise by a seed, in the format of its suffix."""

    def write(path: Path, seed: int = 0, *, size: tuple[int, int] = (8, 6), mode: str = "L") -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        generator = np.random.default_rng(seed)
        shape = (size[1], size[0]) if mode == "L" else (size[1], size[0], 3)
        Image.fromarray(generator.integers(0, 256, shape, dtype=np.uint8)).save(path)
        return path

    return write
