"""Describe the images of a DATA word without decoding them: splits, classes, masks, and what is passed over."""

from dataclasses import replace
from pathlib import Path

from aecli.data import DataRef
from aecli.data.classes import classes_text, occurring_classes
from aecli.data.encoded import UnreadableImageError
from aecli.data.image_files import native_shape, page_count
from aecli.data.loading import content_of
from aecli.data.shapes import color_text, size_text
from aecli.data.source import ImageArrays, ImageFiles, PathSource
from aecli.errors import InputError
from aecli.reports.description import Description


def describe_data(ref: DataRef) -> Description:
    """Describe the images of a DATA word; without a split, all images of the set.

    Raises:
        InputError: the data is damaged, or has no such split or class.
        UnavailableError: the data set or a package is not installed.
    """
    content, word = content_of(ref)
    names = [] if ref.split else ref.source.splits()
    splits = {split: _count(replace(ref, split=split)) for split in names}
    classes = occurring_classes(content)
    masks = 0
    if isinstance(content, ImageFiles) and content.masks is not None:
        masks = sum(map(len, content.masks))
    lines = {"images": f"{len(content.names):,}"}
    if size := _size(content):
        lines["first image"] = size
    if splits:
        lines["splits"] = ", ".join(f"{split} {count:,}" for split, count in splits.items())
    lines["classes"] = classes_text(classes)
    if masks:
        lines["masks"] = f"{masks:,}"
    if content.notes:
        lines["notes"] = "; ".join(content.notes)
    kind = ref.source.kind if isinstance(ref.source, PathSource) else "data set"
    details = {"images": len(content.names), "splits": splits, "class_names": list(classes), "masks": masks}
    return Description(
        Path(word if ref.split or ref.classes else ref.name), kind, lines, details | {"notes": list(content.notes)}
    )


def _count(ref: DataRef) -> int:
    """Return the number of images of a split, 0 if none of its files can be read."""
    try:
        return len(content_of(ref)[0].names)
    except InputError:
        return 0


def _size(content: ImageArrays | ImageFiles) -> str | None:
    """Return the size of the first image; None if there is none.

    Raises:
        InputError: the only image cannot be read.
    """
    if not len(content.names):
        return None
    pages = 1
    if isinstance(content, ImageArrays):
        shape = content.images.shape[1:]
    else:
        try:
            pages = page_count(content.files[0])
            shape = native_shape(content.files[0].at_page(0) if pages > 1 else content.files[0])
        except UnreadableImageError as error:
            if len(content.names) == 1:
                raise
            return f"cannot be read: {error.reason}"
    several = f", {pages:,} pages or frames" if pages > 1 else ""
    return f"{size_text(shape)} pixels, {color_text(shape[0])}{several}"
