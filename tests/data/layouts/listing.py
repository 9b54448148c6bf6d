"""A source of files that exist by name only, for tests of layouts."""

from collections.abc import Iterable
from pathlib import Path

from aecli.data import DataOptions
from aecli.data.encoded import EncodedImage, FileOnDisk
from aecli.data.layouts.source import LayoutSource
from aecli.data.source import ImageFiles
from aecli.runtime.progress import silent


class Listing(LayoutSource):
    """Files that exist by name only."""

    kind = "listing"
    summary = "names of files"

    def __init__(self, *names: str):
        super().__init__(Path("root"))
        self.names = names
        self.listed = 0

    @classmethod
    def accepts(cls, path: Path) -> bool:
        return False

    def _list_files(self) -> Iterable[str]:
        self.listed += 1
        return self.names

    def _file(self, name: str) -> EncodedImage:
        return FileOnDisk(self.path / name)

    def content(self, split: str = "all") -> ImageFiles:
        """Return the images of a split."""
        return self.read(split, DataOptions(), silent)

    def counts(self) -> dict[str, int]:
        """Return the number of images of each split."""
        return {split: len(self.content(split).names) for split in self.splits()}
