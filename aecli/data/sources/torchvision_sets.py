"""The data sets that torchvision can download: read from the data folder, downloaded only with `--download`."""

import contextlib
import io
import socket
from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from aecli.data.options import DataOptions
from aecli.data.source import ImageArrays, NamedSource
from aecli.data.sources.idx import idx_files, read_idx_set
from aecli.errors import AecliError, InputError, UnavailableError
from aecli.runtime.optional_packages import torchvision_datasets
from aecli.runtime.progress import Progress
from aecli.storage.partial_files import unfinished_folder
from aecli.storage.paths import require_folder

DIGITS = tuple("0123456789")
FASHION = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
KUZUSHIJI = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
ARCHIVES = (".gz", ".zip", ".tgz")
TIMEOUT_SECONDS = 30
"""A download fails if the server sends nothing for this long."""


class TorchvisionSet(NamedSource):
    """A class of `torchvision.datasets`, with the splits train and test."""

    def __init__(self, word: str, summary: str, class_name: str):
        self.word = word
        self.summary = summary
        self.class_name = class_name

    def splits(self) -> tuple[str, ...]:
        """Return train and test."""
        return ("train", "test")

    @abstractmethod
    def is_in(self, root: Path) -> bool:
        """Return whether the files are in the data folder, by their names."""

    @abstractmethod
    def open(self, datasets: Any, root: Path, split: str, *, download: bool) -> Any:
        """Create torchvision's data set for a split."""

    @abstractmethod
    def read_from(self, root: Path, split: str) -> ImageArrays:
        """Read a split, or `all`, from the data folder."""

    def needs(self, options: DataOptions) -> str | None:
        """Return how to get the data set, if it is not in the data folder."""
        root = options.data_folder
        return None if self.is_in(root) else f"--download, or a copy in --data-root (now {root})"

    def read(self, split: str, options: DataOptions, progress: Progress) -> ImageArrays:
        """Read a split; download the whole data set first if it is missing and `options.download` is set.

        Raises:
            InputError: a file is damaged.
            UnavailableError: the data set is not in the data folder, or cannot be downloaded.
        """
        root = options.data_folder
        if not self.is_in(root):
            if not options.download:
                raise UnavailableError(
                    f"data set '{self.word}' is not in {root}",
                    hint="add --download, or pass the folder that holds it with --data-root",
                )
            self._download(root, progress)
        return self.read_from(root, split)

    def _download(self, root: Path, progress: Progress) -> None:
        """Download into a temporary folder, let torchvision check the files, then move them into the data folder."""
        datasets = torchvision_datasets()
        require_folder(root)
        stage, steps = f"downloading {self.word} in splits", len(self.splits())
        try:
            with unfinished_folder(root / self.word) as temporary:
                progress(stage, 0, steps)
                for done, split in enumerate(self.splits(), start=1):
                    with _quiet_with_timeout():
                        self.open(datasets, temporary, split, download=True)
                    progress(stage, done, steps)
                _move(temporary, root)
        except AecliError:
            raise
        except Exception as error:  # urllib, tarfile, zipfile and torchvision raise many types
            raise UnavailableError(
                f"data set '{self.word}' cannot be downloaded: {_reason(error)}",
                hint=f"try again, or copy the data set to {root}",
            ) from error


class MnistLike(TorchvisionSet):
    """A data set of IDX files. It is read here; torchvision only downloads it.

    Its files are in torchvision's folder, `CLASS/raw` in the data folder, or in a folder with the data set's name.
    """

    def __init__(self, word: str, summary: str, class_name: str, class_names: tuple[str, ...]):
        super().__init__(word, summary, class_name)
        self.class_names = class_names
        self.prefix = word if word.startswith("emnist") else ""

    def _folder(self, root: Path) -> Path | None:
        for folder in (root / self.class_name / "raw", root / self.word):
            with contextlib.suppress(OSError):
                if set(idx_files(folder).get(self.prefix, ())) == set(self.splits()):
                    return folder
        return None

    def is_in(self, root: Path) -> bool:
        """Return whether the image files of both splits exist."""
        return self._folder(root) is not None

    def open(self, datasets: Any, root: Path, split: str, *, download: bool) -> Any:
        """Create torchvision's data set for a split."""
        name = {"split": self.prefix.removeprefix("emnist-")} if self.prefix else {}
        return getattr(datasets, self.class_name)(root, train=split == "train", download=download, **name)

    def read_from(self, root: Path, split: str) -> ImageArrays:
        """Read the IDX files."""
        folder = self._folder(root)
        if folder is None:
            raise UnavailableError(f"data set '{self.word}' is not in {root}")
        return read_idx_set(idx_files(folder)[self.prefix], split, self.prefix, self.class_names)


