"""Codes <-> one `.npz` file."""

import json
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from aecli.codes.quantizer import Quantizer
from aecli.codes.storage import STORED, Pieces, restore, store_batches
from aecli.errors import InputError
from aecli.storage.atomic import atomic_write
from aecli.storage.npz import read_npz
from aecli.storage.paths import reading, require_file
from aecli.storage.schema import build, parse_json

FORMAT = 1
ARRAYS = {"meta", "names", "residual_l2", "labels"} | STORED


@dataclass(frozen=True)
class CodesMeta:
    """Where codes came from, kept as one JSON string in the file."""

    model_fingerprint: str
    data: str
    """The DATA word."""
    data_fingerprint: str
    image_shape: tuple[int, ...] = ()
    """(C, H, W) of the images as the model took them; () where it is not known."""
    bits: int = 32
    """Per value as stored: 32 and 16 are floating point, fewer are levels of a quantizer."""
    entropy: bool = False
    """Whether the levels are entropy-coded."""
    class_names: list[str] = field(default_factory=list)
    format: int = FORMAT


@dataclass(frozen=True)
class Codes:
    """The codes of images, in the images' order."""

    codes: NDArray[np.float32]
    """(N, ...) float32, keeping the code's shape."""
    names: NDArray[np.str_]
    """(N,) unicode."""
    residual_l2: NDArray[np.float32] | None
    """(N,) float32, L2 norm of each image's reconstruction error in normalized units, from codes of full precision;
    None where codes were entropy-coded, which keeps nothing else."""
    meta: CodesMeta
    labels: NDArray[np.int64] | None = None
    """(N,) int64 indices into `meta.class_names`, -1 where unknown; None where no label is known."""
    quantizer: Quantizer | None = None
    """How values become levels where `meta.bits` are few; None: as it suits these codes."""

    def __len__(self) -> int:
        return len(self.codes)


@dataclass(frozen=True)
class CodeBatches:
    """Codes that come batch after batch and are never whole in memory; what else is known of them is as of `Codes`."""

    shape: tuple[int, ...]
    """(N, ...) of all codes."""
    batches: Iterable[tuple[NDArray[np.float32], NDArray[np.float32]]]
    """Codes, (B, ...), and their residuals, (B,)."""
    names: NDArray[np.str_]
    meta: CodesMeta
    labels: NDArray[np.int64] | None = None
    quantizer: Quantizer | None = None


def save_codes(codes: Codes | CodeBatches, path: Path) -> None:
    """Write codes to an `.npz` file, whole or not at all, or to standard output for `-`: see `write_codes`.

    Raises:
        UsageError: a value is too large for that many bits.
        UnavailableError: the system refused to write.
    """
    with atomic_write(path) as file:
        write_codes(codes, file)


def write_codes(codes: Codes | CodeBatches, file: IO[bytes]) -> None:
    """Write the content of an `.npz` file: the arrays of `store`, `meta`, `names`, `residual_l2`, `labels` if known.

    Entropy-coded codes are kept without names, residuals and labels, and deflated: the smallest file. The same codes
    give the same bytes, in batches or not.

    Raises:
        UsageError: a value is too large for that many bits.
    """
    meta, residuals = codes.meta, None
    if isinstance(codes, Codes):
        shape, residuals = codes.codes.shape, codes.residual_l2
        batches: Iterable[NDArray[np.float32]] = [codes.codes]
    else:
        shape, residuals = codes.shape, np.empty(codes.shape[0], np.float32)
        batches = _noting(residuals, codes.batches)
    arrays = store_batches(batches, shape, meta.bits, codes.quantizer, entropy=meta.entropy)
    arrays["meta"] = np.array(json.dumps(asdict(meta), sort_keys=True, ensure_ascii=False))
    if not meta.entropy:
        arrays["names"] = codes.names
        if residuals is not None:
            arrays["residual_l2"] = residuals  # complete once the codes, which come first, are written
        if codes.labels is not None:
            arrays["labels"] = codes.labels
    compression = zipfile.ZIP_DEFLATED if meta.entropy else zipfile.ZIP_STORED
    with zipfile.ZipFile(file, "w", compression) as archive:
        for key, array in arrays.items():
            with archive.open(f"{key}.npy", "w", force_zip64=True) as entry:
                _write_array(array, entry)


def _noting(
    residuals: NDArray[np.float32], batches: Iterable[tuple[NDArray[np.float32], NDArray[np.float32]]]
) -> Iterator[NDArray[np.float32]]:
    """Yield the codes of the batches and keep their residuals."""
    done = 0
    for codes, of_batch in batches:
        residuals[done : done + len(codes)] = of_batch
        done += len(codes)
        yield codes


def _write_array(array: NDArray[Any] | Pieces, file: IO[bytes]) -> None:
    if not isinstance(array, Pieces):
        npy.write_array(file, array, allow_pickle=False)
        return
    header = {"descr": npy.dtype_to_descr(np.dtype(array.dtype)), "fortran_order": False, "shape": array.shape}
    npy.write_array_header_1_0(file, header)
    for piece in array.pieces:
        file.write(np.ascontiguousarray(piece).data)


def load_codes(path: Path) -> Codes:
    """Read an `.npz` file that `save_codes` wrote, or `-` for standard input.

    Raises:
        InputError: missing, damaged, or not a code file.
    """
    require_file(path, "code file")
    try:
        with reading(path, magic=b"PK") as file:
            arrays = read_npz(file, path, ARRAYS)
    except (ValueError, OSError) as error:
        raise InputError(f"not a code file: {path}: {error}", hint="make one: aecli encode") from error
    if "meta" not in arrays:
        raise InputError(f"not a code file: {path}: it has no 'meta'", hint="make one: aecli encode")
    try:
        return _from_arrays(arrays, path)
    except (ValueError, RecursionError, MemoryError) as error:
        raise InputError(f"damaged code file: {path}: {error}") from error


def _from_arrays(arrays: dict[str, NDArray[Any]], path: Path) -> Codes:
    meta = build(CodesMeta, parse_json(str(arrays["meta"])))
    if meta.format > FORMAT:
        raise InputError(f"made by a newer aecli: {path}", hint="pip install --upgrade aecli")
    codes = restore(arrays, meta.bits, entropy=meta.entropy)
    if not np.isfinite(codes).all():
        raise ValueError("codes that are not finite")
    names = np.arange(len(codes)).astype(np.str_) if meta.entropy else _one_each(arrays, "names", "U", codes)
    residuals = None if meta.entropy else _one_each(arrays, "residual_l2", "f", codes)
    if residuals is not None and not np.isfinite(residuals).all():
        raise ValueError("residuals that are not finite")
    labels = _one_each(arrays, "labels", "i", codes) if "labels" in arrays else None
    if labels is not None and not ((labels >= -1) & (labels < len(meta.class_names))).all():
        raise ValueError(f"labels that are not numbers of the {len(meta.class_names)} classes")
    return Codes(
        codes=codes,
        names=names,
        residual_l2=None if residuals is None else residuals.astype(np.float32),
        meta=meta,
        labels=None if labels is None else labels.astype(np.int64),
    )


def _one_each(arrays: dict[str, NDArray[Any]], key: str, kind: str, codes: NDArray[np.float32]) -> NDArray[Any]:
    if key not in arrays:
        raise ValueError(f"it has no '{key}'")
    array = arrays[key]
    if array.dtype.kind != kind or array.shape != codes.shape[:1]:
        raise ValueError(f"'{key}' of {array.dtype} and shape {array.shape} in the place of one for each code")
    return array
