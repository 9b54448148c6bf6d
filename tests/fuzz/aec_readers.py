"""Compressed images: a damaged file is refused, or gives exactly what the undamaged one holds."""

import json
import zlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import numpy as np

from tests.fuzz import formats, mutations
from tests.fuzz.readers import Reader

if TYPE_CHECKING:
    from aecli.inference.codec import ImageCodec

CRC = slice(8, 12)


def aec_readers(folder: Path) -> list[Reader]:
    """Return the readers of `.aec` files as they are, of those with a checksum that fits, and of sets of images."""
    from aecli.checkpoint import resolve_model
    from aecli.codes.aec_set import load_aec_set
    from aecli.inference.codec import load_codec
    from aecli.workflows.compressed_sets import decode_set

    any_size = load_codec(resolve_model(folder / "codec"), "cpu")
    one_size = load_codec(resolve_model(folder / "codec-small"), "cpu")
    files = [path.read_bytes() for path in sorted(folder.glob("archive/**/*.aec"))]
    models = [path.read_bytes() for path in sorted(folder.glob("codec*/model.safetensors"))]
    paths = sorted(folder.glob("set*.npz"))
    sets = [path.read_bytes() for path in paths]
    decoded = [decode_set(one_size, load_aec_set(path)).images.tobytes() for path in paths]
    zip_of_arrays = formats.change_zip(formats.change_array)
    return [
        Reader("aec", "x.aec", files, partial(unchanged_image, any_size, files)),
        Reader("aec-crc", "x.aec", files, partial(any_image, any_size), with_checksum),
        Reader("codec", "x.safetensors", models, codec_model, formats.change_safetensors),
        Reader("aec-set", "x.npz", sets, partial(unchanged_set, one_size, decoded), zip_of_arrays),
    ]


def unchanged_image(codec: "ImageCodec", valid: Sequence[bytes], path: Path) -> None:
    """Decode a file; only one that is not damaged may give an image."""
    any_image(codec, path)
    assert path.read_bytes() in valid, "a damaged file gives an image"


def any_image(codec: "ImageCodec", path: Path) -> None:
    """Describe a file, decode it, and read it as an image; the results fit its header."""
    from aecli.errors import InputError
    from aecli.inference.archive_decoding import decode_image, read_file
    from aecli.reports.describe import describe

    json.dumps(describe(path).to_dict(), allow_nan=False).encode()
    try:
        image = read_file(path)
        (pixels,) = decode_image(codec, [image])
    except ValueError as error:
        raise InputError(str(error)) from error
    assert pixels.dtype == np.uint8
    assert pixels.shape == (image.header.channels, image.header.height, image.header.width)


def codec_model(path: Path) -> None:
    """Load a codec, and encode and decode an image at each rate."""
    from aecli.checkpoint import resolve_model
    from aecli.errors import InputError
    from aecli.inference.codec import load_codec

    codec = load_codec(resolve_model(path), "cpu")
    height, width = codec.size or (8, 9)
    image = np.random.default_rng(0).integers(0, 256, (1, codec.channels, height, width), np.uint8)
    for rate in range(len(codec.rate_weights)):
        (encoded,) = codec.encode(image, rate)
        try:
            (pixels,) = codec.decode([encoded.coded])
        except ValueError as error:
            raise InputError(str(error)) from error
        assert np.array_equal(pixels, encoded.pixels), "an image does not decode to what encoding said"


def unchanged_set(codec: "ImageCodec", valid: Sequence[bytes], path: Path) -> None:
    """Decode a set; its pixels are those of an undamaged one, although names and labels may have changed."""
    from aecli.codes.aec_set import load_aec_set
    from aecli.reports.describe import describe
    from aecli.workflows.compressed_sets import decode_set

    json.dumps(describe(path).to_dict(), allow_nan=False).encode()
    images = decode_set(codec, load_aec_set(path))
    assert len(images.names) == len(images)
    assert images.images.tobytes() in valid, "a damaged set gives images"


def with_checksum(content: bytes, chance: Random) -> bytes:
    """Damage the header or the stream, and store the checksum of what is left.

    Sides stay small: the time that decoding takes grows with the size that the file claims.
    """
    damaged = bytearray(mutations.damage(content, chance))
    if chance.random() < 0.3:
        damaged = bytearray(content)
        damaged[chance.choice([12, 13, 15])] = chance.choice([0, 1, 2, 7, 16, 17, 100, 127, 128, 255])
    for high in (14, 16):
        if len(damaged) > high:
            damaged[high] = 0
    crc = zlib.crc32(damaged[: CRC.start] + damaged[CRC.stop :]).to_bytes(4, "little")
    return bytes(damaged[: CRC.start]) + crc + bytes(damaged[CRC.stop :])
