"""Encode images to `.aec` files with a codec, or decode them with other threads, libraries and batches.

    python -m tests.benchmarks.references.codec_files encode RUN FOLDER RATE PNG...
    python -m tests.benchmarks.references.codec_files decode RUN FOLDER THREADS ONEDNN BATCH

`encode` writes FOLDER/NNN.aec and what decoding must give, and prints the CPU seconds a megapixel of the largest image.
`decode` prints how many files have other codes or other pixels than when they were encoded.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from aecli.checkpoint import resolve_model
from aecli.codes.aec import pack, read_aec
from aecli.inference.codec import CodedImage, ImageCodec, load_codec

REPEATS = 3
EXPECTED = "expected.npz"


def encode(codec: ImageCodec, folder: Path, rate: int, paths: list[Path]) -> dict[str, float]:
    """Write the files, with the codes and pixels of each, and measure the largest image."""
    folder.mkdir(parents=True, exist_ok=True)
    expected: dict[str, NDArray[Any]] = {}
    largest = np.zeros((1, 1, 0, 0), np.uint8)
    for number, path in enumerate(paths):
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("L"))[None, None]
        (encoded,) = codec.encode(pixels, rate)
        (folder / f"{number:03}.aec").write_bytes(pack(encoded.coded, codec.identity, codec.channels))
        expected[f"codes{number}"] = codec._numbers(pixels, rate)[0]
        expected[f"pixels{number}"] = encoded.pixels
        largest = max(largest, pixels, key=np.size)
    np.savez(folder / EXPECTED, allow_pickle=False, **expected)
    coded = codec.encode(largest, rate)[0].coded
    return {
        "encode": _cpu_seconds(lambda: codec.encode(largest, rate)) / largest.size * 1e6,
        "decode": _cpu_seconds(lambda: codec.decode([coded])) / largest.size * 1e6,
    }


def _cpu_seconds(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(REPEATS):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return min(taken)


def decode(codec: ImageCodec, folder: Path, batch: int) -> dict[str, int]:
    """Decode all files; count those with other codes or pixels, and damaged ones that are accepted."""
    expected = np.load(folder / EXPECTED)
    paths = sorted(folder.glob("*.aec"))
    counts = {"files": len(paths), "other_codes": 0, "other_pixels": 0, "largest_difference": 0, "damage_accepted": 0}
    coded = [_read(path) for path in paths]
    for start in range(0, len(coded), batch):
        for number, codes in enumerate(codec._read(coded[start : start + batch]), start):
            counts["other_codes"] += not np.array_equal(codes, expected[f"codes{number}"])
        for number, pixels in enumerate(codec.decode(coded[start : start + batch]), start):
            difference = np.abs(pixels.astype(int) - expected[f"pixels{number}"])
            counts["other_pixels"] += bool(difference.any())
            counts["largest_difference"] = max(counts["largest_difference"], int(difference.max()))
    draws = np.random.default_rng(0)
    for path in paths:
        content = bytearray(path.read_bytes())
        content[draws.integers(len(content))] ^= 1 << int(draws.integers(8))
        damaged = folder / "damaged"
        damaged.write_bytes(content)
        try:
            image = read_aec_from(damaged)
            counts["damage_accepted"] += image.identity == codec.identity.removeprefix("sha256:")[:8]
        except ValueError:
            continue
    return counts


def _read(path: Path) -> CodedImage:
    with path.open("rb") as file:
        image = read_aec(file)
    return CodedImage(image.header.rate, image.header.height, image.header.width, image.words)


def read_aec_from(path: Path) -> Any:
    """Return the header of a file that can be read.

    Raises:
        ValueError: it is damaged.
    """
    with path.open("rb") as file:
        return read_aec(file).header


def main() -> None:
    """Do one of the two, and print the result as JSON."""
    action, run, folder, *words = sys.argv[1:]
    if action == "decode":
        import torch

        torch.set_num_threads(int(words[0]))
        torch.backends.mkldnn.enabled = words[1] == "1"  # type: ignore[assignment]
    codec = load_codec(resolve_model(run), "cpu")
    if action == "encode":
        result: dict[str, Any] = encode(codec, Path(folder), int(words[0]), list(map(Path, words[1:])))
    else:
        result = decode(codec, Path(folder), int(words[2]))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
