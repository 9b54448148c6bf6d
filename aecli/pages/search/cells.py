"""Images with a caption, side by side."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from aecli.data.resize import to_pil
from aecli.pages.document import Picture, text

LARGEST = 256
"""Pixels of the longer side of an image on the page, at most."""
PNG_PIXELS = 64 * 64
"""Images of up to this many pixels are kept as they are; larger ones become JPEG."""
QUALITY = 85


@dataclass(frozen=True)
class Cell:
    """An image with a caption."""

    pixels: NDArray[np.uint8] | None
    """(C, H, W); None if it is not known."""
    name: str
    notes: tuple[str, ...] = ()
    """What stands below its name, such as a distance."""
    is_query: bool = False
    """Whether it is framed."""


def row(cells: Iterable[Cell]) -> Iterator[str]:
    """Yield the markup of a row of images, which wraps."""
    yield '<ul class="row">'
    for cell in cells:
        notes = "".join(f'<span class="note">{text(note)}</span>' for note in cell.notes)
        yield (
            f'<li class="cell{" query" if cell.is_query else ""}"><figure><div class="image">{_image(cell)}</div>'
            f"<figcaption>{text(cell.name)}{notes}</figcaption></figure></li>"
        )
    yield "</ul>"


def _image(cell: Cell) -> str:
    if cell.pixels is None:
        return "no image"
    image = to_pil(cell.pixels)
    image.thumbnail((LARGEST, LARGEST))
    content = BytesIO()
    if image.width * image.height <= PNG_PIXELS:
        kind = "png"
        image.save(content, "PNG")
    else:
        kind = "jpeg"
        image.save(content, "JPEG", quality=QUALITY)
    picture = Picture(kind, content.getvalue(), image.size)
    width, height = picture.size
    return f'<img src="{picture.source}" width="{width}" height="{height}" alt="{text(cell.name)}" loading="lazy">'
