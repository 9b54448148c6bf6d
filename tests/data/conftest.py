"""Tiny real data, drawn here; nothing touches the user's own cache or the network."""

import gzip
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
    """Write one picture: grey or colour noise of a seed, in the format of its suffix."""

    def write(path: Path, seed: int = 0, *, size: tuple[int, int] = (8, 6), mode: str = "L", **options: object) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        random = np.random.default_rng(seed)
        shape = (size[1], size[0]) if mode == "L" else (size[1], size[0], 3)
        Image.fromarray(random.integers(0, 256, shape, dtype=np.uint8)).save(path, **options)
        return path

    return write


def idx_bytes(array: np.ndarray) -> bytes:
    """The IDX file of an array of unsigned bytes."""
    return bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()


def write_mnist(folder: Path, *, train: int = 6, test: int = 4, prefix: str = "", gzipped: bool = True) -> None:
    """Write four IDX files of 5x4 noise and labels 0, 1, 2, 0, ..."""
    folder.mkdir(parents=True, exist_ok=True)
    for split, count in (("train", train), ("t10k" if not prefix else "test", test)):
        random = np.random.default_rng(count)
        files = {
            f"{prefix}{split}-images-idx3-ubyte": random.integers(0, 256, (count, 5, 4), dtype=np.uint8),
            f"{prefix}{split}-labels-idx1-ubyte": (np.arange(count) % 3).astype(np.uint8),
        }
        for name, array in files.items():
            data = idx_bytes(array)
            (folder / (name + ".gz" * gzipped)).write_bytes(gzip.compress(data) if gzipped else data)
