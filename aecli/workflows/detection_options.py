"""Options of the files that show the results of `aecli detect`; imports nothing heavy."""

from dataclasses import dataclass
from pathlib import Path
from typing import cast

from aecli.errors import UsageError, unknown
from aecli.pages.inspection.limits import VIEWS
from aecli.plots.formats import PAGE_SUFFIXES, is_page
from aecli.plots.map_formats import MAP_FORMATS, MapFormat
from aecli.runtime.options import option

PANEL = "Files"
FILE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".npy", ".npz", ".svg", ".pdf", *PAGE_SUFFIXES)
"""Suffixes that no folder is meant to have."""


@dataclass(frozen=True)
class FileOptions:
    """What is written about each image that has a line."""

    heatmaps: Path | None = option(
        None,
        "Write a PNG file per image to DIR: the image at its own size, up to 2,000 pixels, and again with what is "
        "unusual in color. The colors start where the maps of normal images end; a line surrounds what is above the "
        "threshold.",
        panel=PANEL,
        metavar="DIR",
    )
    maps: Path | None = option(
        None,
        "Write the map of each image to DIR: float32 numbers in the units of the score, at the size of the image. Of a "
        "score without maps, these are the errors of the reconstruction in gray levels.",
        panel=PANEL,
        metavar="DIR",
    )
    maps_format: str | None = option(
        None,
        "Format of --maps: TIFF images of one channel, or NumPy arrays; default: tiff.",
        panel=PANEL,
        metavar="|".join(MAP_FORMATS),
    )
    report: Path | None = option(
        None,
        "Write one HTML page with all images, to sort and to filter in a browser, offline. It holds thumbnails, and "
        f"the {VIEWS} images with the highest scores enlarged; with --only anomalies or --top N it stays small.",
        panel=PANEL,
        metavar="FILE.html",
    )

    @property
    def paths(self) -> list[Path]:
        """The folders and files that are written to."""
        return [path for path in (self.heatmaps, self.maps, self.report) if path is not None]

    def check(self) -> None:
        """Check the values.

        Raises:
            UsageError: a value is unknown, the page is not an HTML file, or a file is named instead of a folder.
        """
        for flag, folder in (("--heatmaps", self.heatmaps), ("--maps", self.maps)):
            if folder is not None and (folder.suffix.lower() in FILE_SUFFIXES or folder.is_file()):
                raise UsageError(
                    f"{flag} names a folder, in which each image has a file, not a file: {folder}",
                    hint=f"for example {flag} {flag.strip('-')}/",
                )
        if self.maps_format is not None:
            if self.maps_format not in MAP_FORMATS:
                raise UsageError(unknown("value of --maps-format", self.maps_format, MAP_FORMATS))
            if self.maps is None:
                raise UsageError("--maps-format applies to --maps only", hint="add --maps DIR")
        if self.report is not None and not is_page(self.report):
            raise UsageError(f"the report is an HTML file, not {self.report}", hint="for example --report report.html")

    @property
    def format_of_maps(self) -> MapFormat:
        """The format of the maps."""
        return cast(MapFormat, self.maps_format or MAP_FORMATS[0])
