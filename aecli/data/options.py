"""What a person may choose about reading data, and what they are told of the data there is."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from aecli.errors import UsageError

LabelsFrom = Literal["folder", "prefix", "none"]

DATA_ROOT_HELP = "Folder with torchvision's data sets; else $AECLI_DATA, else data in the user's cache folder."

UNITS = {"": 1, "B": 1, "K": 10**3, "KB": 10**3, "M": 10**6, "MB": 10**6, "G": 10**9, "GB": 10**9}


def parse_size(text: str) -> int:
    """Return the bytes that a word such as `500MB` or `2GB` means.

    Raises:
        UsageError: it means none.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)", str(text).strip())
    if not match or match[2].upper() not in UNITS:
        raise UsageError(f"not a size: {text}", hint="for example --memory-budget 2GB")
    return int(float(match[1]) * UNITS[match[2].upper()])


def _said(help_text: str, **how: Any) -> dict[str, Any]:
    return {"help": help_text, "rich_help_panel": "Images", **how}


@dataclass(frozen=True)
class DataOptions:
    """How a DATA word is read."""

    labels_from: LabelsFrom = field(
        default="folder",
        metadata=_said(
            "Labels of pictures: their folder, the part of the file name before the first _, or none.",
            metavar="folder|prefix|none",
        ),
    )
    """For sources other than folders: what they bring, whatever is said here, unless `none`."""
    data_root: Path | None = field(default=None, metadata=_said(DATA_ROOT_HELP, metavar="DIR"))
    download: bool = field(
        default=False, metadata=_said("Download a data set that is not there.", flags=("--download",))
    )
    memory_budget: int | None = field(
        default=None,
        metadata=_said(
            "Decoded pictures that take more memory than this, such as 2GB, go through a cache on disk; "
            "else half of the free memory.",
            metavar="SIZE",
            parser=parse_size,
        ),
    )
    """Bytes."""

    @property
    def data_folder(self) -> Path:
        """The folder that `data_root` stands for."""
        if self.data_root is not None:
            return self.data_root.expanduser()
        if root := os.environ.get("AECLI_DATA"):
            return Path(root).expanduser()
        return cache_folder() / "data"


@dataclass(frozen=True)
class DatasetStatus:
    """A named data set or a kind of path, and whether it can be used here and now."""

    word: str
    """The DATA word, or the kind of path: `folder of images`."""
    summary: str
    """What it is, how many images of what size."""
    splits: tuple[str, ...]
    """The splits that may be named after a colon."""
    available: bool
    needs: str | None = None
    """How to get it, where it is not available."""


def cache_folder() -> Path:
    """The folder for what can be made again: `$AECLI_CACHE`, else the user's cache folder."""
    if root := os.environ.get("AECLI_CACHE"):
        return Path(root).expanduser()
    import platformdirs

    return platformdirs.user_cache_path("aecli")
