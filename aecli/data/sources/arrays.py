"""Images in a NumPy file, `.npz` or `.npy`."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.data.options import DataOptions
from aecli.data.source import ImageArrays, PathSource
from aecli.errors import InputError
from aecli.runtime.progress import Progress
from aecli.storage.labels import UNLABELED
from aecli.storage.limits import budget
from aecli.storage.npz import ignore_warnings, read_npz
from aecli.storage.paths import require_file

AnyArray = NDArray[Any]
IMAGE_KEYS = ("images", "x", "arr_0")
OTHER_KEYS = ("labels", "names", "class_names")
MAX_UNNAMED_CLASSES = 10_000
CHUNK = 1024
MAX_COPIED_BYTES = 256 * 2**20
"""A `.npy` of more bytes is memory-mapped instead of copied: often only some of its images are used."""


class ArrayFile(PathSource):
    """Images (N,H,W), (N,H,W,C) or (N,C,H,W) with C 1 or 3; (N,C,H,W), which aecli writes, if both of these fit.

    They are uint8, bool, or floats in 0..1. In an `.npz` their key is `images`, `x` or `arr_0`, or they are the only
    array beside `labels` (N,), `names` (N,) and `class_names`.
    """

    kind = ".npz or .npy file"
    summary = "images (N,H,W), (N,H,W,C) or (N,C,H,W): uint8, bool or floats in 0..1; labels optional"

    @classmethod
    def accepts(cls, path: Path) -> bool:
        """Check the suffix."""
        return path.suffix.lower() in (".npz", ".npy") and not path.is_dir()

    def read(self, split: str, options: DataOptions, progress: Progress) -> ImageArrays:
        """Read all images; a large `.npy` of uint8 is memory-mapped.

        Raises:
            InputError: the file is damaged or holds pickled objects, or its arrays are not images.
        """
        require_file(self.path, "array file")
        if self.path.suffix.lower() == ".npy":
            arrays = {"images": _load_npy(self.path, budget(options.memory_budget))}
        else:
            arrays = _load_npz(self.path)
        images = to_images(_image_array(arrays, self.path), self.path)
        labels, class_names = _labels(arrays, len(images), self.path)
        names = arrays.get("names")
        if names is None or names.shape != (len(images),) or names.dtype.kind != "U":
            names = np.array([f"all/{index}" for index in range(len(images))])
        return ImageArrays(names, labels, class_names, images)


def _load_npy(path: Path, memory_budget: int) -> AnyArray:
    try:
        with ignore_warnings():
            mapped: AnyArray = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # numpy raises arbitrary exceptions on damaged headers
        raise _unreadable(path, error) from error
    if mapped.dtype == np.uint8 and mapped.nbytes > min(memory_budget, MAX_COPIED_BYTES):
        return mapped
    return np.array(mapped)


def _load_npz(path: Path) -> dict[str, AnyArray]:
    try:
        with path.open("rb") as file:
            arrays = read_npz(file, path)
    except (ValueError, OSError) as error:
        raise _unreadable(path, error) from error
    if not arrays:
        raise InputError(
            f"no array in {path}", hint="create it with numpy.savez_compressed(path, images=..., labels=...)"
        )
    return arrays


def _unreadable(path: Path, error: Exception) -> InputError:
    if "pickle" in str(error) or "Python objects" in str(error):
        return InputError(
            f"pickled objects are never loaded: {path}", hint="save arrays of numbers, not of dtype=object"
        )
    return InputError(f"damaged or truncated array file: {path}", hint="create it again with numpy.savez or numpy.save")


def _image_array(arrays: dict[str, AnyArray], path: Path) -> AnyArray:
    candidates = [key for key in IMAGE_KEYS if key in arrays] or [key for key in arrays if key not in OTHER_KEYS]
    if "images" in candidates or len(candidates) == 1:
        return arrays[candidates[0]]
    if "codes" in arrays:
        raise InputError(f"{path} holds codes, not images", hint=f"aecli decode {path} --model CKPT -o images.npz")
    raise InputError(
        f"no array called 'images' in {path}; it holds: {', '.join(sorted(arrays))}", hint="save it as images=..."
    )


def to_images(array: AnyArray, path: Path) -> NDArray[np.uint8]:
    """Convert an array of images in any layout of `ArrayFile` to (N, C, H, W) uint8; a memory map remains one.

    Raises:
        InputError: the shape, type or values are not those of images.
    """
    if array.ndim not in (3, 4) or 0 in array.shape:
        raise InputError(f"{path}: images must be (N,H,W), (N,H,W,C) or (N,C,H,W), not {array.shape}")
    if array.ndim == 3:
        array = array[:, None]
    elif array.shape[1] not in (1, 3):
        if array.shape[3] not in (1, 3):
            raise InputError(f"{path}: images must have 1 or 3 channels; their shape is {array.shape}")
        array = array.transpose(0, 3, 1, 2)
    if isinstance(array, np.memmap):
        return array
    if array.dtype == np.uint8:
        return np.ascontiguousarray(array)
    if array.dtype == bool:
        return np.ascontiguousarray(array).view(np.uint8) * np.uint8(255)
    if array.dtype.kind != "f":
        raise InputError(
            f"{path}: images must be uint8, bool or floats in 0..1, not {array.dtype}", hint="images.astype('uint8')"
        )
    return _scaled(array, path)


def _scaled(array: AnyArray, path: Path) -> NDArray[np.uint8]:
    """Scale floats in 0..1 to 0..255, rounded, in chunks: no second array of floats of the full size."""
    low, high = float(array.min()), float(array.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise InputError(f"{path}: images contain NaN or infinite values")
    if low < 0 or high > 1:
        raise InputError(
            f"{path}: float images must lie in 0..1, their range is {low:g}..{high:g}",
            hint="scale them, or save images.astype('uint8')",
        )
    images = np.empty(array.shape, np.uint8)
    for start in range(0, len(array), CHUNK):
        images[start : start + CHUNK] = np.rint(array[start : start + CHUNK].astype(np.float32) * 255)
    return images


def _labels(arrays: dict[str, AnyArray], count: int, path: Path) -> tuple[NDArray[np.int64] | None, tuple[str, ...]]:
    if "labels" not in arrays:
        return None, ()
    labels = arrays["labels"]
    if labels.shape != (count,):
        raise InputError(f"{path}: {count:,} images need labels of shape ({count},), not {labels.shape}")
    if labels.dtype.kind == "U":
        unique, indices = np.unique(labels, return_inverse=True)
        return indices.astype(np.int64), tuple(map(str, unique))
    if labels.dtype.kind not in "iu":
        raise InputError(f"{path}: labels must be integers or text, not {labels.dtype}")
    low, high = int(labels.min()), int(labels.max())
    if low < UNLABELED:
        raise InputError(f"{path}: labels must be at least 0, or -1 for unlabeled images, got {low}")
    class_names = tuple(str(name) for name in np.ravel(arrays.get("class_names", np.array([], str))))
    if class_names and high >= len(class_names):
        raise InputError(f"{path}: label {high} has no name among the {len(class_names)} class_names")
    if high >= MAX_UNNAMED_CLASSES:
        raise InputError(f"{path}: labels go up to {high:,}", hint="number the classes from 0 and add class_names")
    return labels.astype(np.int64), class_names or tuple(map(str, range(high + 1)))


SOURCES = (ArrayFile,)
