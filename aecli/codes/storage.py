"""Codes as floating point <-> the arrays that a file keeps of them."""

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
"""What arrays that keep codes are called."""
Arrays = dict[str, NDArray[Any]]

MOST_VALUES, MOST_VALUES_A_BYTE = 1 << 25, 1 << 9
"""Of an entropy-coded stream, which may have more than the first only where it has less than the second: codes that
are all but constant come near, but a forged file might claim any size."""


def require_bits(bits: int, *, entropy: bool = False) -> int:
    """Return `bits` if codes can be stored with so many a value, entropy-coded or not.

    Raises:
        UsageError: they cannot.
    """
    possible = QUANTIZED_BITS if entropy else BITS
    if bits not in possible:
        how = "entropy-coded" if entropy else "stored"
        words = f"{', '.join(map(str, possible[:-1]))} or {possible[-1]}"
        raise UsageError(f"codes cannot be {how} with {bits} bits a value", hint=f"--bits {words}")
    return bits


@dataclass(frozen=True)
class Pieces:
    """An array that comes piece after piece along its first axis."""

    shape: tuple[int, ...]
    dtype: type
    pieces: Iterable[NDArray[Any]]

    def whole(self) -> NDArray[Any]:
        """Return all of it in memory."""
        parts = list(self.pieces)
        return parts[0] if len(parts) == 1 else np.concatenate([np.empty((0, *self.shape[1:]), self.dtype), *parts])


def store(
    codes: NDArray[np.float32], bits: int, quantizer: Quantizer | None = None, *, entropy: bool = False
) -> Arrays:
    """Return what `store_batches` does, of codes that are in memory."""
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
    """Return the arrays that keep codes, which come in batches and are (N, C, ...) in all, with `bits` a value.

    32 and 16: `codes`, floating point. 8: `codes`, uint8 levels of the quantizer. 6, 4, 3, 2: `packed`, the levels one
    behind another, and `shape`. With `entropy`: `coded` and `frequencies`, and `shape`. Levels come with the
    quantizer's `offset` and `step`. Where no quantizer is given, one is chosen on these codes, which are in memory
    for it; entropy coding has a byte a value in memory.

    Raises:
        UsageError: a value is too large for float16, or `bits` is no such number.
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
    packed = Pieces((size,), np.uint8, (pack(block, bits) for block in _in_eights(levels.pieces)))
    return {"packed": packed, **sizes, **scale}


def _as_float(codes: NDArray[np.float32], bits: int) -> NDArray[Any]:
    if bits == 16 and np.abs(codes).max(initial=0.0) > np.finfo(np.float16).max:
        raise UsageError("these codes have values too large for 16 bits", hint="--bits 32 or 8")
    return codes.astype(FLOAT_BITS[bits], copy=False)


def _in_eights(pieces: Iterable[NDArray[np.uint8]]) -> Iterator[NDArray[np.uint8]]:
    """Yield the same rows, as many at once, but for the last, as are whole bytes whatever the bits of a value."""
    left: NDArray[np.uint8] | None = None
    for piece in pieces:
        rows = piece if left is None else np.concatenate([left, piece])
        whole = len(rows) // 8 * 8
        left = rows[whole:]
        yield rows[:whole]
    if left is not None:
        yield left


def restore(arrays: Arrays, bits: int, *, entropy: bool) -> NDArray[np.float32]:
    """Return the float32 codes that `store` made the arrays of.

    Raises:
        ValueError: the arrays are not such.
    """
    if bits in FLOAT_BITS and not entropy:
        return _array(arrays, "codes", FLOAT_BITS[bits]).astype(np.float32)
    if bits not in QUANTIZED_BITS:
        raise ValueError(f"{bits} bits a value")
    levels = _levels(arrays, bits, entropy)
    offset, step = _array(arrays, "offset", np.float32, 1), _array(arrays, "step", np.float32, 1)
    if not len(offset) == len(step) == levels.shape[1] or not (np.isfinite(offset) & (step > 0)).all():
        raise ValueError("offset and step do not fit the codes")
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused by who reads it
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
    if size > max(MOST_VALUES, MOST_VALUES_A_BYTE * (coded.words.nbytes + coded.frequencies.nbytes)):
        raise ValueError(f"{size:,} values in {coded.words.nbytes:,} bytes")
    if coded.frequencies.shape[1] != 2**bits:
        raise ValueError(f"frequencies of {coded.frequencies.shape[1]} levels")
    return entropy_decode(coded, shape)


def _array(arrays: Arrays, key: str, dtype: type, dimensions: int | None = None) -> NDArray[Any]:
    if key not in arrays:
        raise ValueError(f"it has no '{key}'")
    array = arrays[key]
    if array.dtype != dtype or (array.ndim != dimensions if dimensions else array.ndim < 2):
        raise ValueError(f"{key} are {array.dtype} of shape {array.shape}")
    return array
