"""Write images to files."""

import re
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aecli.data.grids import grid
from aecli.data.image_set import ImageSet
from aecli.data.resize import to_pil
from aecli.errors import OutputExistsError, UsageError
from aecli.runtime.progress import Progress, silent
from aecli.storage.atomic import atomic_write, sync_folder
from aecli.storage.partial_files import unfinished_folder
from aecli.storage.paths import is_stream, plain_name, require_folder, require_output, unwritable

UNSUPPORTED_SUFFIXES = {
    *(".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".ppm", ".pgm", ".npy", ".pdf", ".svg")
}
IMAGE_NAME = re.compile(r"\d{6,}-.*\.png")


def require_image_output(path: Path, *, inputs: Iterable[Path], overwrite: bool) -> Path:
    """Return the path for `save_images` to write, with links resolved: an `.npz`, a `.png`, `-`, or else a folder.

    Raises:
        OutputExistsError: the folder is not empty and `overwrite` is False.
        UsageError: the output would replace an input, or is a link to a file with another suffix.
        UnavailableError: the output cannot be written.
    """
    if is_stream(path) or _output_format(path) != "folder":
        target = require_output(path, inputs=inputs)
        if _output_format(target) != _output_format(path):
            raise UsageError(f"{path} links to a file of another kind: {target}", hint="use the same suffix for both")
        return target
    if path.suffix.lower() in UNSUPPORTED_SUFFIXES:
        raise UsageError(
            f"images are written as .png or .npz, or into a folder: {path}", hint="use a name that ends in .png"
        )
    if path.exists() and not path.is_dir():
        raise UsageError(
            f"output is a file with an unknown suffix: {path}",
            hint="use a name that ends in .png or .npz, or the name of a folder",
        )
    if path.is_dir() and any(path.iterdir()) and not overwrite:
        raise OutputExistsError(f"the folder is not empty: {path}", hint="--overwrite replaces the images in it")
    return require_folder(path)


def save_images(images: ImageSet, path: Path, progress: Progress = silent) -> None:
    """Write images as `.npz` or `-` (`images` uint8 (N, C, H, W), `names`, `labels`), one `.png` grid, or a folder.

    In a folder, each image is a PNG file whose name consists of its index and its own name.

    Raises:
        UsageError: there are too many images for one grid.
        UnavailableError: the output cannot be written.
    """
    if is_stream(path) or _output_format(path) == "npz":
        arrays = {"images": images.images, "names": images.names}
        if images.labels is not None:
            arrays |= {"labels": images.labels, "class_names": np.array(images.class_names)}
        with atomic_write(path) as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)
    elif _output_format(path) == "png":
        save_image(grid(images.images), path)
    else:
        _save_folder(images, path, progress)


def save_image(pixels: NDArray[np.uint8], path: Path) -> None:
    """Write one (C, H, W) uint8 image as PNG, atomically."""
    content = as_png(pixels)
    with atomic_write(path) as file:
        file.write(content)


def as_png(pixels: NDArray[np.uint8]) -> memoryview:
    """Return the content of the PNG file of one (C, H, W) uint8 image."""
    content = BytesIO()
    to_pil(pixels).save(content, format="PNG")
    return content.getbuffer()


def _save_folder(images: ImageSet, folder: Path, progress: Progress) -> None:
    """Write all images before removing those of an earlier set: the folder never holds some of both."""
    try:
        with unfinished_folder(folder / "images") as unfinished:
            for index, (image, name) in enumerate(zip(images.images, images.names, strict=True)):
                stem = str(name).removesuffix(Path(str(name)).suffix)
                save_image(image, unfinished / f"{index:06d}-{plain_name(stem, 'image')}.png")
                progress("writing images", index + 1, len(images))
            for old in folder.iterdir():
                if IMAGE_NAME.fullmatch(old.name):
                    old.unlink()
            for new in sorted(unfinished.iterdir()):
                new.replace(folder / new.name)
        sync_folder(folder)
    except OSError as error:
        raise unwritable(folder, error) from error


def _output_format(path: Path) -> str:
    return {".npz": "npz", ".png": "png"}.get(path.suffix.lower(), "folder")
