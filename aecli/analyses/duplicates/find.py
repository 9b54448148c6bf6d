"""Group the codes of one or two sets that are equal or near-duplicates."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.duplicates.options import SCALE_NEIGHBORS, DuplicateOptions
from aecli.analyses.duplicates.threshold import Threshold, choose_threshold, gap_above_most
from aecli.analyses.search.search import Neighbors, flat, nearest, require_comparable
from aecli.codes import Codes
from aecli.errors import InputError
from aecli.runtime.counting import counted
from aecli.runtime.progress import Progress, silent
from aecli.storage.labels import UNLABELED

SAME_RESIDUAL, SURELY_SAME_RESIDUAL = 1e-4, 2e-6
"""Largest relative difference of the residuals of one image, which are rounded by the order of the sums; the second one
is for codes that images with other residuals have, too, as those of a model that has collapsed for some images."""
SAME_CODE = 1e-5
"""The same of codes: relative distance of codes of one image, encoded in different batches."""
LEAST_SCALE = 0.25
"""Fraction of the median distance to the last neighbor that every code counts as having, at least: only codes among
more copies than neighbors have less."""
EXACT_LENGTH = float(np.finfo(np.float64).tiny)
"""The distance of exact copies in a sparse graph, in which 0 is not a link."""


@dataclass(frozen=True)
class Member:
    """A code in a group."""

    set_index: int
    """0 for the first set, 1 for the second."""
    index: int
    """Of the code in its set."""
    distance: float
    """The relative distance to the nearest other member: 0 for an exact copy."""


@dataclass(frozen=True)
class Group:
    """Codes of copies of one image."""

    kind: Literal["exact", "near"]
    """`exact` if all members have the same code and, if it is known, the same residual."""
    members: tuple[Member, ...]
    """In the order of the sets."""
    distance: float
    """The smallest threshold with which the members are one group: 0 if all are exact copies."""

    @property
    def surplus(self) -> tuple[Member, ...]:
        """What to remove so that one copy remains: all but the first member; of two sets, those of the second one."""
        others = tuple(member for member in self.members if member.set_index == 1)
        return others or self.members[1:]


@dataclass(frozen=True)
class DuplicatesResult:
    """The duplicates in one set of codes, or those that two sets share."""

    sets: tuple[Codes, ...]
    groups: tuple[Group, ...]
    """Exact copies first, then by distance; of two sets, those with members of both."""
    threshold: Threshold
    options: DuplicateOptions
    indistinct: int
    """Number of codes that are equal to another one though the residuals differ: images that the model confuses."""
    recall: float
    """Of the search for neighbors; 1 if exact."""
    notes: tuple[str, ...]
    seconds: float

    @property
    def warning(self) -> str | None:
        """What to know about codes that are equal though their images differ; None if there are none."""
        if not self.indistinct:
            return None
        return (
            f"{counted(self.indistinct, 'code')} of {sum(map(len, self.sets)):,} are equal to another one though the "
            "images differ: the model cannot tell these images apart"
        )

    def members(self, kind: str) -> int:
        """Return the number of codes in the groups of a kind."""
        return sum(len(group.members) for group in self.groups if group.kind == kind)

    def name_of(self, member: Member) -> str:
        """Return the name of an image."""
        return str(self.sets[member.set_index].names[member.index])

    def label_of(self, member: Member) -> str | None:
        """Return the class of an image, or None if it is unknown."""
        codes = self.sets[member.set_index]
        label = UNLABELED if codes.labels is None else codes.labels[member.index]
        return None if label == UNLABELED else codes.meta.class_names[label]

    def to_dict(self) -> dict[str, Any]:
        """Return the groups, and how they were found, as plain values."""
        return {
            "groups": [
                {"kind": group.kind, "distance": group.distance, "members": [*map(self._member_to_dict, group.members)]}
                for group in self.groups
            ],
            "threshold": self.threshold.value,
            "rule": self.threshold.rule,
            "codes": [len(codes) for codes in self.sets],
            "exact": self.members("exact"),
            "near": self.members("near"),
            "indistinct": self.indistinct,
            "metric": self.options.metric,
            "recall": self.recall,
            "seconds": round(self.seconds, 3),
            "model": self.sets[0].meta.model_fingerprint,
        }

    def _member_to_dict(self, member: Member) -> dict[str, Any]:
        label = self.label_of(member)
        return {"set": member.set_index, "index": member.index, "name": self.name_of(member)} | (
            {"label": label} if label is not None else {}
        ) | {"distance": member.distance}  # fmt: skip


def find_duplicates(
    codes: Codes, other: Codes | None = None, options: DuplicateOptions | None = None, progress: Progress = silent
) -> DuplicatesResult:
    """Group the codes of copies of the same image.

    Two codes are near-duplicates if their distance, divided by the larger of their distances to their tenth nearest
    codes, is at most the threshold. Groups are the connected components of these pairs.

    Args:
        codes: Codes of a set of images.
        other: Codes of another set by the same model: only groups with members of both sets are returned.
        options: The distance and the threshold.
        progress: Called during the search.

    Raises:
        InputError: there are no codes, they were made by different models, or all codes are equal.
        UnavailableError: an index is requested, and faiss is not installed.
    """
    started = time.monotonic()
    options = options or DuplicateOptions()
    sets = (codes,) if other is None else (codes, other)
    require_comparable(codes, sets[-1])
    points = flat(codes) if other is None else np.concatenate([flat(codes), flat(other)])
    residuals = _residuals(sets)
    firsts, code_of = _distinct(points)
    same, indistinct = _equal_codes(code_of, residuals)
    if len(firsts) == 1 and indistinct:
        raise InputError(
            f"all {counted(len(points), 'code')} are equal, though the images differ: the model has collapsed",
            hint="train it again; aecli train says when a model does not learn",
        )
    neighbors, relative = _relative_neighbors(points[firsts], options, progress)
    threshold = Threshold(options.threshold, "given") if options.threshold is not None else None
    if threshold is None:
        nearest_pairs = _nearest_pairs(neighbors.indices[:, 0], relative[:, 0])
        threshold = gap_above_most(relative) or choose_threshold(nearest_pairs)
    links = _concatenated(same, _near(firsts[neighbors.indices], firsts, relative, residuals, threshold.value))
    groups = _groups(links, [len(each) for each in sets])
    return DuplicatesResult(
        sets,
        tuple(sorted(groups, key=lambda group: (group.kind == "near", group.distance))),
        threshold,
        options,
        indistinct,
        neighbors.recall,
        (neighbors.note,) if neighbors.note else (),
        time.monotonic() - started,
    )


@dataclass(frozen=True)
class _Links:
    """Pairs of codes of the same image."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    distance: NDArray[np.float64]
    """The relative distance."""


