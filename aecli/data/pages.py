"""List the frames and pages of image files as images of their own."""

import re
from dataclasses import replace
from typing import TypeVar

import numpy as np

from aecli.data.encoded import EncodedImage, UnreadableFile, UnreadableImageError
from aecli.data.frames import frames_of
from aecli.data.image_files import MAX_PAGES, page_count, quiet
from aecli.data.options import Pages
from aecli.data.source import ImageArrays, ImageFiles
from aecli.runtime.progress import Progress, silent
from aecli.runtime.threads import map_ordered

PAGE = re.compile(r"#\d+$")
"""The end of the name of a page."""
Content = TypeVar("Content", ImageArrays, ImageFiles, ImageArrays | ImageFiles)


def file_name(name: str) -> str:
    """Return the name of the file that holds an image, which may be one of its pages."""
    return PAGE.sub("", name)


def with_pages(content: Content, pages: Pages, progress: Progress = silent) -> Content:
    """Return the first, or all, frames and pages of the image files; arrays and files of one image stay as they are.

    All pages of `stack.tif` are called `stack.tif#1`, `stack.tif#2` and so on, and have its label and mask. With
    `refuse`, files with several pages are errors when they are decoded. A file that cannot be read stays as it is.
    """
    if pages == "refuse" or isinstance(content, ImageArrays):
        return content
    most = 1 if pages == "first" else MAX_PAGES

    def count(file: EncodedImage) -> int | UnreadableImageError:
        try:
            return page_count(file, most)
        except UnreadableImageError as error:
            return error

    counts: list[int] = []
    checked: list[EncodedImage] = []
    with quiet():
        for file, number in zip(content.files, map_ordered(count, content.files), strict=True):
            if isinstance(number, UnreadableImageError):
                checked.append(UnreadableFile(file.where, number.reason, number.hint))
                counts.append(1)
            else:
                checked.append(file)
                counts.append(number)
            progress("counting pages of files", len(counts), len(content.files))
    content = replace(content, files=tuple(checked))
    if max(counts, default=1) == 1:
        return content
    if pages == "first":
        first = (file.at_page(0) if number > 1 else file for file, number in zip(content.files, counts, strict=True))
        return replace(content, files=tuple(first))
    repeated = content.take(np.repeat(np.arange(len(counts)), counts))
    page_numbers = [page if number > 1 else None for number in counts for page in range(number)]
    files = (
        page
        for file, number in zip(content.files, counts, strict=True)
        for page in (frames_of(file, number) if number > 1 else [file])
    )
    return replace(
        repeated,
        names=np.array(
            [
                name if page is None else f"{name}#{page + 1}"
                for name, page in zip(repeated.names.tolist(), page_numbers, strict=True)
            ]
        ),
        files=tuple(files),
    )
