"""One image file."""

from pathlib import Path

import numpy as np

from aecli.data.options import DataOptions
from aecli.data.source import PathSource, Pictures
from aecli.data.sources.folder import labels_from_prefixes
from aecli.runtime.progress import Progress


class PictureFile(PathSource):
    """A file that holds one image; its class is known only with labels from the prefix."""

    kind = "image file"
    summary = "PNG, JPEG, WebP, BMP, TIFF, GIF or PPM: one image"
    all_splits = ()
    fallback = True

    @classmethod
    def accepts(cls, path: Path) -> bool:
        """Anything that is no folder: what is no image is refused when it is decoded."""
        return not path.is_dir()

    def read(self, split: str, options: DataOptions, progress: Progress) -> Pictures:
        """Name the one file."""
        prefixed = options.labels_from == "prefix"
        labels, class_names = labels_from_prefixes([self.path.name], self.path) if prefixed else (None, ())
        return Pictures(np.array([self.path.name]), labels, class_names, root=self.path.parent)


SOURCES = (PictureFile,)
