"""Which training codes are drawn to be the labeled ones."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aecli.codes import Codes
from aecli.errors import InputError

UNLABELED = -1


@dataclass(frozen=True)
class ProbeLabels:
    """The labels of training and test codes, as indices into the same names."""

    train: NDArray[np.int64]
    """(N,) indices into `class_names`, UNLABELED (-1) where unknown."""
    test: NDArray[np.int64]
    """(M,) the same."""
    class_names: tuple[str, ...]

    @property
    def available(self) -> int:
        """Training codes that have a label."""
        return int((self.train != UNLABELED).sum())

    @property
    def unseen(self) -> tuple[str, ...]:
        """Classes of test codes that no training code has: nothing can be right about them."""
        known = set(self.train.tolist()) | {UNLABELED}
        return tuple(self.class_names[label] for label in sorted(set(self.test.tolist()) - known))


def match_labels(train: Codes, test: Codes) -> ProbeLabels:
    """Return the labels of two sets of codes with classes matched by their names.

    Raises:
        InputError: one of them has no label at all.
    """
    for role, codes in (("TRAIN", train), ("TEST", test)):
        if codes.labels is None or (codes.labels == UNLABELED).all():
            raise InputError(
                f"no code of {role} has a label ({codes.meta.data})",
                hint="encode images with labels; of folders: aecli encode --labels-from folder or prefix",
            )
    names = tuple(dict.fromkeys([*train.meta.class_names, *test.meta.class_names]))
    return ProbeLabels(_renumbered(train, names), _renumbered(test, names), names)


def _renumbered(codes: Codes, names: tuple[str, ...]) -> NDArray[np.int64]:
    numbers = {name: number for number, name in enumerate(names)}
    table = np.array([*(numbers[name] for name in codes.meta.class_names), UNLABELED])  # -1 finds the last
    return table[codes.labels]


def draw_labeled(
    labels: NDArray[np.int64], count: int, draws: int, *, balance: bool, seed: int
) -> list[NDArray[np.int64]]:
    """Return the indices that each draw takes, `count` of those with a label.

    With `balance` each class gives as many; what does not divide comes one each from classes drawn by chance, and
    what a class lacks from the others. So with fewer labels than classes, each draw has one code of classes drawn by
    chance. A draw depends on `seed`, `count` and its number only. All labeled indices are one draw.
    """
    known = np.flatnonzero(labels != UNLABELED)
    if count == len(known):
        return [known]
    members = [np.flatnonzero(labels == label) for label in np.unique(labels[known])]
    sizes = np.array([len(indices) for indices in members])
    drawn = []
    for number in range(draws):
        random = np.random.default_rng([seed, count, number])
        if balance:
            shares = _balanced_shares(sizes, count, random)
            picked = [
                random.choice(indices, share, replace=False) for indices, share in zip(members, shares, strict=True)
            ]
            drawn.append(np.sort(np.concatenate(picked)))
        else:
            drawn.append(np.sort(random.choice(known, count, replace=False)))
    return drawn


def _balanced_shares(sizes: NDArray[np.int64], count: int, random: np.random.Generator) -> NDArray[np.int64]:
    shares = np.zeros_like(sizes)
    while left := count - int(shares.sum()):
        roomy = np.flatnonzero(shares < sizes)
        if left < len(roomy):
            shares[random.choice(roomy, left, replace=False)] += 1
        else:
            shares[roomy] += np.minimum(sizes[roomy] - shares[roomy], left // len(roomy))
    return shares