def _concatenated(*links: _Links) -> _Links:
    names = ("first", "second", "distance")
    return _Links(*(np.concatenate([getattr(each, name) for each in links]) for name in names))


def _residuals(sets: Sequence[Codes]) -> NDArray[np.float64]:
    """Return the residual of each code of the sets, (N,); NaN where a file has none."""
    return np.concatenate(
        [
            np.full(len(each), np.nan) if each.residual_l2 is None else each.residual_l2.astype(np.float64)
            for each in sets
        ]
    )


def _distinct(points: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the index of the first point of each distinct value, (U,), and that of the value of each point, (N,)."""
    firsts: list[int] = []
    value_of = np.empty(len(points), np.int64)
    known: dict[bytes, int] = {}
    for index, point in enumerate(points):
        digest = blake2b((point + 0.0).tobytes(), digest_size=16).digest()  # -0.0 is 0.0
        value = known.setdefault(digest, len(firsts))
        if value == len(firsts):
            firsts.append(index)
        value_of[index] = value
    return np.array(firsts, np.int64), value_of


def _equal_codes(code_of: NDArray[np.int64], residuals: NDArray[np.float64]) -> tuple[_Links, int]:
    """Return links between codes that are equal, as are their residuals, and the number of codes with another residual.

    Where residuals are unknown, equal codes are those of the same image.
    """
    order = np.lexsort((residuals, code_of))
    first, second = order[:-1], order[1:]
    is_equal = code_of[first] == code_of[second]
    first, second = first[is_equal], second[is_equal]
    same = _have_same_residual(residuals[first], residuals[second])
    confused = np.unique(code_of[first[~same]])
    surely = _have_same_residual(residuals[first], residuals[second], SURELY_SAME_RESIDUAL)
    same &= surely | ~np.isin(code_of[first], confused)
    links = _Links(first[same], second[same], np.zeros(int(same.sum())))
    return links, int(np.isin(code_of, confused).sum())


def _have_same_residual(
    first: NDArray[np.float64], second: NDArray[np.float64], tolerance: float = SAME_RESIDUAL
) -> NDArray[np.bool_]:
    """Return whether residuals are equal up to rounding, or one is unknown."""
    different: NDArray[np.bool_] = np.abs(first - second) > tolerance * np.maximum(first, second)
    return ~different


def _relative_neighbors(
    points: NDArray[np.float32], options: DuplicateOptions, progress: Progress
) -> tuple[Neighbors, NDArray[np.float64]]:
    """Return the nearest of (U, D) distinct points for each of them, and their relative distances, (U, K)."""
    count = min(SCALE_NEIGHBORS, len(points) - 1)
    if count < 1:
        return Neighbors(np.empty((1, 1), np.int64) * 0, np.full((1, 1), np.inf), "exact", 1.0), np.full((1, 1), np.inf)
    neighbors = nearest(points, points, count, options, without_itself=True, progress=progress)
    scales = neighbors.distances[:, -1]
    scales = np.maximum(scales, LEAST_SCALE * np.median(scales))
    return neighbors, neighbors.distances / np.maximum(scales[:, None], scales[neighbors.indices])


def _nearest_pairs(nearest_of: NDArray[np.int64], relative: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the relative distance of each pair of a point and its nearest one; mutually nearest ones are one pair."""
    indices = np.arange(len(nearest_of))
    pairs = np.sort(np.stack([indices, nearest_of]), axis=0)
    _, places = np.unique(pairs[0] * len(indices) + pairs[1], return_index=True)
    return relative[places]


def _near(
    neighbors: NDArray[np.int64],
    firsts: NDArray[np.int64],
    relative: NDArray[np.float64],
    residuals: NDArray[np.float64],
    threshold: float,
) -> _Links:
    """Return links between codes whose relative distance is at most the threshold, 0 for the same image."""
    rows, columns = np.nonzero(relative <= max(threshold, SAME_CODE))
    first, second, distance = firsts[rows], neighbors[rows, columns], relative[rows, columns]
    same = (distance <= SAME_CODE) & _have_same_residual(residuals[first], residuals[second])
    kept = same | (distance <= threshold)
    return _Links(first[kept], second[kept], np.where(same, 0, distance)[kept])


def _groups(links: _Links, sizes: Sequence[int]) -> Iterator[Group]:
    """Yield the connected components of the links; of two sets with the given sizes, those with members of both."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components, minimum_spanning_tree

    total = sum(sizes)
    lengths = np.where(links.distance > 0, links.distance, EXACT_LENGTH)
    graph = coo_matrix((lengths, (links.first, links.second)), (total, total))
    count, component = connected_components(graph, directed=False)
    tree = minimum_spanning_tree(graph).tocoo()
    longest = np.zeros(count)
    np.maximum.at(longest, component[tree.row], np.where(tree.data > EXACT_LENGTH, tree.data, 0))
    nearest_link = np.full(total, np.inf)
    np.minimum.at(nearest_link, links.first, links.distance)
    np.minimum.at(nearest_link, links.second, links.distance)
    linked = np.flatnonzero(np.isfinite(nearest_link))
    linked = linked[np.argsort(component[linked], kind="stable")]
    for indices in np.split(linked, np.flatnonzero(np.diff(component[linked])) + 1):
        if not len(indices) or (len(sizes) == 2 and not indices[0] < sizes[0] <= indices[-1]):
            continue
        members = tuple(
            Member(int(index >= sizes[0]), int(index - sizes[0] * (index >= sizes[0])), float(nearest_link[index]))
            for index in indices
        )
        distance = float(longest[component[indices[0]]])
        yield Group("near" if distance else "exact", members, distance)
