"""Pictures out of a data set, as PNG files, their paths on standard output.

`pictures.py number DATA N FILE.png` writes the image of that number; `pictures.py flat DATA COUNT FOLDER` writes COUNT
of each class into one folder, the class in front of the file's name: 7_00123.png.
"""

import shutil
import sys
from pathlib import Path

import numpy as np
from PIL import Image

import aecli


def write(pixels: np.ndarray, path: Path) -> None:
    channels, height, width = pixels.shape
    Image.fromarray(pixels.transpose(1, 2, 0).reshape(height, width, channels).squeeze()).save(path)
    print(path)


def number(word: str, row: int, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write(aecli.load_images(word).images[row], path)


def flat(word: str, count: int, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    images = aecli.load_images(word)
    for label, name in enumerate(images.class_names):
        for row in np.flatnonzero(images.labels == label)[:count]:
            write(images.images[row], folder / f"{name.replace('_', '-').replace('/', '-')}_{row:05}.png")


if __name__ == "__main__":
    command, word, how_many, path = sys.argv[1:]
    {"number": number, "flat": flat}[command](word, int(how_many), Path(path))
