"""Floating-point codes <-> the arrays that a file stores."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.codes.entropy import Coded, entropy_decode, entropy_encode
from aecli.codes.quantizer import QUANTIZED_BITS, Quantizer, fit_quantizer, pack, unpack
from aecli.errors import UsageError

FLOAT_BITS = {32: np.float32, 16: np.float16}
BITS = (*FLOAT_BITS, *QUANTIZED_BITS)
STORED = {"codes", "packed", "coded", "frequencies", "shape", "offset", "step"}
"""Names of all arrays in which codes may be stored."""
Arrays = dict[str, NDArray[Any]]

MAX_VALUES, MAX_VALUES_PER_BYTE = 1 << 25, 1 << 9
"""Limits of entropy-coded streams, of which one must be kept: a forged file could claim any number of values. Almost
constant codes come close to the second limit."""


def require_bits(bits: int, *, entropy: bool = False) -> int:
    """Check that codes can be stored with this number of bits per value, and return it.

    Raises:
        UsageError: they cannot.
    """
    possible = QUANTIZED_BITS if entropy else BITS
    if bits not in possible:
        verb = "entropy-coded" if entropy else "stored"
        choices = f"{', '.join(map(str, possible[:-1]))} or {possible[-1]}"
        raise UsageError(f"codes cannot be {verb} with {bits} bits per value", hint=f"--bits {choices}")
    return bits


@dataclass(frozen=True)
class Pieces:
    """An array that is produced in pieces along its first axis."""

    shape: tuple[int, ...]
    dtype: type
    pieces: Iterable[NDArray[Any]]

    def whole(self) -> NDArray[Any]:
        """Return the whole array in memory."""
        parts = list(self.pieces)
        return parts[0] if len(parts) == 1 else np.concatenate([np.empty((0, *self.shape[1:]), self.dtype), *parts])


def store(
    codes: NDArray[np.float32], bits: int, quantizer: Quantizer | None = None, *, entropy: bool = False
) -> Arrays:
    """Return the arrays of `store_batches` for codes in memory."""
    arrays = store_batches([codes], codes.shape, bits, quantizer, entropy=entropy)
    return {key: array.whole() if isinstance(array, Pieces) else array for key, array in arrays.items()}


def store_batches(
    batches: Iterable[NDArray[np.float32]],
    shape: tuple[int, ...],
    bits: int,
    quantizer: Quantizer | None = None,
    *,
    entropy: bool = False,
) -> dict[str, NDArray[Any] | Pieces]:
    """Return the arrays that store codes with `bits` per value.

    32 and 16 bits: `codes`, floating point. 8 bits: `codes`, uint8 levels of the quantizer. 6, 4, 3 and 2 bits:
    `packed`, the levels without gaps, and `shape`. With `entropy`: `coded`, `frequencies` and `shape`. Levels come
    with the quantizer's `offset` and `step`.

    Args:
        batches: (B, C, ...) codes. They are read while the arrays are written, except if no quantizer is given or with
            `entropy`; then all codes, or one byte per value, are in memory.
        shape: (N, C, ...) of all codes.
        bits: Bits per value.
        quantizer: Maps values to levels; by default, it is fitted on these codes.
        entropy: Whether to entropy-code the levels.

    Raises:
        UsageError: a value is too large for float16, or `bits` is not supported.
    """
    require_bits(bits, entropy=entropy)
    if bits in FLOAT_BITS:
        return {"codes": Pieces(shape, FLOAT_BITS[bits], (_as_float(codes, bits) for codes in batches))}
    if quantizer is None:
        whole = Pieces(shape, np.float32, batches).whole()
        batches, quantizer = [whole], fit_quantizer(whole, bits)
    scale: Arrays = {"offset": np.array(quantizer.offset, np.float32), "step": np.array(quantizer.step, np.float32)}
    levels = Pieces(shape, np.uint8, map(quantizer.levels, batches))
    if bits == 8 and not entropy:
        return {"codes": levels, **scale}
    sizes: Arrays = {"shape": np.array(shape, np.int64)}
    if entropy:
        coded = entropy_encode(levels.whole(), bits)
        return {"coded": coded.words, "frequencies": coded.frequencies, **sizes, **scale}
    size = -(-int(np.prod(shape, dtype=np.int64)) * bits // 8)
    packed = Pieces((size,), np.uint8, (pack(block, bits) for block in _in_whole_bytes(levels.pieces)))
    return {"packed": packed, **sizes, **scale}


def _as_float(codes: NDArray[np.float32], bits: int) -> NDArray[Any]:
    if bits == 16 and np.abs(codes).max(initial=0.0) > np.finfo(np.float16).max:
        raise UsageError("these codes have values too large for 16 bits", hint="--bits 32 or 8")
    return codes.astype(FLOAT_BITS[bits], copy=False)


def _in_whole_bytes(pieces: Iterable[NDArray[np.uint8]]) -> Iterator[NDArray[np.uint8]]:
    """Yield the same rows in pieces of a multiple of 8 rows, so that each piece packs into whole bytes."""
    rest: NDArray[np.uint8] | None = None
    for piece in pieces:
        rows = piece if rest is None else np.concatenate([rest, piece])
        whole = len(rows) // 8 * 8
        rest = rows[whole:]
        yield rows[:whole]
    if rest is not None:
        yield rest


def restore(arrays: Arrays, bits: int, *, entropy: bool) -> NDArray[np.float32]:
    """Return the codes from the arrays of `store`.

    Raises:
        ValueError: an array is missing or does not fit the others.
    """
    if bits in FLOAT_BITS and not entropy:
        return _array(arrays, "codes", FLOAT_BITS[bits]).astype(np.float32)
    if bits not in QUANTIZED_BITS:
        raise ValueError(f"{bits} bits per value")
    levels = _levels(arrays, bits, entropy)
    offset, step = _array(arrays, "offset", np.float32, 1), _array(arrays, "step", np.float32, 1)
    if not len(offset) == len(step) == levels.shape[1] or not (np.isfinite(offset) & (step > 0)).all():
        raise ValueError("offset and step do not fit the codes")
    with np.errstate(over="ignore", invalid="ignore"):  # the caller refuses values that are not finite
        return Quantizer(bits, offset.tolist(), step.tolist()).values(levels)


def _levels(arrays: Arrays, bits: int, entropy: bool) -> NDArray[np.uint8]:
    if bits == 8 and not entropy:
        return _array(arrays, "codes", np.uint8)
    shape = tuple(map(int, _array(arrays, "shape", np.int64, 1)))
    if len(shape) < 2 or min(shape) < 0 or min(shape[1:]) < 1:
        raise ValueError(f"codes of shape {shape}")
    size = 1
    for side in shape:
        size *= side
    if not entropy:
        return unpack(_array(arrays, "packed", np.uint8, 1), bits, shape)
    coded = Coded(_array(arrays, "coded", np.uint32, 1), _array(arrays, "frequencies", np.uint32, 2))
    if size > max(MAX_VALUES, MAX_VALUES_PER_BYTE * (coded.words.nbytes + coded.frequencies.nbytes)):
        raise ValueError(f"{size:,} values in {coded.words.nbytes:,} bytes")
    if coded.frequencies.shape[1] != 2**bits:
        raise ValueError(f"frequencies of {coded.frequencies.shape[1]} levels")
    return entropy_decode(coded, shape)


def _array(arrays: Arrays, key: str, dtype: type, dimensions: int | None = None) -> NDArray[Any]:
    if key not in arrays:
        raise ValueError(f"'{key}' is missing")
    array = arrays[key]
    if array.dtype != dtype or (array.ndim != dimensions if dimensions else array.ndim < 2):
        raise ValueError(f"'{key}' has dtype {array.dtype} and shape {array.shape}")
    return array
