"""Decode JPEG files to arrays, in as many threads as there are processors, and do nothing with them.

    python -m tests.benchmarks.references.jpeg_decoding FOLDER pillow|draft|simplejpeg

`draft` decodes at the smallest scale of at least 128 pixels, where libjpeg leaves out most of the work. Prints the
seconds and the CPU seconds as JSON.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 128


def with_pillow(path: Path) -> int:
    with Image.open(path) as image:
        return np.asarray(image).size


def with_draft(path: Path) -> int:
    with Image.open(path) as image:
        image.draft(None, (SIDE, SIDE))
        return np.asarray(image).size


def with_simplejpeg(path: Path) -> int:
    return int(import_module("simplejpeg").decode_jpeg(path.read_bytes()).size)


METHODS: dict[str, Callable[[Path], int]] = {
    "pillow": with_pillow,
    "draft": with_draft,
    "simplejpeg": with_simplejpeg,
}


def main() -> None:
    """Decode all files of a folder."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("method", choices=METHODS)
    options = parser.parse_args()
    paths = sorted(options.folder.iterdir())
    METHODS[options.method](paths[0])
    started, cpu = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for _ in threads.map(METHODS[options.method], paths):
            pass
    print(json.dumps({"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - cpu}))


if __name__ == "__main__":
    main()
