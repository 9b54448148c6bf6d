"""Codes <-> one `.npz` file."""

import json
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from aecli.codes.encoder_network import EncoderNetwork
from aecli.codes.quantizer import Quantizer
from aecli.codes.storage import STORED, Pieces, restore, store_batches
from aecli.errors import InputError
from aecli.storage.atomic import atomic_write
from aecli.storage.labels import UNLABELED
from aecli.storage.npz import read_npz
from aecli.storage.paths import reading, require_file
from aecli.storage.schema import build, parse_json

FORMAT = 1
ARRAYS = {"meta", "names", "residual_l2", "labels"} | STORED


@dataclass(frozen=True)
class CodesMeta:
    """The origin of codes, stored as one JSON string in the file."""

    model_fingerprint: str
    data: str
    """The DATA word."""
    data_fingerprint: str
    image_shape: tuple[int, ...] = ()
    """(C, H, W) of the images as the model took them; () if unknown."""
    resize: Literal["stretch", "crop", "pad"] = "stretch"
    """How images of another aspect ratio were resized."""
    tiles: list[int] = field(default_factory=list)
    """Side and overlap in pixels of the tiles that the images were cut into; empty for whole images."""
    levels: list[float] = field(default_factory=list)
    """The values of images of more than 8 bits that became 0 and 255; empty if each image declared its own."""
    trained_images: int | None = None
    """The number of images that the model was trained on; None if it is unknown."""
    bits: int = 32
    """Bits per stored value: 32 and 16 are floating point, fewer are levels of a quantizer."""
    entropy: bool = False
    """Whether the levels are entropy-coded."""
    class_names: list[str] = field(default_factory=list)
    network: EncoderNetwork | None = None
    """The network of the encoder; None for entropy-coded codes and features, and in files of earlier versions."""
    format: int = FORMAT


@dataclass(frozen=True)
class Codes:
    """The codes of images, in the images' order."""

    codes: NDArray[np.float32]
    """(N, ...) in the shape of the model's code."""
    names: NDArray[np.str_]
    """(N,) names of the images."""
    residual_l2: NDArray[np.float32] | None
    """(N,) L2 norm of each image's reconstruction error in normalized units, from codes of full precision; None for
    entropy-coded codes, which are stored without them."""
    meta: CodesMeta
    labels: NDArray[np.int64] | None = None
    """(N,) indices into `meta.class_names`, UNLABELED (-1) where unknown; None if no label is known."""
    quantizer: Quantizer | None = None
    """Maps values to levels if `meta.bits` is 8 or less; None: fitted on these codes."""

    def __len__(self) -> int:
        return len(self.codes)


@dataclass(frozen=True)
class CodeBatches:
    """Codes that are computed in batches and never all in memory; the other fields are those of `Codes`."""

    shape: tuple[int, ...]
    """(N, ...) of all codes."""
    batches: Iterable[tuple[NDArray[np.float32], NDArray[np.float32]]]
    """(B, ...) codes and their (B,) residuals."""
    names: NDArray[np.str_]
    meta: CodesMeta
    labels: NDArray[np.int64] | None = None
    quantizer: Quantizer | None = None


def save_codes(codes: Codes | CodeBatches, path: Path) -> None:
    """Write codes to an `.npz` file atomically, or to standard output for `-`; see `write_codes`.

    Raises:
        UsageError: a value is too large for float16.
        UnavailableError: the system refused to write.
    """
    with atomic_write(path) as file:
        write_codes(codes, file)


