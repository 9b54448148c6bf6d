"""Random draws of the training codes whose labels a probe may use."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aecli.codes import Codes
from aecli.errors import InputError
from aecli.storage.labels import UNLABELED


@dataclass(frozen=True)
class ProbeLabels:
    """The labels of training and test codes, as indices into the same class names."""

    train: NDArray[np.int64]
    """(N,) indices into `class_names`, UNLABELED (-1) where unknown."""
    test: NDArray[np.int64]
    """(M,) likewise."""
    class_names: tuple[str, ...]

    @property
    def available(self) -> int:
        """Number of training codes with a label."""
        return int((self.train != UNLABELED).sum())

    @property
    def unseen(self) -> tuple[str, ...]:
        """Classes of test codes that no training code has, so that no method can predict them."""
        trained = set(self.train.tolist()) | {UNLABELED}
        return tuple(self.class_names[label] for label in sorted(set(self.test.tolist()) - trained))


def match_labels(train: Codes, test: Codes) -> ProbeLabels:
    """Return the labels of two sets of codes, with classes matched by name.

    Raises:
        InputError: one of the sets has no label at all.
    """
    for role, codes in (("TRAIN", train), ("TEST", test)):
        if codes.labels is None or (codes.labels == UNLABELED).all():
            raise InputError(
                f"no code of {role} has a label ({codes.meta.data})",
                hint="encode images with labels; for a folder: aecli encode --labels-from folder or prefix",
            )
    names = tuple(dict.fromkeys([*train.meta.class_names, *test.meta.class_names]))
    return ProbeLabels(_renumbered(train, names), _renumbered(test, names), names)


def _renumbered(codes: Codes, names: tuple[str, ...]) -> NDArray[np.int64]:
    numbers = {name: number for number, name in enumerate(names)}
    table = np.array([*(numbers[name] for name in codes.meta.class_names), UNLABELED])  # -1 selects the last
    return table[codes.labels]


def draw_labeled(
    labels: NDArray[np.int64], count: int, draws: int, *, balance: bool, seed: int
) -> list[NDArray[np.int64]]:
    """Return the ascending indices of the labeled codes in each draw, `count` per draw.

    If `count` is the number of all labeled codes, there is only one draw. A draw depends on `seed`, `count` and its
    own number only, so that further draws or counts do not change it.

    Args:
        labels: (N,) labels, UNLABELED (-1) where unknown; those codes are never drawn.
        count: Codes per draw.
        draws: The number of draws.
        balance: Draw the same number from each class. The remainder of the division goes to random classes, one each,
            and what a class lacks is drawn from the others. Otherwise, classes are ignored.
        seed: Random seed.
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
    """Return how many codes to draw from each class, given the (K,) sizes of the classes."""
    shares = np.zeros_like(sizes)
    while missing := count - int(shares.sum()):
        open_classes = np.flatnonzero(shares < sizes)
        if missing < len(open_classes):
            shares[random.choice(open_classes, missing, replace=False)] += 1
        else:
            room = sizes[open_classes] - shares[open_classes]
            shares[open_classes] += np.minimum(room, missing // len(open_classes))
    return shares
