"""Write images of a data set as PNG files and print their paths.

image_files.py one DATA INDEX FILE.png      # the image at this index
image_files.py flat DATA COUNT FOLDER       # COUNT images of each class in one folder, such as 7_00123.png
"""

import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import aecli


def write(pixels: NDArray[Any], path: Path) -> None:
    """Write an image (C, H, W) uint8."""
    channels, height, width = pixels.shape
    Image.fromarray(pixels.transpose(1, 2, 0).reshape(height, width, channels).squeeze()).save(path)
    print(path)


def one(word: str, index: int, path: Path) -> None:
    """Write the image at this index."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write(aecli.load_images(word).images[index], path)


def flat(word: str, count: int, folder: Path) -> None:
    """Write `count` images of each class; the file names start with the class."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    images = aecli.load_images(word)
    for label, name in enumerate(images.class_names):
        for index in np.flatnonzero(images.labels == label)[:count]:
            write(images.images[index], folder / f"{name.replace('_', '-').replace('/', '-')}_{index:05}.png")


if __name__ == "__main__":
    command, word, number, path = sys.argv[1:]
    {"one": one, "flat": flat}[command](word, int(number), Path(path))
