"""Explorers of real images without a model: the codes of digits are principal components of their pixels."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.embedding import Embedding
from aecli.codes import Codes, CodesMeta
from aecli.data import load
from aecli.plots.embedding import Panel, panel

CODE_SIZE = 16


def digits_map(
    count: int,
    word: str = "digits",
    *,
    data: str | None = None,
    names: Sequence[str] | None = None,
    class_names: Sequence[str] | None = None,
    with_images: bool = True,
    **changes: Any,
) -> tuple[Panel, Embedding]:
    """Return the panel and the embedding of `count` images of a data set; of more than it has, shifted copies.

    `changes` are other fields of the codes.
    """
    loaded = load(f"{word}:all")
    source = np.arange(count) % len(loaded)
    images = _shifted(loaded.images[source], np.arange(count) // len(loaded))
    codes = principal_components(images)
    labels = None if loaded.labels is None else loaded.labels[source]
    meta = CodesMeta("sha256:0", data or f"{word}:all", "sha256:1", class_names=list(class_names or loaded.class_names))
    turns = (index // len(loaded) for index in range(count))
    default = [name + "+" * turn for name, turn in zip(loaded.names[source].tolist(), turns, strict=True)]
    residuals = codes[:, -1] ** 2
    values = {"names": np.array(list(names or default)), "labels": labels, "residual_l2": residuals} | changes
    made = Embedding(
        Codes(codes=codes, meta=meta, **values),
        np.arange(count),
        np.ascontiguousarray(codes[:, :2]),
        "PCA",
        {},
        {},
        "two principal components",
        {},
    )
    return panel(meta.data, made, images if with_images else None, np.arange(count) if with_images else None), made


def principal_components(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the first components of the pixels, (N, CODE_SIZE)."""
    pixels = images.reshape(len(images), -1).astype(np.float32) / 255
    pixels -= pixels.mean(axis=0)
    _, vectors = np.linalg.eigh(pixels.T @ pixels)
    return np.ascontiguousarray(pixels @ vectors[:, : -CODE_SIZE - 1 : -1], np.float32)


def _shifted(images: NDArray[np.uint8], turns: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return the images, those of each turn shifted by another number of pixels."""
    shifted = images.copy()
    for turn in range(1, int(turns.max(initial=0)) + 1):
        here = turns == turn
        shifted[here] = np.roll(images[here], (turn % 5 - 2, turn // 5 % 5 - 2 or 2), (2, 3))
    return shifted
