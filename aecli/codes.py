"""Codes <-> one `.npz` file."""

import json
import zipfile
import zlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from aecli.errors import InputError, UsageError
from aecli.files import reading, require_file, writing
from aecli.schema import build

FORMAT = 1
STORED_DTYPES = {32: "float32", 16: "float16", 8: "uint8"}
"""How a value of a code is stored, by its bits."""


@dataclass(frozen=True)
class CodesMeta:
    """Where codes came from, kept as one JSON string in the file."""

    model_fingerprint: str
    data: str
    """The DATA word."""
    data_fingerprint: str
    bits: int = 32
    """Per value: 32 and 16 are floating point; 8 are steps of `step` from `offset`."""
    step: float = 1.0
    offset: float = 0.0
    class_names: list[str] = field(default_factory=list)
    format: int = FORMAT


@dataclass(frozen=True)
class Codes:
    """The codes of images, in the images' order."""

    codes: NDArray[np.float32]
    """(N, ...) float32, keeping the code's shape."""
    names: NDArray[np.str_]
    """(N,) unicode."""
    residual_l2: NDArray[np.float32]
    """(N,) float32, L2 norm of each image's reconstruction error in normalised units, from codes of full precision."""
    meta: CodesMeta
    labels: NDArray[np.int64] | None = None
    """(N,) int64 indices into `meta.class_names`, -1 where unknown; None where no label is known."""

    def __len__(self) -> int:
        return len(self.codes)


def require_bits(bits: int) -> int:
    """Return `bits` if codes can be stored with so many a value.

    Raises:
        UsageError: they cannot.
    """
    if bits not in STORED_DTYPES:
        raise UsageError(f"codes cannot be stored with {bits} bits", hint="--bits 32, 16 or 8")
    return bits


def quantise(codes: NDArray[np.float32], bits: int) -> tuple[NDArray[Any], float, float]:
    """Return the codes as they are stored with `bits` per value, and the step and offset of the stored values.

    32: float32 as they are. 16: float16. 8: uint8 numbers of steps between the least and the greatest value.
    The error is at most half a step.

    Raises:
        UsageError: a value is too large for float16.
    """
    if bits == 32:
        return codes, 1.0, 0.0
    if bits == 16:
        if np.abs(codes).max(initial=0.0) > np.finfo(np.float16).max:
            raise UsageError("these codes have values too large for 16 bits", hint="--bits 32 or 8")
        return codes.astype(np.float16), 1.0, 0.0
    offset = float(codes.min(initial=0.0))
    step = (float(codes.max(initial=0.0)) - offset) / (2**bits - 1) or 1.0
    return np.rint((codes - offset) / step).astype(np.uint8), step, offset


def save_codes(codes: Codes, path: Path) -> None:
    """Write an `.npz` file with `codes`, `names`, `residual_l2`, `meta` and, where known, `labels`.

    The values are stored with `codes.meta.bits` per value; the same codes give the same bytes.

    Raises:
        UsageError: a value is too large for that many bits.
        UnavailableError: the system refused to write.
    """
    stored, step, offset = quantise(codes.codes, codes.meta.bits)
    meta = asdict(codes.meta) | {"step": step, "offset": offset}
    arrays = {
        "codes": stored,
        "names": codes.names,
        "residual_l2": codes.residual_l2,
        "meta": np.array(json.dumps(meta, sort_keys=True, ensure_ascii=False)),
    }
    if codes.labels is not None:
        arrays["labels"] = codes.labels
    with writing(path) as file:
        np.savez(file, allow_pickle=False, **arrays)


def load_codes(path: Path) -> Codes:
    """Read an `.npz` file that `save_codes` wrote, or `-` for standard input.

    Raises:
        InputError: missing, damaged, or not a code file.
    """
    require_file(path, "code file")
    try:
        with reading(path) as file:
            arrays = _read_arrays(file)
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        reason = str(error).splitlines()[0] if str(error) else "cut off"
        if "allow_pickle" in reason or "pickled" in reason:
            reason = "it holds pickled objects, or is no .npz file"
        raise InputError(f"not a code file: {path}: {reason}", hint="make one: aecli encode") from error
    for key in ("codes", "names", "residual_l2", "meta"):
        if key not in arrays:
            raise InputError(f"not a code file: {path}: it has no '{key}'", hint="make one: aecli encode")
    return _from_arrays(arrays, path)


def _read_arrays(file: IO[bytes]) -> dict[str, NDArray[Any]]:
    try:
        archive = np.load(file, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise ValueError("one bare array")
        return {key: archive[key] for key in archive.files}
    except MemoryError as error:
        raise ValueError(f"an array is too large: {error}") from error


def _from_arrays(arrays: dict[str, NDArray[Any]], path: Path) -> Codes:
    stored, residuals, labels = arrays["codes"], arrays["residual_l2"], arrays.get("labels")
    try:
        meta = build(CodesMeta, json.loads(str(arrays["meta"])))
    except (ValueError, RecursionError) as error:
        raise InputError(f"damaged code file: {path}: its description cannot be read: {error}") from error
    if meta.format > FORMAT:
        raise InputError(f"made by a newer aecli: {path}", hint="pip install --upgrade aecli")
    if stored.dtype.name != STORED_DTYPES.get(meta.bits) or stored.ndim < 2:
        raise InputError(f"damaged code file: {path}: codes are {stored.dtype} of shape {stored.shape}")
    for key in ("names", "residual_l2", "labels"):
        if key in arrays and arrays[key].shape != stored.shape[:1]:
            raise InputError(f"damaged code file: {path}: '{key}' does not have one value for each code")
    if arrays["names"].dtype.kind != "U" or residuals.dtype.kind != "f" or not np.isfinite(residuals).all():
        raise InputError(f"damaged code file: {path}: names must be text and residuals finite numbers")
    if labels is not None and not (
        labels.dtype.kind == "i" and ((labels >= -1) & (labels < len(meta.class_names))).all()
    ):
        raise InputError(f"damaged code file: {path}: labels must be numbers of the {len(meta.class_names)} classes")
    codes = stored.astype(np.float32)
    if meta.bits == 8:
        codes = codes * np.float32(meta.step) + np.float32(meta.offset)
    if not np.isfinite(codes).all():
        raise InputError(f"damaged code file: {path}: codes that are not finite")
    return Codes(
        codes=codes,
        names=arrays["names"],
        residual_l2=residuals.astype(np.float32),
        meta=meta,
        labels=None if labels is None else labels.astype(np.int64),
    )
