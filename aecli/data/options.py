"""What a person may choose about reading data, and what they are told of the data there is."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

LabelsFrom = Literal["folder", "prefix", "none"]
Shape = tuple[int | None, int | None, int | None]
"""(C, H, W) of an image that is asked for; None where the images' own is kept."""

NATIVE: Shape = (None, None, None)


@dataclass(frozen=True)
class DataOptions:
    """How a DATA word is read."""

    labels_from: LabelsFrom = "folder"
    """Where labels come from: the folder that a picture is in (for other sources: what they bring), the part of
    its file name before the first `_`, or nowhere."""
    data_root: Path | None = None
    """The folder that holds torchvision's data sets; None: `$AECLI_DATA`, else `data` in the user's cache folder."""
    download: bool = False
    """Whether a data set that is missing under `data_root` may be downloaded into it."""
    memory_budget: int | None = None
    """Bytes that decoded pictures may take in memory before they go through the cache on disk; None: half of the
    memory that is available now."""

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
