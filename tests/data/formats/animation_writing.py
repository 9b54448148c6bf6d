"""Write animated PNG and GIF files, part by part, and say what each frame must show."""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

KEEP, CLEAR, RESTORE = range(3)
"""What becomes of a part after its frame is shown."""
CHUNK = 250
"""Codes after which the dictionary of a GIF is reset, so that all of its codes have 9 bits."""


@dataclass(frozen=True)
class Part:
    """The pixels that a frame draws."""

    top: int
    left: int
    pixels: NDArray[np.uint8]
    """(h, w, 4), opaque or transparent; (h, w) for a GIF, numbers of colors of its palette, 0 being transparent."""
    dispose: int = KEEP
    replaces: bool = False
    """Whether transparent pixels replace what is below them; never in a GIF."""


def random_parts(seed: int, size: tuple[int, int], count: int, *, colors: int = 0) -> list[Part]:
    """Return parts within (H, W), the first of which covers it; numbers of `colors` for a GIF, else RGBA."""
    generator = np.random.default_rng(seed)
    parts = []
    for index in range(count):
        height, width = size if index == 0 else (int(generator.integers(1, side + 1)) for side in size)
        top, left = (int(generator.integers(0, room + 1)) for room in (size[0] - height, size[1] - width))
        if colors:
            pixels = generator.integers(0 if index else 1, colors, (height, width), dtype=np.uint8)
        else:
            pixels = generator.integers(0, 256, (height, width, 4), dtype=np.uint8)
            pixels[..., 3] = np.where(pixels[..., 3] < 90, 0, 255)
        dispose = int(generator.integers(0, 3)) if index else KEEP
        parts.append(Part(top, left, pixels, dispose, replaces=not colors and bool(generator.integers(0, 2))))
    return parts


def shown(
    parts: Sequence[Part], size: tuple[int, int], palette: NDArray[np.uint8] | None = None
) -> list[NDArray[np.uint8]]:
    """Return what each frame shows, (3, H, W), on white."""
    canvas = np.zeros((*size, 4), np.uint8)
    frames = []
    for part in parts:
        height, width = part.pixels.shape[:2]
        window = (slice(part.top, part.top + height), slice(part.left, part.left + width))
        before = canvas.copy()
        pixels = part.pixels if palette is None else _colored(part.pixels, palette)
        drawn = np.full((height, width), True) if part.replaces else pixels[..., 3] > 0
        canvas[window][drawn] = pixels[drawn]
        frames.append(np.where(canvas[..., 3:] > 0, canvas[..., :3], 255).transpose(2, 0, 1).astype(np.uint8))
        if part.dispose == CLEAR:
            canvas[window] = 0
        elif part.dispose == RESTORE:
            canvas = before
    return frames


def apng(parts: Sequence[Part], size: tuple[int, int]) -> bytes:
    """Return an animated PNG of (H, W) pixels."""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", size[1], size[0], 8, 6, 0, 0, 0))]
    chunks.append((b"acTL", struct.pack(">II", len(parts), 0)))
    number = 0
    for part in parts:
        height, width = part.pixels.shape[:2]
        control = (number, width, height, part.left, part.top, 1, 10, part.dispose, not part.replaces)
        chunks.append((b"fcTL", struct.pack(">IIIIIHHBB", *control)))
        data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in part.pixels))
        number += 1
        if number == 1:
            chunks.append((b"IDAT", data))
        else:
            chunks.append((b"fdAT", struct.pack(">I", number) + data))
            number += 1
    chunks.append((b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def gif(parts: Sequence[Part], size: tuple[int, int], palette: NDArray[np.uint8]) -> bytes:
    """Return an animated GIF of (H, W) pixels with a palette of 256 colors, (256, 3)."""
    content = b"GIF89a" + struct.pack("<HHBBB", size[1], size[0], 0xF7, 0, 0) + palette.tobytes()
    for part in parts:
        height, width = part.pixels.shape
        content += b"!\xf9\x04" + struct.pack("<BHBB", (part.dispose + 1) << 2 | 1, 10, 0, 0)
        content += b"," + struct.pack("<HHHHB", part.left, part.top, width, height, 0) + b"\x08"
        data = _codes(part.pixels.ravel().tolist())
        blocks = [data[start : start + 255] for start in range(0, len(data), 255)]
        content += b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"
    return content + b";"


def _codes(values: Sequence[int]) -> bytes:
    """Return numbers in the code of a GIF, without compression."""
    codes = [256]
    for index, value in enumerate(values):
        if index and index % CHUNK == 0:
            codes.append(256)
        codes.append(value)
    codes.append(257)
    number = sum(code << 9 * position for position, code in enumerate(codes))
    return number.to_bytes((9 * len(codes) + 7) // 8, "little")


def _colored(numbers: NDArray[np.uint8], palette: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.dstack([palette[numbers], np.where(numbers > 0, 255, 0).astype(np.uint8)])
