"""Anomaly scores, one module per score: how far an image is from normal images.

A score is computed in two steps. `measure` reduces what the model returns for an image to features, which are
independent of all other images. `score` maps features to one number per image, given the statistics that `fit` computed
from the features of normal images. A larger score is more anomalous.

A score of maps instead defines `maps`, which returns one number per position of the image, where a larger number is
more anomalous, and `overhang`, which says where they are. How a map becomes the image's score is then a choice of its
own, `aecli.detection.reductions`.

To add a score, add a module to this folder. Its file name is the score's name, and it defines what `Score` or
`MapScore` lists.
"""

import ast
import pkgutil
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast, runtime_checkable

from aecli.detection.overhang import NO_OVERHANG, Overhang
from aecli.errors import UsageError, unknown

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aecli.checkpoint import CheckpointHeader
    from aecli.inference.model import ModelOutput

Statistics = Mapping[str, "NDArray[np.float32]"]


class AnyScore(Protocol):
    """The members that each module in this folder defines."""

    UNIT: str
    """The label of the score's axis in plots."""
    SUMMARY: str
    """One line for `--help` and `aecli info`; a string literal, as it is read without importing the module."""

    @staticmethod
    def applies_to(header: "CheckpointHeader") -> bool:
        """Return whether the score can be computed from the output of such a model."""

    @staticmethod
    def measure(output: "ModelOutput") -> "NDArray[np.float32]":
        """Return the features of N images, (N, ...) float32."""

    @staticmethod
    def fit(features: "NDArray[np.float32]", seed: int) -> Statistics:
        """Return the statistics that `score` or `maps` needs, from the features of normal images, (N, ...)."""


class Score(AnyScore, Protocol):
    """A score of whole images."""

    @staticmethod
    def score(features: "NDArray[np.float32]", statistics: Statistics) -> "NDArray[np.float32]":
        """Return the scores of images with features (N, ...) as (N,) float32, not negative.

        Raises:
            KeyError: a statistic is missing.
            ValueError: the shapes of the features and the statistics do not fit together.
        """


@runtime_checkable
class MapScore(AnyScore, Protocol):
    """A score of each position of an image."""

    @staticmethod
    def maps(features: "NDArray[np.float32]", statistics: Statistics) -> "NDArray[np.float32]":
        """Return the scores at the positions of images with features (N, ...) as (N, h, w) float32, not negative.

        Raises:
            KeyError: a statistic is missing.
            ValueError: the shapes of the features and the statistics do not fit together.
        """

    @staticmethod
    def overhang(header: "CheckpointHeader") -> Overhang:
        """Return how many rows and columns of the maps of such a model lie beyond the lower and right edges."""


def score_names() -> list[str]:
    """Return the names of all scores, sorted, without importing any."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))


def score_summaries() -> dict[str, str]:
    """Return the summary of each score by its name, sorted, without importing any score or numpy."""
    return {name: _summary(name) for name in score_names()}


def applicable_scores(header: "CheckpointHeader") -> list[str]:
    """Return the names of the scores that can be computed from the output of a model with this header, sorted."""
    return [name for name in score_names() if find_score(name).applies_to(header)]


def has_positions(header: "CheckpointHeader") -> bool:
    """Return whether the codes of a model are maps of several positions, (C, h, w)."""
    return len(header.code_shape) == 3 and header.code_shape[1] * header.code_shape[2] > 1


def overhang_of(score: Score | MapScore, header: "CheckpointHeader") -> Overhang:
    """Return the overhang of the score's maps; none if it has no maps."""
    return score.overhang(header) if isinstance(score, MapScore) else NO_OVERHANG


def is_autoencoder(header: "CheckpointHeader") -> bool:
    """Return whether a model reconstructs images."""
    return header.task == "autoencoder"


def find_score(name: str) -> "Score | MapScore":
    """Import and return the score of that name.

    Raises:
        UsageError: there is no score of that name.
    """
    if name not in score_names():
        raise UsageError(unknown("score", name, score_names()))
    return cast("Score | MapScore", import_module(f"{__name__}.{name}"))


def _summary(name: str) -> str:
    spec = find_spec(f"{__name__}.{name}")
    assert spec is not None
    assert spec.origin is not None
    for statement in ast.parse(Path(spec.origin).read_text("utf-8")).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "SUMMARY":
            return str(ast.literal_eval(statement.value))
    raise LookupError(f"{spec.origin} does not define SUMMARY")
