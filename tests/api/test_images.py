"""Image sets become the input of a model."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from aecli.api.images import in_memory
from aecli.data import load
from aecli.data.conversion import Conversion


def test_the_size_without_padding_is_that_of_the_images(tmp_path: Path) -> None:
    np.save(tmp_path / "wide.npy", np.full((2, 20, 40), 200, np.uint8))
    word, padding, stretching = str(tmp_path / "wide.npy"), Conversion((1, 8, 8), "pad"), Conversion((1, 8, 8))

    def inner(loaded: Conversion, model: Conversion) -> tuple[int, int] | None:
        fake: Any = SimpleNamespace(conversion=model)
        return in_memory(load(word, conversion=loaded), fake).inner_size(0)

    assert inner(Conversion(), padding) == inner(padding, padding) == (4, 8)
    assert inner(stretching, padding) is None  # as it has the shape of the model
    assert inner(Conversion(), stretching) is None
