"""Write small image files of rare formats and kinds."""

import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from aecli.data.formats.known import HEIC
from tests.data.formats.bmp_writing import fields_bmp
from tests.data.formats.jpeg_writing import lossless_jpeg
from tests.data.formats.tiff_writing import gray_page, packed_bits, page, write_tiff

MARKED = np.pad(np.ones((2, 3), bool), ((2, 4), (3, 2)))
"""The pixels that a mask of an image of 8x8 pixels marks."""


def write_new_formats(folder: Path, gray: Image.Image, color: Image.Image) -> None:
    """Write files of the formats that not every Pillow reads, and animations."""
    color.save(folder / "color.avif", quality=80)
    color.convert("RGBA").save(folder / "alpha.avif", save_all=True, append_images=[color.convert("RGBA")])
    gray.save(folder / "digit.jp2")
    color.save(folder / "color.jp2", irreversible=True)
    Image.fromarray(np.asarray(gray).astype(np.uint16) * 257).save(folder / "deep.jp2")
    if HEIC.is_available:
        import pillow_heif

        pillow_heif.register_heif_opener()
        color.resize((64, 64)).save(folder / "color.heic", quality=80)
    (folder / "lossless.jpeg").write_bytes(lossless_jpeg(np.asarray(gray.resize((64, 64)))))
    for suffix in ("gif", "webp", "png"):
        color.save(folder / f"frames.{suffix}", save_all=True, append_images=[gray.convert("RGB")])


def write_masks(folder: Path) -> None:
    """Write masks of one image, of each kind of pixels."""
    folder.mkdir()
    bits = Image.fromarray(MARKED)
    white = bits.convert("L")
    exif = Image.Exif()
    exif[0x0112] = 6
    bits.save(folder / "bits.png")
    white.save(folder / "white.png", exif=exif)
    white.convert("P").save(folder / "palette.png", transparency=0)
    white.convert("LA").save(folder / "alpha.png")
    Image.fromarray(MARKED.astype(np.uint16)).save(folder / "deep.png")
    Image.fromarray(MARKED.repeat(2, axis=0).repeat(2, axis=1)).save(folder / "large.png")
    bits.save(folder / "bits.tiff", compression="group4")
    Image.fromarray(MARKED.astype(np.float32)).save(folder / "float.tiff")
    for suffix in ("jpeg", "bmp", "gif"):
        white.save(folder / f"white.{suffix}")


def write_unusual_kinds(folder: Path, images: NDArray[Any]) -> None:
    """Write the kinds of TIFF and BMP files that Pillow does not read."""
    deep = images[0, 0].astype(np.uint16) * 257
    color = np.stack([deep, deep.T, deep[::-1]])
    strips = [plane.tobytes() for plane in color]
    size = (8, 8)
    kinds = {
        "planar": ([page(size, [16] * 3, 2, strips, t284=[2])], "<", False),
        "rgb16": ([page(size, [16] * 3, 2, [color.transpose(1, 2, 0).tobytes()])], "<", False),
        "double": ([gray_page(deep / 65535, ">", t274=[6])], ">", False),
        "big": ([gray_page(deep, ">", t262=[0])], ">", True),
        "packed": ([page(size, [12], 1, [packed_bits(deep >> 4, 12)])], ">", False),
        "pages": ([gray_page(deep), gray_page(deep[::2], t254=[1]), gray_page(deep.T)], "<", False),
        "deflated": ([page(size, [16] * 3, 2, [zlib.compress(one) for one in strips], t284=[2], t259=[8])], "<", False),
        "tiles": ([page(size, [64], 1, [bytes(2048)], t322=[16], t323=[16], t339=[3])], "<", False),
    }
    for name, (pages, order, big) in kinds.items():
        write_tiff(folder / f"{name}.tiff", *pages, order=order, big=big)
    (folder / "fields.bmp").write_bytes(fields_bmp(deep, 16, (0xF00, 0xF0, 0xF, 0xF000)))