def write_codes(codes: Codes | CodeBatches, file: IO[bytes]) -> None:
    """Write the content of an `.npz` file: the arrays of `store`, `meta`, `names`, `residual_l2` and `labels`.

    Entropy-coded codes are deflated and stored without names, residuals and labels, for the smallest file. The same
    codes give the same bytes, in batches or not.

    Raises:
        UsageError: a value is too large for float16.
    """
    meta, residuals = codes.meta, None
    if isinstance(codes, Codes):
        shape, residuals = codes.codes.shape, codes.residual_l2
        batches: Iterable[NDArray[np.float32]] = [codes.codes]
    else:
        shape, residuals = codes.shape, np.empty(codes.shape[0], np.float32)
        batches = _collecting_residuals(residuals, codes.batches)
    arrays = store_batches(batches, shape, meta.bits, codes.quantizer, entropy=meta.entropy)
    arrays["meta"] = np.array(json.dumps(asdict(meta), sort_keys=True, ensure_ascii=False))
    if not meta.entropy:
        arrays["names"] = codes.names
        if residuals is not None:
            arrays["residual_l2"] = residuals  # filled while the codes, which come first, are written
        if codes.labels is not None:
            arrays["labels"] = codes.labels
    compression = zipfile.ZIP_DEFLATED if meta.entropy else zipfile.ZIP_STORED
    with zipfile.ZipFile(file, "w", compression) as archive:
        for key, array in arrays.items():
            with archive.open(f"{key}.npy", "w", force_zip64=True) as entry:
                _write_array(array, entry)


def _collecting_residuals(
    residuals: NDArray[np.float32], batches: Iterable[tuple[NDArray[np.float32], NDArray[np.float32]]]
) -> Iterator[NDArray[np.float32]]:
    """Yield the codes of the batches, and copy their residuals to `residuals`."""
    done = 0
    for codes, batch_residuals in batches:
        residuals[done : done + len(codes)] = batch_residuals
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
        InputError: the file is missing, damaged, or not a code file.
    """
    require_file(path, "code file")
    try:
        with reading(path, magic=b"PK") as file:
            arrays = read_npz(file, path, ARRAYS)
    except (ValueError, OSError) as error:
        raise InputError(f"not a code file: {path}: {error}", hint="create one with aecli encode") from error
    if "meta" not in arrays:
        raise InputError(
            f"arrays, but not codes of aecli: {path}: 'meta' is missing",
            hint=f"if these are images, encode them: aecli encode {path} --model MODEL -o codes.npz",
        )
    try:
        return _from_arrays(arrays, path)
    except (ValueError, RecursionError, MemoryError) as error:
        raise InputError(f"damaged code file: {path}: {error}") from error


def _from_arrays(arrays: dict[str, NDArray[Any]], path: Path) -> Codes:
    meta = build(CodesMeta, parse_json(str(arrays["meta"])))
    if meta.format > FORMAT:
        raise InputError(f"made by a newer version of aecli: {path}", hint="pip install --upgrade aecli")
    codes = restore(arrays, meta.bits, entropy=meta.entropy)
    if not np.isfinite(codes).all():
        raise ValueError("some codes are not finite")
    names = np.arange(len(codes)).astype(np.str_) if meta.entropy else _one_per_code(arrays, "names", "U", codes)
    residuals = None if meta.entropy else _one_per_code(arrays, "residual_l2", "f", codes)
    if residuals is not None and not np.isfinite(residuals).all():
        raise ValueError("some residuals are not finite")
    labels = _one_per_code(arrays, "labels", "i", codes) if "labels" in arrays else None
    if labels is not None and not ((labels >= UNLABELED) & (labels < len(meta.class_names))).all():
        raise ValueError(f"some labels are not indices of the {len(meta.class_names)} classes")
    return Codes(
        codes=codes,
        names=names,
        residual_l2=None if residuals is None else residuals.astype(np.float32),
        meta=meta,
        labels=None if labels is None else labels.astype(np.int64),
    )


def _one_per_code(arrays: dict[str, NDArray[Any]], key: str, kind: str, codes: NDArray[np.float32]) -> NDArray[Any]:
    if key not in arrays:
        raise ValueError(f"'{key}' is missing")
    array = arrays[key]
    if array.dtype.kind != kind or array.shape != codes.shape[:1]:
        raise ValueError(f"'{key}' has dtype {array.dtype} and shape {array.shape}, and not one value per code")
    return array
