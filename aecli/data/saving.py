"""Images become files."""

import re
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aecli.data.image_set import ImageSet
from aecli.errors import OutputExistsError, UsageError
from aecli.runtime.progress import Progress, silent
from aecli.storage.partial_files import unfinished_folder
from aecli.storage.paths import is_stream, plain_name, require_folder, require_output, sync_folder, unwritable, writing

MOST_GRID_PIXELS = 100_000_000
SMALL_SIDE = 64
"""Pictures with a shorter side are enlarged by a whole factor in a grid, so that a person sees their pixels."""
OTHER_SUFFIXES = {".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".ppm", ".pgm", ".npy", ".pdf", ".svg"}
PICTURE_NAME = re.compile(r"\d{6,}-.*\.png")


def require_image_output(path: Path, *, inputs: Iterable[Path], overwrite: bool) -> Path:
    """Return the place for `save_images` to write, `path` or what it links to: `.npz`, `.png`, `-`, or else a folder.

    Raises:
        OutputExistsError: a folder that holds something and is not to be overwritten.
        UsageError: it would replace an input, or links to a file of another kind.
        UnavailableError: it cannot be written.
    """
    if is_stream(path) or _kind(path) != "folder":
        target = require_output(path, inputs=inputs)
        if _kind(target) != _kind(path):
            raise UsageError(f"{path} links to a file of another kind: {target}", hint="give both names one ending")
        return target
    if path.suffix.lower() in OTHER_SUFFIXES:
        raise UsageError(f"images are written as .png or .npz, or into a folder: {path}", hint="end the name in .png")
    if path.exists() and not path.is_dir():
        raise UsageError(
            f"output is a file without a known ending: {path}", hint="end the name in .png or .npz, or name a folder"
        )
    if path.is_dir() and any(path.iterdir()) and not overwrite:
        raise OutputExistsError(f"the folder is not empty: {path}", hint="--overwrite replaces the pictures in it")
    return require_folder(path)


def save_images(images: ImageSet, path: Path, progress: Progress = silent) -> None:
    """Write images as `.npz` or `-` (`images` uint8 (N, C, H, W), `names`, `labels`), one `.png` grid, or a folder.

    In a folder, each image is a PNG file named by its number and its own name.

    Raises:
        UsageError: too many images for one grid.
        UnavailableError: the system refused to write.
    """
    if is_stream(path) or _kind(path) == "npz":
        arrays = {"images": images.images, "names": images.names}
        if images.labels is not None:
            arrays |= {"labels": images.labels, "class_names": np.array(images.class_names)}
        with writing(path) as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)
    elif _kind(path) == "png":
        save_picture(grid(images.images), path)
    else:
        _save_folder(images, path, progress)


def grid(images: NDArray[np.uint8], columns: int | None = None) -> NDArray[np.uint8]:
    """Lay (N, C, H, W) uint8 images out in rows, (C, rows H', columns W') uint8, on white with a thin gap between.

    About as wide as high, where `columns` is not given.

    Raises:
        UsageError: the grid would have more than 100 million pixels.
    """
    count, channels, height, width = images.shape
    scale = max(1, SMALL_SIDE // min(height, width))
    while scale > 1 and count * height * width * scale**2 > MOST_GRID_PIXELS // 10:
        scale -= 1
    columns = columns or max(1, round((count * height / width) ** 0.5))
    rows = -(-count // columns)
    gap = max(1, scale // 2)
    cell_height, cell_width = height * scale + gap, width * scale + gap
    if rows * cell_height * columns * cell_width > MOST_GRID_PIXELS:
        raise UsageError(f"{count:,} images are too many for one grid", hint="name a folder or an .npz with -o")
    canvas = np.full((channels, rows * cell_height + gap, columns * cell_width + gap), 255, np.uint8)
    for index, image in enumerate(images):
        top, left = index // columns * cell_height + gap, index % columns * cell_width + gap
        enlarged = image.repeat(scale, axis=1).repeat(scale, axis=2)
        canvas[:, top : top + height * scale, left : left + width * scale] = enlarged
    return canvas


def save_picture(image: NDArray[np.uint8], path: Path) -> None:
    """Write one (C, H, W) uint8 image as PNG, whole or not at all."""
    from PIL import Image

    content = BytesIO()
    pixels = image[0] if image.shape[0] == 1 else image.transpose(1, 2, 0)
    Image.fromarray(np.ascontiguousarray(pixels)).save(content, format="PNG")
    with writing(path) as file:
        file.write(content.getbuffer())


def _save_folder(images: ImageSet, folder: Path, progress: Progress) -> None:
    """Write all pictures before the first of an earlier set is removed: the folder never holds some of both."""
    try:
        with unfinished_folder(folder / "pictures") as beside:
            for index, (image, name) in enumerate(zip(images.images, images.names, strict=True)):
                stem = str(name).removesuffix(Path(str(name)).suffix)
                save_picture(image, beside / f"{index:06d}-{plain_name(stem, 'image')}.png")
                progress("writing pictures", index + 1, len(images))
            for old in folder.iterdir():
                if PICTURE_NAME.fullmatch(old.name):
                    old.unlink()
            for picture in sorted(beside.iterdir()):
                picture.replace(folder / picture.name)
        sync_folder(folder)
    except OSError as error:
        raise unwritable(folder, error) from error


def _kind(path: Path) -> str:
    return {".npz": "npz", ".png": "png"}.get(path.suffix.lower(), "folder")
