"""A set of images of one size that a model has compressed to one stream <-> one `.npz` file.

The arrays are `meta`, a JSON object of the fields of `AecSetMeta` and `crc`, the CRC-32 of these fields and of the
stream; `stream`, the words; and, if they are kept, `names` and `labels`.
"""

import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from io import BytesIO
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from aecli.errors import InputError
from aecli.storage.labels import UNLABELED
from aecli.storage.limits import MAX_IMAGE_PIXELS, refuse_bomb
from aecli.storage.npz import has_arrays, read_npz
from aecli.storage.paths import reading, require_file
from aecli.storage.schema import build, parse_json

FORMAT = 1
STREAM = "stream"
ARRAYS = {"meta", STREAM, "names", "labels"}


@dataclass(frozen=True)
class AecSetMeta:
    """What decoding needs besides the stream, and where the images come from."""

    identity: str
    """`sha256:` and the identity of the model that decodes the stream."""
    rate: int
    count: int
    """The number of images."""
    image_shape: tuple[int, ...]
    """(C, H, W) of each image."""
    data: str = ""
    """The DATA word."""
    class_names: list[str] = field(default_factory=list)
    format: int = FORMAT


@dataclass(frozen=True)
class AecSet:
    """A compressed set."""

    meta: AecSetMeta
    words: NDArray[np.uint32]
    """The entropy-coded stream of all images."""
    names: NDArray[np.str_] | None = None
    """(N,); None if they are not kept."""
    labels: NDArray[np.int64] | None = None
    """(N,) indices into `meta.class_names`, -1 where unknown; None if they are not kept."""

    def to_bytes(self) -> bytes:
        """Return the content of the file; the same set gives the same bytes."""
        stream = self.words.astype("<u4")
        fields = asdict(self.meta)
        text = json.dumps(fields | {"crc": _crc(fields, stream)}, separators=(",", ":"))
        arrays: dict[str, NDArray[Any]] = {"meta": np.array(text), STREAM: stream}
        if self.names is not None:
            arrays["names"] = self.names
        if self.labels is not None:
            arrays["labels"] = self.labels
        content = BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
            for key, array in arrays.items():
                with archive.open(f"{key}.npy", "w") as entry:
                    npy.write_array(entry, array, allow_pickle=False)
        return content.getvalue()


def is_aec_set(path: Path) -> bool:
    """Return whether a file is an archive with a stream of images; False for a damaged one or a pipe."""
    return bool(has_arrays(path, ("meta", STREAM)))


def load_aec_set(path: Path) -> AecSet:
    """Read a set that `AecSet.to_bytes` wrote, or `-` for standard input. Its size is checked before memory is taken.

    Raises:
        InputError: the file is missing, damaged or of another kind.
    """
    require_file(path, "file of images")
    try:
        with reading(path, magic=b"PK") as file:
            return _from_arrays(read_npz(file, path, ARRAYS))
    except (ValueError, OSError, RecursionError, MemoryError) as error:
        raise InputError(f"damaged set of images: {path}: {error}") from error


def _from_arrays(arrays: Mapping[str, NDArray[Any]]) -> AecSet:
    if not {"meta", STREAM} <= arrays.keys():
        raise ValueError("'meta' or 'stream' is missing")
    document, stream = parse_json(str(arrays["meta"])), arrays[STREAM]
    if not isinstance(document, dict):
        raise ValueError("'meta' is not an object")
    crc = document.pop("crc", None)
    meta = build(AecSetMeta, document)
    if meta.format > FORMAT:
        raise ValueError("made by a newer version of aecli")
    if stream.dtype != np.uint32 or stream.ndim != 1 or crc != _crc(asdict(meta), stream):
        raise ValueError("its checksum does not match")
    _require_sizes(meta, stream)
    labels = _optional(arrays, "labels", "i", meta.count)
    if labels is not None and not ((labels >= UNLABELED) & (labels < len(meta.class_names))).all():
        raise ValueError("some labels are not indices of the classes")
    names = _optional(arrays, "names", "U", meta.count)
    return AecSet(meta, stream, names, None if labels is None else labels.astype(np.int64))


def _require_sizes(meta: AecSetMeta, stream: NDArray[np.uint32]) -> None:
    shape = meta.image_shape
    if meta.count < 0 or len(shape) != 3 or min(shape) < 1 or prod(shape) > 3 * MAX_IMAGE_PIXELS or meta.rate < 0:
        raise ValueError(f"{meta.count} images of shape {shape} at rate {meta.rate}")
    refuse_bomb(meta.count * prod(shape), stream.nbytes)


def _optional(arrays: Mapping[str, NDArray[Any]], key: str, kind: str, count: int) -> NDArray[Any] | None:
    array = arrays.get(key)
    if array is not None and (array.dtype.kind != kind or array.shape != (count,)):
        raise ValueError(f"'{key}' has dtype {array.dtype} and shape {array.shape}, and not one value per image")
    return array


def _crc(fields: dict[str, Any], stream: NDArray[np.uint32]) -> int:
    return zlib.crc32(stream.astype("<u4").tobytes(), zlib.crc32(json.dumps(fields, sort_keys=True).encode()))
