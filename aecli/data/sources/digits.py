"""scikit-learn's handwritten digits; always available."""

import numpy as np
from numpy.typing import NDArray

from aecli.data.options import DataOptions
from aecli.data.source import ImageArrays, NamedSource, seeded_split
from aecli.runtime.optional_packages import packaged_path
from aecli.runtime.progress import Progress


class Digits(NamedSource):
    """1,797 digits, scaled from 0..16 to 0..255; 80% train, 20% test, stratified, by a fixed seed."""

    word = "digits"
    summary = "1,797 handwritten digits, 8x8 gray (scikit-learn)"

    def splits(self) -> tuple[str, ...]:
        """Return train and test."""
        return ("train", "test")

    def needs(self, options: DataOptions) -> str | None:
        """Return None: scikit-learn is a dependency of this package."""
        return None

    def read(self, split: str, options: DataOptions, progress: Progress) -> ImageArrays:
        """Read a split."""
        table = _table()
        images = np.rint(table[:, :64] * (255 / 16)).astype(np.uint8).reshape(-1, 1, 8, 8)
        return seeded_split(images, table[:, 64].astype(np.int64), tuple("0123456789"), split)


def _table() -> NDArray[np.float64]:
    """Return (1797, 65): 64 pixels in 0..16, then the class.

    Importing scikit-learn takes 50 times as long as reading its file.
    """
    if path := packaged_path("sklearn", "datasets", "data", "digits.csv.gz"):
        return np.loadtxt(path, delimiter=",")
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    return np.column_stack([pixels, labels])


SOURCES = (Digits(),)
