"""Write ICC profiles: matrix profiles of RGB, curves of gray, and a table of CMYK."""

import itertools
import struct
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

D50 = (0.9642, 1.0, 0.8249)
SRGB_PRIMARIES = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
P3_PRIMARIES = ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06))
ADOBE_PRIMARIES = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
Primaries = tuple[tuple[float, float], ...]


def rgb_profile(primaries: Primaries, gamma: float | None = None, name: str = "test") -> bytes:
    """Return a display profile with primaries (x, y) and white D65; without `gamma`, with the curve of sRGB."""
    matrix = to_xyz(primaries)
    curve = _srgb_curve() if gamma is None else _curve([round(gamma * 256)])
    tags = {tag: _xyz(matrix[:, index]) for index, tag in enumerate(("rXYZ", "gXYZ", "bXYZ"))}
    return _profile("mntr", "RGB ", "XYZ ", tags | dict.fromkeys(("rTRC", "gTRC", "bTRC"), curve), name)


def gray_profile(gamma: float) -> bytes:
    """Return a display profile of gray."""
    return _profile("mntr", "GRAY", "XYZ ", {"kTRC": _curve([round(gamma * 256)])})


def cmyk_profile() -> bytes:
    """Return a printer profile whose ink colors are unlike those that Pillow assumes without one."""
    table = b""
    for inks in itertools.product((0, 1), repeat=4):
        light = np.prod(1 - np.array([0.45, 0.5, 0.1, 0.85]) * inks)
        a = 128 - 35 * inks[0] + 70 * inks[1] - 5 * inks[2]
        b = 128 - 45 * inks[0] - 5 * inks[1] + 85 * inks[2]
        table += bytes(int(value) for value in np.clip([light * 255, a, b], 0, 255))
    identity = bytes(range(256))
    lut = struct.pack(">4sIBBBB9i", b"mft1", 0, 4, 3, 2, 0, *[65536, 0, 0, 0, 65536, 0, 0, 0, 65536])
    return _profile("prtr", "CMYK", "Lab ", {"A2B0": lut + identity * 4 + table + identity * 3})


def to_xyz(primaries: Primaries) -> NDArray[np.float64]:
    """Return the matrix from linear RGB of white D65 to XYZ of white D50."""
    white = _xyz_of((0.3127, 0.3290))
    columns = np.stack([_xyz_of(point) for point in primaries], axis=1)
    matrix = columns * np.linalg.solve(columns, white)
    adaptation = np.linalg.inv(BRADFORD) @ np.diag((BRADFORD @ D50) / (BRADFORD @ white)) @ BRADFORD
    return np.asarray(adaptation @ matrix)


def srgb_levels(pixels: NDArray[np.uint8], primaries: Primaries, gamma: float | None = None) -> NDArray[np.float64]:
    """Convert (..., 3) levels of an RGB space to levels of sRGB, by its definition."""
    levels = pixels / 255
    linear = levels**gamma if gamma else np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    linear = linear @ (np.linalg.inv(to_xyz(SRGB_PRIMARIES)) @ to_xyz(primaries)).T
    linear = np.clip(linear, 0, 1)
    encoded = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(encoded * 255)


def _xyz_of(point: tuple[float, float]) -> NDArray[np.float64]:
    x, y = point
    return np.array([x / y, 1, (1 - x - y) / y])


def _profile(kind: str, space: str, connection: str, tags: Mapping[str, bytes], name: str = "test") -> bytes:
    described = struct.pack(">4sII", b"desc", 0, len(name) + 1) + name.encode() + bytes(79)
    tags = {"desc": described, "wtpt": _xyz(np.array(D50)), "cprt": b"text\0\0\0\0none\0", **tags}
    directory, content = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for tag, data in tags.items():
        directory += struct.pack(">4sII", tag.encode(), start + len(content), len(data))
        content += data + bytes(-len(data) % 4)
    length, version = start + len(content), 0x02400000
    words = [word.encode() for word in (kind, space, connection)]
    illuminant = _xyz(np.array(D50))[8:]
    header = struct.pack(">I4xI4s4s4s12x4s28x12s48x", length, version, *words, b"acsp", illuminant)
    return header + struct.pack(">I", len(tags)) + directory + content


def _xyz(values: NDArray[np.float64]) -> bytes:
    return struct.pack(">4sI3i", b"XYZ ", 0, *(round(value * 65536) for value in values.tolist()))


def _curve(values: list[int]) -> bytes:
    return struct.pack(f">4sII{len(values)}H", b"curv", 0, len(values), *values)


def _srgb_curve() -> bytes:
    levels = np.linspace(0, 1, 1024)
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    return _curve(np.rint(linear * 65535).astype(int).tolist())
