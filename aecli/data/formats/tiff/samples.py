"""Read the samples of TIFF files that Pillow refuses or reads wrongly, if they are plain: not or deflate compressed."""

import zlib
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aecli.data.formats.color_profiles import KEY
from aecli.data.formats.deep_image import DeepImage
from aecli.data.formats.tiff import directories as tags
from aecli.data.formats.tiff.directories import Directory, TiffError, file_size

if TYPE_CHECKING:
    from PIL.Image import Image

UNCOMPRESSED, DEFLATE = 1, (8, 32946)
MAX_DEFLATE_RATIO = 1100
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE = range(4)
UNSIGNED, SIGNED, FLOAT = 1, 2, 3
KIND_LETTERS = {UNSIGNED: "u", SIGNED: "i", FLOAT: "f"}
UNSPECIFIED, ALPHA = 0, 2
"""Kinds of extra samples; those of premultiplied colors are not read."""


@dataclass(frozen=True)
class Layout:
    """How the samples of an image are stored."""

    height: int
    width: int
    bits: int
    kind: int
    """UNSIGNED, SIGNED or FLOAT."""
    samples: int
    """Values per pixel, including extra ones such as alpha."""
    colors: int
    """Values per pixel without extra ones."""
    photometric: int
    compression: int
    predictor: int
    is_planar: bool
    has_alpha: bool
    block: tuple[int, int]
    """(height, width) of a strip or tile."""
    is_tiled: bool

    @property
    def is_deep(self) -> bool:
        """Whether it is decoded to a DeepImage."""
        return self.kind != UNSIGNED or self.bits > 8

    @property
    def stored_samples(self) -> int:
        """Values per pixel in one block."""
        return 1 if self.is_planar else self.samples

    @property
    def row_bytes(self) -> int:
        """Bytes in one row of a block."""
        return (self.block[1] * self.stored_samples * self.bits + 7) // 8


def colors_of(directory: Directory, layout: Layout) -> int:
    """Return the number of channels of an image, 1 or 3: a palette is gray if all its colors are.

    Raises:
        TiffError: the palette is damaged.
    """
    if layout.photometric != PALETTE:
        return layout.colors
    palette = _palette(directory, layout)
    return 1 if (palette == palette[:, :1]).all() else 3


def plain_layout(directory: Directory) -> Layout | None:
    """Return the layout of an image that `read_samples` reads; None for others.

    Raises:
        TiffError: the directory is damaged.
    """
    bits, kinds = set(directory.values(tags.BITS, (1,))), set(directory.values(tags.SAMPLE_FORMAT, (UNSIGNED,)))
    extra = directory.values(tags.EXTRA_SAMPLES)
    photometric = directory.value(tags.PHOTOMETRIC, WHITE_IS_ZERO)
    is_tiled = tags.TILE_OFFSETS in directory.entries
    height, width = directory.value(tags.HEIGHT, 0), directory.value(tags.WIDTH, 0)
    block = (
        (directory.value(tags.TILE_HEIGHT, 0), directory.value(tags.TILE_WIDTH, 0))
        if is_tiled
        else (min(directory.value(tags.ROWS_PER_STRIP, height), height), width)
    )
    if len(bits) != 1 or len(kinds) != 1 or not (height > 0 and width > 0 and min(block) > 0):
        return None
    layout = Layout(
        height=height,
        width=width,
        bits=bits.pop(),
        kind=kinds.pop(),
        samples=directory.value(tags.SAMPLES, 1),
        colors=3 if photometric == RGB else 1,
        photometric=photometric,
        compression=directory.value(tags.COMPRESSION, UNCOMPRESSED),
        predictor=directory.value(tags.PREDICTOR, 1),
        is_planar=directory.value(tags.PLANAR, 1) == 2,
        has_alpha=extra[:1] == (ALPHA,),
        block=block,
        is_tiled=is_tiled,
    )
    has_order = directory.value(tags.FILL_ORDER, 1) == 1
    # More channels than one of opacity are more than an image in color: such as those of a microscope.
    has_channels = layout.samples == layout.colors + len(extra) and extra in ((), (UNSPECIFIED,), (ALPHA,))
    return layout if has_order and has_channels and _is_plain(layout) else None


def _is_plain(layout: Layout) -> bool:
    by_kind = {UNSIGNED: range(1, 65), SIGNED: (8, 16, 32, 64), FLOAT: (16, 32, 64)}
    whole_bytes = layout.bits in (8, 16, 32, 64)
    return (
        layout.photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE)
        and layout.bits in by_kind.get(layout.kind, ())
        and (layout.photometric != PALETTE or (layout.bits <= 8 and layout.kind == UNSIGNED))
        and layout.compression in (UNCOMPRESSED, *DEFLATE)
        and (layout.predictor == 1 or (layout.predictor == 2 and whole_bytes and layout.kind != FLOAT))
    )


def read_samples(directory: Directory, layout: Layout) -> "DeepImage | Image":
    """Read an image of a plain layout.

    Raises:
        TiffError: the file is damaged.
    """
    values = _read_blocks(directory, layout)
    alpha = values[:, :, layout.colors] if layout.has_alpha and layout.samples > layout.colors else None
    colors = values[:, :, : layout.colors] if layout.colors == 3 else values[:, :, 0]
    if not layout.is_deep:
        return _to_pillow(colors, alpha, directory, layout)
    white = 2.0**layout.bits - 1 if layout.kind == UNSIGNED and layout.bits < 32 else None
    scaled_alpha = None
    if alpha is not None:
        full = 1.0 if layout.kind == FLOAT else 2.0 ** (layout.bits - (layout.kind == SIGNED)) - 1
        scaled_alpha = np.clip(np.nan_to_num(alpha.astype(np.float64)) * (255 / full), 0, 255).astype(np.uint8)
    is_negative = layout.photometric == WHITE_IS_ZERO
    return DeepImage(np.ascontiguousarray(colors), scaled_alpha, is_negative, white, _profile(directory))


