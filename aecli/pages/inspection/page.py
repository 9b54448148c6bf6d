"""Write the page: items go to a temporary file as they arrive, and the finished page appears complete or not at all."""

import heapq
import tempfile
import weakref
from array import array
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING

from aecli.data.image_files import quiet
from aecli.data.image_set import Failure
from aecli.detection.detector import Detector
from aecli.detection.inspection import Detection
from aecli.inference.model import Model
from aecli.pages.document import Picture
from aecli.pages.inspection import markup
from aecli.pages.inspection.limits import VIEWS
from aecli.plots.color_scale import color_scale
from aecli.plots.inspected_view import InspectedView, view_of
from aecli.storage.atomic import atomic_write
from aecli.storage.paths import unwritable

if TYPE_CHECKING:
    from PIL.Image import Image

THUMBNAIL_SIDE, VIEW_SIDE = 224, 1000
"""Pixels of the longer side of a thumbnail, and of an enlarged image."""
THUMBNAIL_QUALITY, VIEW_QUALITY = 75, 80
"""Of JPEG."""
LISTED_FAILURES = 200


@dataclass(frozen=True)
class PageSummary:
    """What was written."""

    path: Path
    images: int
    views: int
    """The number of images that can be enlarged."""
    bytes: int


class InspectionPage:
    """Collects the results of an inspection; memory does not grow with their number."""

    def __init__(self, path: Path, model: Model, detector: Detector):
        """Start a page that `finish` writes to `path`.

        Raises:
            UnavailableError: the folder cannot be written.
        """
        self._path, self._model, self._detector = path, model, detector
        self._scale = color_scale(detector)
        try:
            self._items: IO[bytes] = tempfile.TemporaryFile(dir=path.parent)  # noqa: SIM115
        except OSError as error:
            raise unwritable(path, error) from error
        weakref.finalize(self, _close, self._items)  # an error or a signal may prevent `finish`
        self._scores, self._ends = array("d"), array("q", [0])
        self._views: list[tuple[float, int, bytes]] = []
        """A heap: the score, the negative number of the image, and the enlarged image."""
        self._failures: list[Failure] = []
        self._failed = 0

    def add(self, detection: Detection) -> None:
        """Add an image.

        Raises:
            UnavailableError: the disk is full.
        """
        with quiet():
            item, view = self._draw(detection)
        try:
            self._items.write(item)
        except OSError as error:
            raise unwritable(self._path, error) from error
        if view is not None:
            entry = (detection.score, -len(self._scores), view)
            (heapq.heappush if len(self._views) < VIEWS else heapq.heappushpop)(self._views, entry)
        self._scores.append(detection.score)
        self._ends.append(self._ends[-1] + len(item))

    def add_failure(self, failure: Failure) -> None:
        """Add an image that could not be read."""
        self._failed += 1
        if self._failed <= LISTED_FAILURES:
            self._failures.append(failure)

    def finish(self) -> PageSummary:
        """Write the page, the highest score first; without images too, so that no earlier page stays.

        Raises:
            UnavailableError: the file cannot be written.
        """
        views = {-number: view for _, number, view in self._views}
        order = sorted(range(len(self._scores)), key=lambda number: (-self._scores[number], number))
        page = markup.PageText(self._model, self._detector, self._scale, self._scores, len(views))
        with ExitStack() as stack:
            stack.callback(_close, self._items)
            file = stack.enter_context(atomic_write(self._path))
            file.write(page.start(self._failures, self._failed))
            for place, number in enumerate(order):
                if place == markup.SHOWN:
                    file.write(markup.REST)
                self._items.seek(self._ends[number])
                file.write(self._items.read(self._ends[number + 1] - self._ends[number]))
                file.write(views.get(number, b"") + markup.ITEM_END)
            if len(order) <= markup.SHOWN:
                file.write(markup.REST)
            file.write(page.end())
            size = file.tell()
        return PageSummary(self._path, len(order), len(views), size)

    def _draw(self, detection: Detection) -> tuple[bytes, bytes | None]:
        """Return the markup of an image, and of its enlargement if it may be among those with the highest scores."""
        is_enlarged = len(self._views) < VIEWS or detection.score > self._views[0][0]
        view = view_of(detection, self._scale, VIEW_SIDE if is_enlarged else THUMBNAIL_SIDE)
        item = markup.item(detection, _pictures(view.limited(THUMBNAIL_SIDE), THUMBNAIL_QUALITY))
        return item, markup.enlargement(_pictures(view, VIEW_QUALITY)) if is_enlarged else None


def _close(items: IO[bytes]) -> None:
    """Close the temporary file, whose last bytes nobody needs: a full disk does not matter anymore."""
    with suppress(OSError):
        items.close()


def _pictures(view: InspectedView, quality: int) -> list[Picture]:
    """Return the image as JPEG, and its colors, if there are any, as PNG of the same size."""
    pictures = [Picture("jpeg", _encoded(view.image, "JPEG", quality=quality), view.image.size)]
    if (overlay := view.overlay()) is not None:
        pictures.append(Picture("png", _encoded(overlay, "PNG"), overlay.size))
    return pictures


def _encoded(image: "Image", file_format: str, **options: int) -> bytes:
    content = BytesIO()
    image.save(content, format=file_format, **options)
    return content.getvalue()
