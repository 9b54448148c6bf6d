"""The private parts of Pillow that aecli uses; tests/runtime/test_pillow_internals.py checks that they work."""

import ctypes
import logging
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image


@cache
def prepare_decoders() -> None:
    """Keep Pillow and libtiff from writing warnings to standard error, and AVIF images from starting threads.

    libtiff's messages can only be turned off through its own functions, in the library that Pillow ships. A Pillow
    that links libtiff differently keeps its messages.
    """
    from PIL import AvifImagePlugin, _imaging

    AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # several images are decoded at once

    logging.getLogger("PIL").addHandler(logging.NullHandler())
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(_imaging.__file__)
        for function in (library.TIFFSetErrorHandler, library.TIFFSetWarningHandler):
            function.argtypes, function.restype = [ctypes.c_void_p], ctypes.c_void_p
            function(None)


def load_frame(image: "Image") -> None:
    """Decode the current frame of an animation so that later frames are right, too.

    Pillow draws a frame of an animated PNG into the very copy of the canvas that it restores after the frame.
    """
    opened: Any = image
    before = getattr(opened, "_prev_im", None) if image.format == "PNG" else None
    restored = before.copy() if before is not None else None
    image.load()
    if restored is not None:
        opened._prev_im = restored