def _profile(directory: Directory) -> bytes | None:
    """Return the ICC profile of an image; None without one, or if it is damaged."""
    with suppress(TiffError, ValueError):
        return bytes(directory.values(tags.ICC_PROFILE)) or None
    return None


def _to_pillow(colors: NDArray[Any], alpha: NDArray[Any] | None, directory: Directory, layout: Layout) -> "Image":
    """Return an image of at most 8 bits in mode L, RGB, LA or RGBA."""
    from PIL import Image

    if layout.photometric == PALETTE:
        image = Image.fromarray(_palette(directory, layout)[colors])
    else:
        scaled = (colors.astype(np.uint16) * 255 // (2**layout.bits - 1)).astype(np.uint8)
        image = Image.fromarray(255 - scaled if layout.photometric == WHITE_IS_ZERO else scaled)
    if alpha is not None:
        image.putalpha(Image.fromarray((alpha.astype(np.uint16) * 255 // (2**layout.bits - 1)).astype(np.uint8)))
    image.info[KEY] = _profile(directory)
    return image


def _palette(directory: Directory, layout: Layout) -> NDArray[np.uint8]:
    """Return the (N, 3) colors of a palette; some programs write 8 instead of 16 bits."""
    palette = np.array(directory.values(tags.COLOR_MAP), np.uint32)
    if palette.size != 3 << layout.bits:
        raise TiffError
    if palette.max() > 255:
        palette //= 256
    return palette.astype(np.uint8).reshape(3, -1).T


def _read_blocks(directory: Directory, layout: Layout) -> NDArray[Any]:
    """Return all samples, (H, W, samples)."""
    offset_tag, length_tag = (
        (tags.TILE_OFFSETS, tags.TILE_BYTES) if layout.is_tiled else (tags.STRIP_OFFSETS, tags.STRIP_BYTES)
    )
    offsets, lengths = directory.values(offset_tag), directory.values(length_tag)
    rows, columns = layout.block
    down, across = -(-layout.height // rows), -(-layout.width // columns)
    planes = layout.samples if layout.is_planar else 1
    ratio = 1 if layout.compression == UNCOMPRESSED else MAX_DEFLATE_RATIO
    if max(planes * layout.height, rows) * layout.row_bytes > ratio * file_size(directory.file):
        raise TiffError("truncated")
    if len(offsets) < planes * down * across:
        raise TiffError
    values = np.zeros((layout.height, layout.width, layout.samples), _value_type(layout))
    for index, offset in enumerate(offsets[: planes * down * across]):
        plane, position = divmod(index, down * across)
        y, x = position // across * rows, position % across * columns
        height = rows if layout.is_tiled else min(rows, layout.height - y)
        length = lengths[index] if index < len(lengths) else height * layout.row_bytes
        block = _decode(_content(directory, layout, offset, length, height), directory.order, layout)
        target = values[y : y + rows, x : x + columns]
        shown = block[: target.shape[0], : target.shape[1]]
        if layout.is_planar:
            target[:, :, plane] = shown[:, :, 0]
        else:
            target[:] = shown
    return values


def _content(directory: Directory, layout: Layout, offset: int, length: int, height: int) -> bytes:
    """Return the bytes of a block of `height` rows."""
    needed = height * layout.row_bytes
    try:
        length = min(length, file_size(directory.file))
        directory.file.seek(offset)
        if layout.compression == UNCOMPRESSED:
            content = directory.file.read(needed)
        else:
            content = zlib.decompressobj().decompress(directory.file.read(length), needed)
    except (OSError, ValueError, OverflowError, zlib.error) as error:
        raise TiffError from error
    if len(content) < needed:
        raise TiffError("truncated")
    return content


def _decode(content: bytes, order: str, layout: Layout) -> NDArray[Any]:
    """Return the (height, width, samples) values of a block."""
    per_row = layout.block[1] * layout.stored_samples
    if layout.bits in (8, 16, 32, 64):
        value_type = _value_type(layout).newbyteorder("<" if order == "<" else ">")
        values: NDArray[Any] = np.frombuffer(content, value_type).reshape(-1, per_row)
    else:
        values = _unpacked(np.frombuffer(content, np.uint8).reshape(-1, layout.row_bytes), per_row, order, layout.bits)
    block = values.reshape(len(values), layout.block[1], layout.stored_samples)
    return np.cumsum(block, axis=1, dtype=_value_type(layout)) if layout.predictor == 2 else block


def _unpacked(rows: NDArray[np.uint8], per_row: int, order: str, bits: int) -> NDArray[np.uint64]:
    """Return the values of `bits` bits in each row of bytes; whole bytes have the byte `order`, others are packed."""
    if bits % 8 == 0:
        parts = rows[:, : per_row * bits // 8].reshape(len(rows), per_row, bits // 8)
        parts = parts[:, :, ::-1] if order == "<" else parts
    else:
        parts = np.unpackbits(rows, axis=1)[:, : per_row * bits].reshape(len(rows), per_row, bits)
    values = np.zeros(parts.shape[:2], np.uint64)
    shift = np.uint64(8 if bits % 8 == 0 else 1)
    for position in range(parts.shape[2]):
        values = (values << shift) | parts[:, :, position]
    return values


def _value_type(layout: Layout) -> "np.dtype[Any]":
    size = next(size for size in (1, 2, 4, 8) if 8 * size >= layout.bits)
    return np.dtype(f"{KIND_LETTERS[layout.kind]}{size}")
