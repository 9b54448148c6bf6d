"""Comparison of runs: errors are summed up batch by batch."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast
from weakref import ref

import numpy as np
import pytest
from numpy.typing import NDArray

from aecli.data import ImageSet
from aecli.inference.model import Model, ModelOutput
from aecli.reports.compare import _errors


@pytest.mark.parametrize("has_images", [True, False])
def test_reconstructions_are_not_kept(has_images: bool) -> None:
    """Those of a large set would not fit into memory."""
    images = np.random.default_rng(0).integers(0, 256, (6, 1, 4, 4), dtype=np.uint8)
    kept: list[ref[ModelOutput]] = []

    def outputs(images: NDArray[np.uint8]) -> Iterator[ModelOutput]:
        for number, image in enumerate(images):
            decoded = image[None] + np.float32(number) if has_images else None
            output = ModelOutput(image[None], np.zeros((1, 2), np.float32), decoded, np.full(1, number, np.float32))
            kept.append(ref(output))
            assert sum(each() is not None for each in kept) <= 2
            yield output

    model = cast("Model", SimpleNamespace(outputs=outputs, has_images=has_images))
    residual, mse = _errors(model, ImageSet(images, np.arange(6).astype(str), "random"))
    assert residual == 2.5
    assert mse == (pytest.approx(55 / 6, rel=1e-4) if has_images else None)
