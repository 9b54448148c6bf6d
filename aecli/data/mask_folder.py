"""Find the masks of images in a folder that the user names."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from aecli.data.encoded import EncodedImage, FileOnDisk
from aecli.data.file_names import suffix_of
from aecli.data.formats.known import SUFFIXES
from aecli.data.image_set import ImageSet
from aecli.data.layouts.masks import match_masks
from aecli.data.loading import DEFAULTS, content_of
from aecli.data.masks import ImageMasks
from aecli.data.options import DataOptions
from aecli.data.registry import DataRef
from aecli.data.source import ImageFiles
from aecli.data.sources.image_folder import files_below
from aecli.data.tiling import image_name
from aecli.errors import InputError


def with_masks(images: ImageSet, folder: Path, ref: DataRef | None = None, options: DataOptions = DEFAULTS) -> ImageSet:
    """Return the images with their masks in a folder; `ref` is what they were loaded from, if it is known.

    A mask has the path of its image, with any suffix, and `_mask` may follow the name. See `match_masks`.

    Raises:
        InputError: the folder cannot be read, holds no mask of these images, or one that fits several of them.
    """
    names = list(map(image_name, images.names.tolist()))  # all tiles of an image have its masks
    if not folder.is_dir():
        raise InputError(f"no such folder of masks: {folder}", hint="give the folder of the masks: --masks DIR")
    masks = sorted(name for name in files_below(folder) if suffix_of(name) in SUFFIXES)
    found = match_masks(masks, names)
    if not any(found):
        listed = f"its {len(masks):,} image files are such as {masks[0]}" if masks else "it has no image file"
        raise InputError(
            f"no mask of the {len(names):,} images of {images.word} in {folder}: {listed}",
            hint=f"the mask of {names[0]} is {Path(names[0]).with_suffix('.png')} or "
            f"{Path(names[0]).with_suffix('')}_mask.png",
        )
    _require_one_image_each(folder, names, found)
    files = {} if ref is None else _files(ref, options)
    return replace(
        images,
        masks=tuple(
            ImageMasks(name, files.get(name), tuple(FileOnDisk(folder / mask) for mask in group))
            for name, group in zip(names, found, strict=True)
        ),
    )


def _require_one_image_each(folder: Path, names: Sequence[str], found: Sequence[Sequence[str]]) -> None:
    """Check that each mask belongs to one image only; pages of one file share theirs."""
    owners = {(mask, name.partition("#")[0]) for name, group in zip(names, found, strict=True) for mask in group}
    mask, count = Counter(mask for mask, _ in owners).most_common(1)[0]
    if count > 1:
        first, second, *_ = sorted(name for owned, name in owners if owned == mask)
        raise InputError(
            f"the mask {folder / mask} fits {count:,} images, such as {first} and {second}",
            hint="arrange the masks in the same folders as the images",
        )


def _files(ref: DataRef, options: DataOptions) -> Mapping[str, EncodedImage]:
    content, _ = content_of(ref, options)
    return dict(zip(content.names.tolist(), content.files, strict=True)) if isinstance(content, ImageFiles) else {}
