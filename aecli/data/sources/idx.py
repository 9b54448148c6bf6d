"""IDX files, the format of MNIST, with or without gzip compression."""

import gzip
import os
import re
import zlib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from aecli.data.options import DataOptions
from aecli.data.source import ImageArrays, PathSource
from aecli.errors import InputError
from aecli.runtime.progress import Progress
from aecli.storage.labels import UNLABELED
from aecli.storage.limits import refuse_bomb, require_memory
from aecli.storage.paths import require_file

FILE_NAME = re.compile(
    r"(?:(?P<set>.+)[-_.])?(?P<split>train|t10k|test)[-_.](?P<part>images|labels)[-_.]idx(?P<axes>[13])[-_.]ubyte(?:\.gz)?"
)
UNSIGNED_BYTE = 8
MAX_GZIP_RATIO = 1032
"""The maximum compression ratio of deflate: a header that claims more is wrong."""
HINT = "download the file again"


@dataclass
class SplitFiles:
    """The IDX files of one split."""

    images: Path | None = None
    labels: Path | None = None


def idx_files(folder: Path) -> dict[str, dict[str, SplitFiles]]:
    """Return a folder's IDX files by prefix of the data set (usually ""), then by split, `train` or `test`.

    If a file exists both plain and gzipped, the plain one is used.
    """
    found: dict[str, dict[str, SplitFiles]] = defaultdict(dict)
    with os.scandir(folder) as entries:  # folders may hold millions of images, and this is asked of every folder
        matches = [match for entry in entries if (match := FILE_NAME.fullmatch(entry.name))]
    # Gzipped files come first, so that plain files replace them.
    for match in sorted(matches, key=lambda match: (not match.string.endswith(".gz"), match.string)):
        if (match["axes"] == "3") != (match["part"] == "images"):
            continue
        split = "train" if match["split"] == "train" else "test"
        setattr(found[match["set"] or ""].setdefault(split, SplitFiles()), match["part"], folder / match.string)
    with_images = ((name, {s: files for s, files in splits.items() if files.images}) for name, splits in found.items())
    return {name: splits for name, splits in with_images if splits}


def read_idx_set(
    files: dict[str, SplitFiles], split: str, set_name: str, class_names: tuple[str, ...] = ()
) -> ImageArrays:
    """Read a split of an IDX data set, a key of `files` or `all`.

    `set_name` is the files' prefix: EMNIST images, whose rows and columns are exchanged, are transposed, and the
    labels of EMNIST letters, which begin at 1, are shifted to 0. Without `class_names`, the names are numbers. In
    `all`, the images of a split without a file of labels are UNLABELED (-1) if the other split has one.

    Raises:
        InputError: a file is damaged, or images and labels differ in number.
    """
    images, labels, names = [], [], []
    for each in sorted(files, key=("train", "test").index) if split == "all" else (split,):
        split_images, split_labels = _read_split(files[each])
        images.append(split_images)
        labels.append(split_labels)
        names += [f"{each}/{index}" for index in range(len(split_images))]
    if len({array.shape[1:] for array in images}) > 1:
        raise InputError(f"train and test images differ in size: {files['train'].images}, {files['test'].images}")
    pixels = images[0] if len(images) == 1 else np.concatenate(images)
    joined = None
    if any(each is not None for each in labels):
        joined = np.concatenate(
            [
                np.full(len(part), UNLABELED) if each is None else each.astype(np.int64)
                for part, each in zip(images, labels, strict=True)
            ]
        )
    notes: tuple[str, ...] = ()
    if set_name.startswith("emnist"):
        pixels = np.ascontiguousarray(pixels.transpose(0, 2, 1))
        notes = ("EMNIST images transposed: their files store rows and columns exchanged",)
        if "letters" in set_name and joined is not None and 0 not in joined:
            joined, class_names = np.maximum(joined - 1, UNLABELED), tuple("abcdefghijklmnopqrstuvwxyz")
    if joined is not None and joined.max() >= len(class_names):
        class_names = tuple(map(str, range(int(joined.max()) + 1)))
    return ImageArrays(np.array(names), joined, class_names if joined is not None else (), pixels[:, None], notes)


def _read_split(files: SplitFiles) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    path = cast(Path, files.images)
    images = read_idx(path, axes=3)
    if files.labels is None:
        return images, None
    labels = read_idx(files.labels, axes=1)
    if len(labels) != len(images):
        raise InputError(f"{files.labels} holds {len(labels):,} labels for {len(images):,} images of {path}", hint=HINT)
    return images, labels


