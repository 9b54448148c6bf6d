"""Small IDX files."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def idx_bytes(array: NDArray[Any]) -> bytes:
    """Return the bytes of an IDX file that holds an array of unsigned bytes."""
    return bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()


def write_mnist(folder: Path, *, train: int = 6, test: int = 4, prefix: str = "", gzipped: bool = True) -> None:
    """Write four IDX files of 5x4 noise and labels 0, 1, 2, 0, ..."""
    folder.mkdir(parents=True, exist_ok=True)
    for split, count in (("train", train), ("t10k" if not prefix else "test", test)):
        generator = np.random.default_rng(count)
        files = {
            f"{prefix}{split}-images-idx3-ubyte": generator.integers(0, 256, (count, 5, 4), dtype=np.uint8),
            f"{prefix}{split}-labels-idx1-ubyte": (np.arange(count) % 3).astype(np.uint8),
        }
        for name, array in files.items():
            data = idx_bytes(array)
            (folder / (name + ".gz" * gzipped)).write_bytes(gzip.compress(data) if gzipped else data)
