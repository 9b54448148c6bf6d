"""`aecli.search` and `aecli.find_duplicates`."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from aecli.analyses.duplicates.find import DuplicatesResult
from aecli.analyses.duplicates.find import find_duplicates as find_in_codes
from aecli.analyses.duplicates.options import DuplicateOptions
from aecli.analyses.search.options import Method, Metric, SearchOptions
from aecli.analyses.search.search import SearchResult
from aecli.analyses.search.search import search as search_in_codes
from aecli.api.errors import python_errors, warn_all
from aecli.api.images import DataLike, in_memory, load_model
from aecli.api.progress import ProgressLike, open_progress
from aecli.codes import Codes, load_codes
from aecli.data import DataOptions
from aecli.errors import UsageError
from aecli.inference.encoding import encode
from aecli.workflows.code_queries import read_queries, require_made_by

if TYPE_CHECKING:
    from aecli.inference.model import Model


def search(
    queries: "DataLike | Iterable[str | Path]",
    codes: str | Path | Codes,
    model: "Model | str | Path | None" = None,
    *,
    neighbors: int = 10,
    metric: Metric = "euclidean",
    method: Method = "auto",
    options: DataOptions | None = None,
    device: str = "auto",
    progress: "ProgressLike" = None,
) -> SearchResult:
    """Find the images whose codes are nearest to those of other images.

        found = aecli.search("image.png", "codes.npz", "run", neighbors=5)
        found.codes.names[found.neighbors.indices[0]]           # the names of the five nearest images
        found.neighbors.distances[0]

    Args:
        queries: Image files, DATA words, code files of the same model, or a list of these; or images in memory, as
            `model.encode` takes them.
        codes: A code file to search in.
        model: The model that made the codes, which encodes images; not needed for queries that are code files.
        neighbors: How many codes to find for each query.
        metric: `euclidean`, or `cosine`, which does not depend on the length of a code.
        method: `exact`, or `approximate`, which needs `aecli[search]`; `auto` builds an index for many queries in more
            than 100,000 codes.
        options: How DATA words are read.
        device: A torch device such as `cpu` or `cuda:1`, if the model is given as a path; `auto` selects a GPU if there
            is one.
        progress: None shows a bar in a notebook and on a terminal, False never; or a function that is called with
            (stage, done, total).

    Returns:
        `neighbors.indices`, (M, K) int64 indices of codes, the nearest first, and `neighbors.distances`, (M, K)
        float64; `query_names`, (M,). If the queries are the same code file, no code is its own neighbor.

    Raises:
        aecli.errors.InputError: a file is missing or damaged, or the codes were made by another model.
        aecli.errors.UsageError: there are fewer codes than neighbors, or images and no model.
        aecli.errors.UnavailableError: a package or the device is not available.
    """
    with python_errors(), open_progress(progress) as on_progress:
        chosen = SearchOptions(metric=metric, method=method, neighbors=neighbors)
        loaded = _codes(codes)
        encoder = None if model is None else load_model(model, device)
        words = [queries] if isinstance(queries, str | os.PathLike) else queries
        if isinstance(words, list | tuple) and all(isinstance(word, str | os.PathLike) for word in words):
            read = read_queries(
                [os.fspath(word) for word in words], loaded, encoder, options or DataOptions(), progress=on_progress
            )
            warn_all(failure.warning for failure in read.failures)
            asked = read.codes
        else:
            if encoder is None:
                raise UsageError("no model to encode the images", hint="give the model that made the codes as model")
            require_made_by(loaded, encoder)
            asked = encode(encoder, in_memory(words, encoder), progress=on_progress)  # type: ignore[arg-type]
        return search_in_codes(loaded, asked, chosen, on_progress)


def find_duplicates(
    codes: str | Path | Codes,
    other: str | Path | Codes | None = None,
    *,
    threshold: float | None = None,
    metric: Metric = "euclidean",
    method: Method = "auto",
    progress: "ProgressLike" = None,
) -> DuplicatesResult:
    """Find copies and near-duplicates among images, or those that two sets have in common, by their codes.

        result = aecli.find_duplicates("codes.npz")
        for group in result.groups:
            print(group.kind, [result.name_of(member) for member in group.members])

    Args:
        codes: A code file.
        other: Another one by the same model: only groups with members of both are returned.
        threshold: The largest relative distance of near-duplicates: the distance of two codes, divided by that to their
            tenth nearest codes; 0 for exact copies only. Default: the gap in the distribution of nearest neighbors.
        metric: `euclidean`, or `cosine`, which does not depend on the length of a code.
        method: As for `search`.
        progress: As for `search`.

    Returns:
        `groups`, exact copies first, each with `kind` and `members`; `threshold`, with its `value` and `reason`.

    Raises:
        aecli.errors.InputError: a file is missing or damaged, the codes were made by different models, or all codes are
            equal.
        aecli.errors.UsageError: the threshold is negative.
        aecli.errors.UnavailableError: an index is requested, and faiss is not installed.
    """
    with python_errors(), open_progress(progress) as on_progress:
        options = DuplicateOptions(metric=metric, method=method, threshold=threshold)
        result = find_in_codes(_codes(codes), None if other is None else _codes(other), options, on_progress)
    warn_all([warning] if (warning := result.warning) else [])
    return result


def _codes(codes: str | Path | Codes) -> Codes:
    return codes if isinstance(codes, Codes) else load_codes(Path(codes))