def read_idx(path: Path, axes: int) -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes with `axes` axes, gzipped if its name ends in `.gz`.

    The shape in the header is checked against the size of the file before memory is allocated.

    Raises:
        InputError: the file is not such an IDX file, or is shorter or longer than its header says.
        UnavailableError: there is not enough memory.
    """
    require_file(path, "IDX file")
    gzipped = path.suffix == ".gz"
    try:
        with gzip.open(path) if gzipped else path.open("rb") as file:
            return _read_open(
                cast(IO[bytes], file), path, axes, path.stat().st_size * (MAX_GZIP_RATIO if gzipped else 1)
            )
    except gzip.BadGzipFile as error:
        raise InputError(f"not a gzip file, or a damaged one: {path}", hint=HINT) from error
    except EOFError as error:
        raise InputError(f"truncated gzip file: {path}", hint=HINT) from error
    except zlib.error as error:
        raise InputError(f"damaged gzip file: {path}", hint=HINT) from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error


def _read_open(file: IO[bytes], path: Path, axes: int, max_bytes: int) -> NDArray[np.uint8]:
    header = file.read(4 + 4 * axes)
    if header[:4] != bytes([0, 0, UNSIGNED_BYTE, axes]):
        raise InputError(f"not an IDX file of unsigned bytes with {axes} axes: {path}", hint=HINT)
    if len(header) < 4 + 4 * axes:
        raise InputError(f"truncated IDX file: {path} ends within its header", hint=HINT)
    shape = tuple(int.from_bytes(header[start : start + 4], "big") for start in range(4, len(header), 4))
    expected = 1
    for length in shape:
        expected *= length
    what = f"{' x '.join(f'{length:,}' for length in shape)} bytes"
    if expected == 0:
        raise InputError(f"IDX file without content: {path} claims {what}", hint=HINT)
    if expected > max_bytes:
        raise InputError(f"truncated IDX file: {path} claims {what}, but is too short for them", hint=HINT)
    try:
        refuse_bomb(expected, path.stat().st_size)
    except ValueError as error:
        raise InputError(f"not a set of images: {path}: {error}", hint=HINT) from error
    require_memory(expected, str(path), "use fewer images")
    values = np.empty(expected, np.uint8)
    view, filled = values.data, 0
    while filled < expected and (count := file.readinto(view[filled:])):  # type: ignore[attr-defined]
        filled += count
    if filled < expected:
        raise InputError(f"truncated IDX file: {path} holds {filled:,} of the {what} in its header", hint=HINT)
    if file.read(1):
        raise InputError(f"IDX file is longer than the {what} in its header: {path}", hint=HINT)
    return values.reshape(shape)


class IdxFolder(PathSource):
    """A folder with IDX files, or one IDX file of images, named as MNIST's or `emnist-letters-...`."""

    kind = "folder with IDX files"
    summary = "{train,t10k,test}-images-idx3-ubyte[.gz] and their labels, such as /usr/share/datasets/fashion-mnist"

    @classmethod
    def accepts(cls, path: Path) -> bool:
        """Check the file name, or the names of the files in a folder."""
        match = FILE_NAME.fullmatch(path.name)
        if match is not None and match["part"] == "images" and path.is_file():
            return True
        try:
            return path.is_dir() and bool(idx_files(path))
        except OSError:
            return False

    def splits(self) -> tuple[str, ...]:
        """Return the splits, train and test, that have a file of images."""
        return tuple(sorted(self._files()[1], key=("train", "test").index))

    def _files(self) -> tuple[str, dict[str, SplitFiles]]:
        """Return the prefix of the data set and its files; for a file, only its own split."""
        sets = idx_files(self.path if self.path.is_dir() else self.path.parent)
        if self.path.is_file():
            for name, splits in sets.items():
                for split, files in splits.items():
                    if files.images and files.images.name.removesuffix(".gz") == self.path.name.removesuffix(".gz"):
                        return name, {split: SplitFiles(self.path, files.labels)}
        if len(sets) > 1:
            raise InputError(
                f"{len(sets)} IDX data sets in {self.path}: {', '.join(sorted(sets))}",
                hint="pass one of the image files, or move each data set to its own folder",
            )
        return next(iter(sets.items()))

    def read(self, split: str, options: DataOptions, progress: Progress) -> ImageArrays:
        """Read a split.

        Raises:
            InputError: a file is damaged, or images and labels differ in number.
        """
        name, files = self._files()
        return read_idx_set(files, split, name)


SOURCES = (IdxFolder,)
