"""Masks: image files that mark the defects in other images."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aecli.data.conversion import Resize
from aecli.data.encoded import EncodedImage, UnreadableImageError
from aecli.data.image_files import decode_mask, native_shape
from aecli.data.resize import middle, resized, to_pil
from aecli.data.shapes import size_text
from aecli.errors import InputError

MAX_ASPECT_CHANGE = 1.02
"""A mask of another aspect ratio than its image is refused: it marks other places. The sides may be rounded."""


class UnusableMaskError(InputError):
    """The masks of an image cannot be used; `kind` groups the reasons, and `reason` describes this one."""

    def __init__(self, where: str, kind: str, reason: str):
        super().__init__(f"cannot use mask {where}: {reason}")
        self.where, self.kind, self.reason = where, kind, reason


@dataclass(frozen=True, slots=True)
class ImageMasks:
    """The masks of an image."""

    name: str
    """The name of the image."""
    image: EncodedImage | None = None
    """The file of the image; None if it comes from an array."""
    files: tuple[EncodedImage, ...] = ()
    """The masks; () for none."""

    def read(self, size: tuple[int, int], resize: Resize, inner: tuple[int, int] | None = None) -> NDArray[np.bool_]:
        """Return which pixels of the converted image any of its masks marks, (H, W) bool with `size` (H, W).

        With `inner`, (h, w), only the part of that size in the middle is returned, without the padding around it.

        A mask marks each pixel that is not zero, or of a JPEG file, each one brighter than half. It is turned, cropped,
        padded and resized as its image is, but to the nearest pixels.

        Raises:
            UnusableMaskError: there is no mask, one cannot be read or has another aspect ratio than the image, or they
                mark no pixel or every pixel.
        """
        if not self.files:
            raise UnusableMaskError(self.name, "missing", "there is none")
        native = self._image_size()
        marked = np.zeros(size, bool)
        for file in self.files:
            marked |= _resized(_decoded(file, native), size, resize)
        if inner is not None:
            marked = middle(marked, inner)
        if not marked.any():
            raise UnusableMaskError(self.files[0].where, "empty", f"it marks no pixel at {size_text(size)} pixels")
        if marked.all():
            raise UnusableMaskError(self.files[0].where, "full", f"it marks every pixel at {size_text(size)} pixels")
        return marked

    def _image_size(self) -> tuple[int, int] | None:
        """Return the (H, W) of the image file; None if it is unknown."""
        if self.image is None:
            return None
        try:
            return native_shape(self.image)[1:]
        except UnreadableImageError:  # the image was read before, so that it changed meanwhile
            return None


def _decoded(file: EncodedImage, native: tuple[int, int] | None) -> NDArray[np.bool_]:
    try:
        marked = decode_mask(file)
    except UnreadableImageError as error:
        reason = error.reason.partition(": --pages")[0]  # the option is that of images
        raise UnusableMaskError(file.where, "unreadable", reason) from error
    height, width = marked.shape
    if native is not None:
        ratio = (height * native[1]) / (width * native[0])
        if max(ratio, 1 / ratio) > MAX_ASPECT_CHANGE:
            reason = f"it has {size_text(marked.shape)} pixels, and its image {size_text(native)}"
            raise UnusableMaskError(file.where, "of another size", reason)
    return marked


def _resized(marked: NDArray[np.bool_], size: tuple[int, int], resize: Resize) -> NDArray[np.bool_]:
    image = to_pil(marked[None].astype(np.uint8))
    return np.asarray(resized(image, size, resize, nearest=True), bool)
