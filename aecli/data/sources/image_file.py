"""One image file."""

from pathlib import Path

import numpy as np

from aecli.data.encoded import FileOnDisk
from aecli.data.formats.known import SUMMARY
from aecli.data.layouts.labels import labels_from_prefixes
from aecli.data.options import DataOptions
from aecli.data.source import ImageFiles, PathSource
from aecli.runtime.progress import Progress


class ImageFile(PathSource):
    """A file that holds one image; it has a label only if labels come from the prefix of file names."""

    kind = "image file"
    summary = f"{SUMMARY}: one image, or its pages with --pages all"
    all_splits = ()
    fallback = True

    @classmethod
    def accepts(cls, path: Path) -> bool:
        """Accept anything but folders; decoding refuses files that are not images."""
        return not path.is_dir()

    def read(self, split: str, options: DataOptions, progress: Progress) -> ImageFiles:
        """Return the name of the file."""
        prefixed = options.labels_from == "prefix"
        labels, class_names = labels_from_prefixes([self.path.name], self.path) if prefixed else (None, ())
        return ImageFiles(np.array([self.path.name]), labels, class_names, (FileOnDisk(self.path),))


SOURCES = (ImageFile,)
