"""One file a score, found by its name: how far an image is from normal ones, the larger the farther.

A score is computed in two steps. `measure` takes what the model makes of some images to a few numbers each, the
features; it knows nothing of other images. `score` takes features to one number each, by statistics that `fit` found in
the features of normal images.
"""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from aecli.errors import UsageError, unknown

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aecli.inference.model import ModelOutput

Statistics = Mapping[str, "NDArray[np.float32]"]


class Score(Protocol):
    """What a file in this folder offers."""

    UNIT: str
    """What the score is measured in."""
    SUMMARY: str
    """What it is, in a line for people."""

    @staticmethod
    def measure(output: "ModelOutput") -> "NDArray[np.float32]":
        """Return the features of N images, (N, F) float32."""

    @staticmethod
    def fit(features: "NDArray[np.float32]", seed: int) -> Statistics:
        """Return what `score` needs to know of normal images with these features, (N, F)."""

    @staticmethod
    def score(features: "NDArray[np.float32]", statistics: Statistics) -> "NDArray[np.float32]":
        """Return the scores of N images with these features, (N, F): (N,) float32, not negative.

        Raises:
            ValueError: the features or statistics are not of the shapes that `fit` saw or made.
        """


def score_names() -> list[str]:
    """Return the names of all scores, sorted, without importing any."""
    return sorted(file.stem for file in Path(__file__).parent.glob("[!_]*.py"))


def find_score(name: str) -> Score:
    """Return the score of that name.

    Raises:
        UsageError: there is none.
    """
    if name not in score_names():
        raise UsageError(unknown("score", name, score_names()))
    return cast(Score, import_module(f"{__name__}.{name}"))