class ArraySet(TorchvisionSet):
    """A data set that torchvision reads into arrays.

    `files` must all be in the data folder; `split_argument` is the name of torchvision's parameter for the split.
    """

    def __init__(self, word: str, summary: str, class_name: str, *, files: tuple[str, ...], split_argument: str):
        super().__init__(word, summary, class_name)
        self.files = files
        self.split_argument = split_argument

    def is_in(self, root: Path) -> bool:
        """Return whether all files exist."""
        return all((root / name).exists() for name in self.files)

    def open(self, datasets: Any, root: Path, split: str, *, download: bool) -> Any:
        """Create torchvision's data set for a split."""
        value = split == "train" if self.split_argument == "train" else split
        return getattr(datasets, self.class_name)(root, download=download, **{self.split_argument: value})

    def read_from(self, root: Path, split: str) -> ImageArrays:
        """Read the arrays.

        Raises:
            InputError: torchvision reports a damaged or missing file.
            UnavailableError: a package is missing.
        """
        datasets = torchvision_datasets()
        images, labels, names, class_names = [], [], [], DIGITS
        for each in self.splits() if split == "all" else (split,):
            try:
                with _quiet_with_timeout():
                    dataset = self.open(datasets, root, each, download=False)
            except ModuleNotFoundError as error:
                raise UnavailableError(
                    f"data set '{self.word}' needs the package {error.name}", hint=f"pip install {error.name}"
                ) from error
            except Exception as error:  # the readers of pickles, .mat and binary files raise many types
                raise InputError(
                    f"damaged or incomplete data set '{self.word}' in {root}: {_reason(error)}",
                    hint=f"remove {root / self.files[0]} and download it again with --download",
                ) from error
            pixels = np.asarray(dataset.data)
            if pixels.ndim == 3:
                pixels = pixels[:, None]
            elif pixels.shape[-1] == 3:
                pixels = pixels.transpose(0, 3, 1, 2)
            images.append(pixels)
            targets = np.asarray(dataset.targets if hasattr(dataset, "targets") else dataset.labels).astype(np.int64)
            labels.append(targets[:, 0] if targets.ndim == 2 else targets)  # QMNIST keeps the class in the first column
            names += [f"{each}/{index}" for index in range(len(pixels))]
            if pixels.shape[1] == 3:
                class_names = tuple(getattr(dataset, "classes", DIGITS))
        return ImageArrays(np.array(names), np.concatenate(labels), class_names, np.concatenate(images))


@contextlib.contextmanager
def _quiet_with_timeout() -> Iterator[None]:
    """Suppress torchvision's output, and set a timeout for its connections."""
    previous = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT_SECONDS)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        socket.setdefaulttimeout(previous)


def _reason(error: Exception) -> str:
    """Return the last line of an error: torchvision lists every mirror it tried."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__).strip("<>")


def _move(source: Path, root: Path) -> None:
    """Move downloaded files into the data folder, except archives and EMNIST's other data sets."""
    for path in sorted(source.rglob("*")):
        in_another_set = path.name.startswith("emnist-") and not path.name.startswith("emnist-letters-")
        if path.is_dir() or path.suffix in ARCHIVES or in_another_set:
            continue
        destination = root / path.relative_to(source)
        destination.parent.mkdir(parents=True, exist_ok=True)
        path.replace(destination)


SOURCES = (
    MnistLike("mnist", "70,000 handwritten digits, 28x28 gray", "MNIST", DIGITS),
    MnistLike("fashion-mnist", "70,000 clothes in 10 classes, 28x28 gray", "FashionMNIST", FASHION),
    MnistLike("kmnist", "70,000 Japanese characters in 10 classes, 28x28 gray", "KMNIST", KUZUSHIJI),
    MnistLike(
        "emnist-letters",
        "145,600 handwritten letters, upper and lower case in 26 classes, 28x28 gray",
        "EMNIST",
        tuple("abcdefghijklmnopqrstuvwxyz"),
    ),
    ArraySet(
        "qmnist",
        "120,000 handwritten digits, 28x28 gray: MNIST with all of its test images",
        "QMNIST",
        files=("QMNIST/raw/qmnist-train-images-idx3-ubyte", "QMNIST/raw/qmnist-test-images-idx3-ubyte"),
        split_argument="what",
    ),
    ArraySet(
        "cifar10",
        "60,000 photographs in 10 classes, 32x32 color",
        "CIFAR10",
        files=("cifar-10-batches-py",),
        split_argument="train",
    ),
    ArraySet(
        "cifar100",
        "60,000 photographs in 100 classes, 32x32 color",
        "CIFAR100",
        files=("cifar-100-python",),
        split_argument="train",
    ),
    ArraySet(
        "svhn",
        "99,289 house numbers, 32x32 color",
        "SVHN",
        files=("train_32x32.mat", "test_32x32.mat"),
        split_argument="split",
    ),
    ArraySet(
        "stl10",
        "13,000 photographs in 10 classes, 96x96 color: 5,000 train, 8,000 test",
        "STL10",
        files=("stl10_binary",),
        split_argument="split",
    ),
)
