"""The points of an explorer: what is known about each, from a code file, its embedding and a list of scores."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.embedding import Embedding
from aecli.analyses.neighbors import nearest_others
from aecli.data.layouts.split_names import split_of
from aecli.data.registry import SPLITS, resolve
from aecli.data.sources.image_folder import ImageFolder
from aecli.data.sources.lists import ImageList
from aecli.data.tiling import image_name
from aecli.detection.score_file import ScoreFile
from aecli.errors import InputError
from aecli.plots.embedding import Panel
from aecli.runtime.progress import Progress, silent

NEIGHBORS = 10
CLASS, SPLIT, VERDICT = "class", "split", "verdict"
RESIDUAL, SCORE = "residual", "score"


@dataclass(frozen=True)
class Grouping:
    """A property of each point that has few values, such as its class."""

    names: Sequence[str]
    indices: NDArray[np.int64]
    """(N,) indices into `names`, -1 where unknown."""


@dataclass(frozen=True)
class PanelPoints:
    """The points of one panel, (N,), and what is known about them."""

    title: str
    note: str
    coordinates: NDArray[np.float32]
    """(N, 2)"""
    names: list[str]
    source: str
    """The DATA word without its split: equal names of one source are the same image."""
    neighbors: NDArray[np.int64]
    """(N, K) indices of the nearest other points by their codes, the nearest first."""
    groupings: dict[str, Grouping]
    measures: dict[str, NDArray[np.float32]]
    """(N,) numbers, not finite where unknown."""
    files: list[str] | None = None
    """The path of each image, for lists of files; None if the images are not files."""
    image_indices: NDArray[np.int64] | None = None
    """(N,) index into the images for each point."""
    onto: NDArray[np.float32] | None = None
    """(M, 2) the points of the map onto which these were placed."""


def panel_points(
    panel: Panel, embedding: Embedding, scores: ScoreFile | None = None, progress: Progress = silent
) -> PanelPoints:
    """Return the points of a panel with all that is known about them.

    Raises:
        InputError: none of the images has a score.
    """
    codes, indices = embedding.codes, embedding.indices
    names: list[str] = embedding.names.tolist()
    word, split = _word_and_split(codes.meta.data)
    vectors = codes.codes.reshape(len(codes), -1)[indices]
    groupings, measures = {}, {}
    if panel.labels is not None:
        groupings[CLASS] = Grouping(panel.class_names, panel.labels)
    groupings[SPLIT] = _splits(names, split)
    if codes.residual_l2 is not None:
        measures[RESIDUAL] = codes.residual_l2[indices]
    if scores is not None:
        measures[SCORE], groupings[VERDICT] = _scores(names, scores)
    return PanelPoints(
        panel.title,
        panel.note,
        panel.coordinates,
        names,
        word,
        nearest_others(vectors, min(NEIGHBORS, len(names) - 1), progress, "nearest codes"),
        groupings,
        measures,
        _files(names, word),
        panel.image_indices,
        None if panel.onto is None else panel.onto.coordinates,
    )


def _word_and_split(word: str) -> tuple[str, str | None]:
    """Return the DATA word without split and classes, and the split if it is one of some images."""
    name, colon, rest = word.rpartition(":")
    split = rest.partition("@")[0]
    if not colon or split not in (*SPLITS, "val"):
        return word.partition("@")[0] if "/" not in word.rpartition("@")[2] else word, None
    return name, None if split == "all" else split


def _splits(names: Sequence[str], split: str | None) -> Grouping:
    """Return the split of each image: that of all, or else the first folder in its name, if that names one."""
    found = [split or (split_of(name.partition("/")[0]) if "/" in name else None) for name in names]
    known = ("train", "val", "test")
    return Grouping(known, np.array([-1 if each is None else known.index(each) for each in found], np.int64))


def _scores(names: Sequence[str], scores: ScoreFile) -> tuple[NDArray[np.float32], Grouping]:
    """Return the score and the verdict of each image.

    Raises:
        InputError: none has a score.
    """
    by_name = scores.by_name(set(names))
    if not by_name:
        raise InputError(
            f"{scores.path} has no score of these images, such as {names[0]}",
            hint="score the same images: aecli detect DATA --model run > verdicts.tsv",
        )
    lines = [by_name.get(name) for name in names]
    verdicts = ("normal", "anomaly")
    indices = [-1 if line is None else int(line.is_anomaly) for line in lines]
    values = np.array([np.nan if line is None else line.score for line in lines], np.float32)
    return values, Grouping(verdicts, np.array(indices, np.int64))


def _files(names: Sequence[str], word: str) -> list[str] | None:
    """Return the path of each image as `detect --files-from` reads it; None if they are not files on this machine."""
    try:
        source = resolve(word).source
    except InputError:
        return None
    if isinstance(source, ImageFolder):
        folder = source.path
    elif isinstance(source, ImageList):
        folder = source.path.parent
    else:
        return None
    files = [_file(folder, name) for name in names]
    return files if all(map(os.path.lexists, files[:1])) else None


def _file(folder: Path, name: str) -> str:
    """Return the path of an image; of a tile or of a page, that of the file that it is a part of."""
    path = os.path.normpath(folder / name)
    if os.path.lexists(path):
        return path
    whole = image_name(name)
    stem, mark, page = whole.rpartition("#")
    return os.path.normpath(folder / (stem if mark and page.isdecimal() else whole))
