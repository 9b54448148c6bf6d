"""IDX files, the format of MNIST, gzipped or not."""

import gzip
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
from aecli.storage.limits import require_likely, require_memory
from aecli.storage.paths import require_file

FILE_NAME = re.compile(
    r"(?:(?P<set>.+)[-_.])?(?P<split>train|t10k|test)[-_.](?P<part>images|labels)[-_.]idx(?P<axes>[13])[-_.]ubyte(?:\.gz)?"
)
UNSIGNED_BYTE = 8
MAX_GZIP_RATIO = 1032
"""Deflate cannot compress further, so a short file that promises more than this is lying."""
HINT = "fetch the file again"


@dataclass
class SplitFiles:
    """The files of one split."""

    images: Path | None = None
    labels: Path | None = None


def idx_files(folder: Path) -> dict[str, dict[str, SplitFiles]]:
    """Find a folder's IDX image and label files: the set's prefix (mostly "") -> `train` or `test` -> files.

    A file that is there both plain and gzipped counts once, plain.
    """
    found: dict[str, dict[str, SplitFiles]] = defaultdict(dict)
    # Gzipped files come first, so that a plain one takes their place.
    for path in sorted(folder.iterdir(), key=lambda path: (path.suffix != ".gz", path.name)):
        match = FILE_NAME.fullmatch(path.name)
        if match is None or (match["axes"] == "3") != (match["part"] == "images"):
            continue
        split = "train" if match["split"] == "train" else "test"
        setattr(found[match["set"] or ""].setdefault(split, SplitFiles()), match["part"], path)
    with_images = ((name, {s: files for s, files in splits.items() if files.images}) for name, splits in found.items())
    return {name: splits for name, splits in with_images if splits}


def read_idx_set(
    files: dict[str, SplitFiles], split: str, set_name: str, class_names: tuple[str, ...] = ()
) -> ImageArrays:
    """Read `split`, one of `files` or `all`, of an IDX set.

    `set_name` is the files' prefix: EMNIST's are stored with rows and columns exchanged and are turned upright,
    EMNIST letters are numbered from 1 and are named. Without `class_names` a class is called by its number.

    Raises:
        InputError: a file is damaged, or images and labels do not fit each other.
    """
    images, labels, names = [], [], []
    for part in sorted(files, key=("train", "test").index) if split == "all" else (split,):
        part_images, part_labels = _read_split(files[part])
        images.append(part_images)
        labels.append(part_labels)
        names += [f"{part}/{index}" for index in range(len(part_images))]
    if len({array.shape[1:] for array in images}) > 1:
        raise InputError(f"train and test images differ in size: {files['train'].images}, {files['test'].images}")
    pixels = images[0] if len(images) == 1 else np.concatenate(images)
    numbers = None
    if all(part_labels is not None for part_labels in labels):
        numbers = np.concatenate([part_labels for part_labels in labels if part_labels is not None]).astype(np.int64)
    notes: tuple[str, ...] = ()
    if set_name.startswith("emnist"):
        pixels = np.ascontiguousarray(pixels.transpose(0, 2, 1))
        notes = ("EMNIST images turned upright: their files hold them with rows and columns exchanged",)
        if "letters" in set_name and numbers is not None and numbers.min() >= 1:
            numbers, class_names = numbers - 1, tuple("abcdefghijklmnopqrstuvwxyz")
    if numbers is not None and numbers.max() >= len(class_names):
        class_names = tuple(map(str, range(int(numbers.max()) + 1)))
    return ImageArrays(np.array(names), numbers, class_names if numbers is not None else (), pixels[:, None], notes)


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
    """Read an IDX file of unsigned bytes with so many axes, gzipped if its name ends in `.gz`.

    Never takes more memory than the file's header promises, nor believes a header that promises too much.

    Raises:
        InputError: it is not such a file, or is shorter or longer than its header says.
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


def _read_open(file: IO[bytes], path: Path, axes: int, most: int) -> NDArray[np.uint8]:
    header = file.read(4 + 4 * axes)
    if header[:4] != bytes([0, 0, UNSIGNED_BYTE, axes]):
        raise InputError(f"not an IDX file of unsigned bytes with {axes} axes: {path}", hint=HINT)
    if len(header) < 4 + 4 * axes:
        raise InputError(f"truncated IDX file: {path} ends within its header", hint=HINT)
    shape = tuple(int.from_bytes(header[start : start + 4], "big") for start in range(4, len(header), 4))
    promised = 1
    for length in shape:
        promised *= length
    what = f"{' x '.join(f'{length:,}' for length in shape)} bytes"
    if promised == 0:
        raise InputError(f"IDX file without content: {path} promises {what}", hint=HINT)
    if promised > most:
        raise InputError(f"truncated IDX file: {path} promises {what}, which it is too short to hold", hint=HINT)
    try:
        require_likely(promised, path.stat().st_size)
    except ValueError as error:
        raise InputError(f"not a set of images: {path}: {error}", hint=HINT) from error
    require_memory(promised, str(path), "fewer images, or more memory")
    values = np.empty(promised, np.uint8)
    view, filled = values.data, 0
    while filled < promised and (count := file.readinto(view[filled:])):  # type: ignore[attr-defined]
        filled += count
    if filled < promised:
        raise InputError(f"truncated IDX file: {path} holds {filled:,} of the {what} that it promises", hint=HINT)
    if file.read(1):
        raise InputError(f"IDX file is longer than the {what} that it promises: {path}", hint=HINT)
    return values.reshape(shape)


class IdxFolder(PathSource):
    """A folder with IDX files, or one IDX file of images: MNIST's file names, `emnist-letters-...` ones too."""

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
        """Those of train and test that have a file of images."""
        return tuple(sorted(self._files()[1], key=("train", "test").index))

    def _files(self) -> tuple[str, dict[str, SplitFiles]]:
        """The set's prefix and its files; for a file, only its own split."""
        sets = idx_files(self.path if self.path.is_dir() else self.path.parent)
        if self.path.is_file():
            for name, splits in sets.items():
                for split, files in splits.items():
                    if files.images and files.images.name.removesuffix(".gz") == self.path.name.removesuffix(".gz"):
                        return name, {split: SplitFiles(self.path, files.labels)}
        if len(sets) > 1:
            raise InputError(
                f"{len(sets)} IDX sets in {self.path}: {', '.join(sorted(sets))}",
                hint="name one of its image files, or give each set its own folder",
            )
        return next(iter(sets.items()))

    def read(self, split: str, options: DataOptions, progress: Progress) -> ImageArrays:
        """Read a split.

        Raises:
            InputError: a file is damaged, or images and labels do not fit each other.
        """
        name, files = self._files()
        return read_idx_set(files, split, name)


SOURCES = (IdxFolder,)
