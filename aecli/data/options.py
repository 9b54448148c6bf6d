"""Options for reading data, and the status of each data set; imports nothing heavy."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from aecli.errors import UsageError
from aecli.runtime.options import option

LabelsFrom = Literal["folder", "prefix", "none"]
Pages = Literal["refuse", "first", "all"]

DATA_ROOT_HELP = "Folder with torchvision's data sets; default: $AECLI_DATA, or data in the user's cache folder."
PAGES_HELP = (
    "What to read from a file with several pages or frames (TIFF, or animated GIF, PNG, WebP or AVIF): first, all, or "
    "refuse, which reports the file as an error."
)
PAGES_VALUES = "refuse|first|all"

PANEL = "Images"
UNITS = {"": 1, "B": 1, "K": 10**3, "KB": 10**3, "M": 10**6, "MB": 10**6, "G": 10**9, "GB": 10**9}


def parse_size(text: str) -> int:
    """Parse a size such as `500MB` or `2GB`; return the number of bytes.

    Raises:
        UsageError: the text is not a size.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)", str(text).strip())
    if not match or match[2].upper() not in UNITS:
        raise UsageError(f"not a size: {text}", hint="for example --memory-budget 2GB")
    return int(float(match[1]) * UNITS[match[2].upper()])


@dataclass(frozen=True)
class DataOptions:
    """Options for reading a DATA word."""

    labels_from: LabelsFrom = option(
        "folder",
        "Labels of image files: their folder, the part of the file name before the first _, or none. Labels "
        "of the source itself, such as those of lists, arrays and .cls or .json files in archives, take precedence; "
        "none ignores these, too.",
        panel=PANEL,
        metavar="folder|prefix|none",
    )
    """Labels of the source itself take precedence, unless this is `none`."""
    data_root: Path | None = option(None, DATA_ROOT_HELP, panel=PANEL, metavar="DIR")
    download: bool = option(
        False,
        "Download the data set if it is missing; in train, also the weights of the backbone of a model of features.",
        "--download",
        panel=PANEL,
    )
    memory_budget: int | None = option(
        None,
        "Decode images that need more memory than this, such as 2GB, into a cache on disk; "
        "default: half of the free memory.",
        panel=PANEL,
        metavar="SIZE",
        parser=parse_size,
    )
    """In bytes."""
    pages: Pages = option("refuse", PAGES_HELP, panel=PANEL, metavar=PAGES_VALUES)

    @property
    def data_folder(self) -> Path:
        """The folder with torchvision's data sets: `data_root` or its default."""
        if self.data_root is not None:
            return self.data_root.expanduser()
        if root := os.environ.get("AECLI_DATA"):
            return Path(root).expanduser()
        return cache_folder() / "data"


@dataclass(frozen=True)
class DatasetStatus:
    """A named data set or a kind of path, and whether it can be used now."""

    word: str
    """The name of the data set, or the kind of path: `folder of images`."""
    summary: str
    """The content, the number of images and their size."""
    splits: tuple[str, ...]
    """The splits that can follow a colon in the DATA word."""
    available: bool
    needs: str | None = None
    """How to get it, if it is not available."""


def cache_folder() -> Path:
    """Return the folder for files that can be recreated: `$AECLI_CACHE`, or `aecli` in the user's cache folder."""
    if root := os.environ.get("AECLI_CACHE"):
        return Path(root).expanduser()
    import platformdirs

    return platformdirs.user_cache_path("aecli")
