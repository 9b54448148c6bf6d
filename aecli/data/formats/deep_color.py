"""Read all 16 bits of color images, of which Pillow keeps only the high byte of each value."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aecli.data.formats.deep_image import DeepImage

if TYPE_CHECKING:
    from PIL.Image import Image

GRAY_ALPHA = "LA;16B"
"""The raw mode of PNG files of 16-bit gray with alpha, which Pillow reads as color."""
OTHER_BYTES = {"16B": "16L", "16L": "16B"}
"""The byte order that makes Pillow take the low bytes instead of the high ones."""

JPEG_2000_HEADER_BYTES = 1 << 16
SIZE_MARKER = b"\xff\x4f\xff\x51"
"""The start of the code stream, whose first segment describes the size and the bits of each channel."""
BITS_AFTER_MARKER = 42
NATIVE_ORDER = {
    **{"F;32F": "F;32NF", "F;32BF": "F;32NF", "I;16S": "I;16NS", "I;16BS": "I;16NS"},
    **{"I;32S": "I;32NS", "I;32BS": "I;32NS"},
}


def raw_mode(image: "Image") -> str:
    """Return how the pixels of an opened image are stored, in Pillow's terms; "" if it is unknown."""
    tiles = getattr(image, "tile", None)
    if not tiles:
        return ""
    arguments = tiles[0][3]
    mode = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return mode if isinstance(mode, str) else ""


def repair_byte_order(image: "Image") -> None:
    """Make Pillow read the numbers of a compressed TIFF in the byte order of this machine, as libtiff returns them."""
    tiles = getattr(image, "tile", None)
    mode = raw_mode(image)
    if tiles and tiles[0][0] == "libtiff" and mode in NATIVE_ORDER:
        _set_raw_mode(image, NATIVE_ORDER[mode])


def is_deep_color(image: "Image") -> bool:
    """Return whether an opened image has 16-bit values that Pillow reduces to 8 bits."""
    return (
        _is_deep_ppm(image)
        or _is_deep_jpeg_2000(image)
        or (
            image.format in ("PNG", "TIFF")
            and image.mode in ("RGB", "RGBA")
            and (raw_mode(image) == GRAY_ALPHA or _low_mode(image) is not None)
        )
    )


def read_deep_color(image: "Image", reopen: "Callable[[], Image]") -> DeepImage:
    """Decode an opened deep image; `reopen` opens it once more."""
    if _is_deep_ppm(image):
        return _read_ppm(image)
    if image.format == "JPEG2000":
        return _read_jpeg_2000(image)
    if raw_mode(image) == GRAY_ALPHA:
        _set_raw_mode(image, "RGBA")
        stored = np.asarray(image)
        return DeepImage(_joined(stored[:, :, 0], stored[:, :, 1]), np.ascontiguousarray(stored[:, :, 2]))
    other = reopen()
    low_mode = _low_mode(other)
    high = np.asarray(image)
    if low_mode:  # libtiff gives the high bytes again if each color is stored separately
        _set_raw_mode(other, low_mode)
    values = _joined(high[:, :, :3], np.asarray(other)[:, :, :3])
    alpha = np.ascontiguousarray(high[:, :, 3]) if image.mode == "RGBA" else None
    transparent = image.info.get("transparency")
    if isinstance(transparent, tuple) and len(transparent) == 3:
        alpha = np.where((values == np.array(transparent)).all(axis=2), 0, 255).astype(np.uint8)
    return DeepImage(values, alpha)


def _joined(high: NDArray[np.uint8], low: NDArray[np.uint8]) -> NDArray[np.uint16]:
    values = high.astype(np.uint16)
    values <<= 8
    values |= low
    return values


def _low_mode(image: "Image") -> str | None:
    """Return the raw mode that gives the low bytes; None if there is none."""
    import sys

    mode = raw_mode(image)
    layout, _, order = mode.rpartition(";")
    if layout not in ("RGB", "RGBA", "RGBX"):
        return None
    if order == "16N":
        order = "16L" if sys.byteorder == "little" else "16B"
    return f"{layout};{OTHER_BYTES[order]}" if order in OTHER_BYTES else None


def _set_raw_mode(image: "Image", mode: str) -> None:
    tiles: list[Any] = image.tile  # type: ignore[attr-defined]
    for index, tile in enumerate(tiles):
        arguments = (mode, *tile[3][1:]) if isinstance(tile[3], tuple) else mode
        tiles[index] = type(tile)(*tile[:3], arguments)


def _is_deep_jpeg_2000(image: "Image") -> bool:
    """Return whether Pillow keeps only the 8 highest bits of a JPEG 2000 file; it keeps all of gray ones."""
    if image.format != "JPEG2000" or image.mode not in ("LA", "RGB", "RGBA"):
        return False
    file = image.fp  # type: ignore[attr-defined]
    position = file.tell()
    file.seek(0)
    start = file.read(JPEG_2000_HEADER_BYTES)
    file.seek(position)
    at = start.find(SIZE_MARKER)
    bits = start[at + BITS_AFTER_MARKER : at + BITS_AFTER_MARKER + 1] if at >= 0 else b""
    return bool(bits) and (bits[0] & 0x7F) + 1 > 8


def _read_jpeg_2000(image: "Image") -> DeepImage:
    """Return the 8 bits that Pillow decodes as the high ones of 16, so that dark images are not black."""
    pixels = np.asarray(image)
    has_alpha = image.mode != "RGB"
    values = pixels[:, :, : -1 if has_alpha else None].astype(np.uint16) << 8
    alpha = np.ascontiguousarray(pixels[:, :, -1]) if has_alpha else None
    return DeepImage(np.ascontiguousarray(values[:, :, 0]) if values.shape[2] == 1 else values, alpha, white=0xFF00)


def _is_deep_ppm(image: "Image") -> bool:
    tiles = getattr(image, "tile", None)
    if image.format != "PPM" or image.mode != "RGB" or not tiles or tiles[0][0] != "ppm":
        return False
    return bool(tiles[0][3][-1] > 255)


def _read_ppm(image: "Image") -> DeepImage:
    _, _, offset, (_, white) = image.tile[0]  # type: ignore[attr-defined]
    file = image.fp  # type: ignore[attr-defined]
    file.seek(offset)
    needed = 6 * image.width * image.height
    content = file.read(needed)
    if len(content) < needed:
        raise OSError("truncated")
    return DeepImage(np.frombuffer(content, ">u2").reshape(image.height, image.width, 3), white=white)
