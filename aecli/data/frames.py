"""Frames and pages as images: a file is followed once from its start to its end, as each needs those before it."""

from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from threading import Lock
from typing import IO, TYPE_CHECKING

from aecli.data.encoded import EncodedImage
from aecli.data.formats.opening import open_animation, page_offsets, require_frame_size
from aecli.runtime.pillow_internals import load_frame

if TYPE_CHECKING:
    from PIL.Image import Image

KEPT_PIXELS = 1 << 25
"""Pixels of frames that are kept for threads that have not asked for them yet; one frame may have more."""


class FrameReader:
    """Decodes the frames of one animation, or finds the pages of a TIFF.

    An animation is in memory from the first frame that is read to the last one.
    """

    def __init__(self, file: EncodedImage, count: int):
        """Prepare to read a file of `count` frames."""
        self._file, self._count = file, count
        self._lock = Lock()
        self._is_usable = True
        self._unread = count
        self._image: Image | None = None
        self._next = 0
        self._passed: dict[int, Image] = {}
        self._offsets: list[int] | None = None

    def read(self, page: int) -> "Image | None":
        """Return a frame, counted from 0; None if the file must be opened for each frame, as it is not an animation.

        None is also returned for a damaged file, which `aecli.data.image_files` explains.
        """
        with self._lock:
            if not self._is_usable:
                return None
            try:
                frame = self._passed.pop(page, None) or self._decoded(page)
            except MemoryError:
                raise
            except Exception:  # the decoders raise arbitrary exceptions on damaged files
                frame = None
            self._unread -= 1
            if frame is None or self._unread == 0:
                self._is_usable = frame is not None
                self._unread = self._count
                self._passed.clear()
                self._close()
            return frame

    def offset(self, page: int) -> int | None:
        """Return where a page of a TIFF is; None for files of other kinds, and damaged ones."""
        with self._lock:
            if self._offsets is None:
                self._offsets = []
                with suppress(Exception), self._file.open() as content:  # explained when the page is decoded
                    self._offsets = page_offsets(content, self._file.where)
            return self._offsets[page] if page < len(self._offsets) else None

    def _decoded(self, page: int) -> "Image | None":
        if self._image is None or page < self._next:
            self._close()
            with self._file.open() as content:
                self._image = open_animation(content, self._file.where)
        image = self._image
        if image is None:
            return None
        for number in range(self._next, page + 1):
            image.seek(number)
            require_frame_size(image)
            load_frame(image)
            if number < page:
                self._keep(number, image.copy())
        self._next = page + 1
        return image.copy()

    def _keep(self, page: int, frame: "Image") -> None:
        self._passed[page] = frame
        while len(self._passed) * frame.width * frame.height > KEPT_PIXELS and len(self._passed) > 1:
            del self._passed[next(iter(self._passed))]

    def _close(self) -> None:
        if self._image is not None:
            self._image.close()
        self._image, self._next = None, 0


@dataclass(frozen=True, slots=True, eq=False)
class Frame(EncodedImage):
    """One frame or page of a file, whose frames share a reader."""

    file: EncodedImage
    """The file at this page."""
    reader: FrameReader
    page: int

    @property
    def where(self) -> str:
        """The path and the number of the page."""
        return self.file.where

    def open(self) -> AbstractContextManager[IO[bytes]]:
        """Open the file with all frames."""
        return self.file.open()

    def state(self) -> bytes:
        """Return the state of the file at this page."""
        return self.file.state()


def frames_of(file: EncodedImage, count: int) -> list[Frame]:
    """Return all frames or pages of a file."""
    reader = FrameReader(file, count)
    return [Frame(file.at_page(page), reader, page) for page in range(count)]
