"""The files that show the results of `aecli detect`: heatmaps, maps and a page."""

from collections.abc import Sequence
from dataclasses import dataclass

from aecli.data.image_set import Failure
from aecli.detection.detector import Detector
from aecli.detection.inspection import Detection
from aecli.errors import UsageError
from aecli.inference.model import Model
from aecli.pages.inspection.page import InspectionPage, PageSummary
from aecli.plots.formats import PAGE_SUFFIXES
from aecli.plots.heatmap import Heatmaps
from aecli.plots.inspected_view import has_maps
from aecli.plots.map_files import MapFiles
from aecli.storage.paths import require_folder, require_output
from aecli.workflows.detection_options import FileOptions


def open_files(options: FileOptions, model: Model, detector: Detector) -> "DetectionFiles":
    """Create the folders, and start the page; `options` are checked.

    Raises:
        UsageError: there are no maps to draw or to write, or a path is that of something else.
        UnavailableError: a folder cannot be written.
    """
    if (options.heatmaps or options.maps) and not has_maps(detector, model):
        flag, header = "--heatmaps" if options.heatmaps else "--maps", detector.header
        scored = "each tile" if header.tiles else "whole images of a model of features"
        other = "local" if model.has_images else "position"
        raise UsageError(
            f"{flag} needs maps, but {header.score} scores {scored}",
            hint=f"calibrate with a score of maps: aecli calibrate --score {other}",
        )
    heatmaps, maps = (None if folder is None else require_folder(folder) for folder in (options.heatmaps, options.maps))
    page = None if options.report is None else require_output(options.report, suffixes=PAGE_SUFFIXES)
    return DetectionFiles(
        None if heatmaps is None else Heatmaps(heatmaps, detector),
        None if maps is None else MapFiles(maps, options.format_of_maps),
        None if page is None else InspectionPage(page, model, detector),
    )


@dataclass(frozen=True)
class DetectionFiles:
    """Writes those files that were asked for."""

    heatmaps: Heatmaps | None = None
    maps: MapFiles | None = None
    page: InspectionPage | None = None

    def require_other_folders(self, results: Sequence[Detection | Failure]) -> None:
        """Check that no image is in a folder that files are written to.

        Raises:
            UsageError: an image is, so that it could be replaced.
        """
        paths = [result.path for result in results if not isinstance(result, Failure)]
        for writer in (self.heatmaps, self.maps):
            if writer is not None:
                writer.require_other_folder(paths)

    def write(self, detection: Detection) -> dict[str, str]:
        """Write the files of an image, and add it to the page; return the path of each file by what it is.

        Raises:
            UsageError: there is no map to write.
            UnavailableError: a file cannot be written.
        """
        paths = {}
        if self.heatmaps is not None:
            paths["heatmap"] = str(self.heatmaps.draw(detection))
        if self.maps is not None:
            paths["map"] = str(self.maps.write(detection))
        if self.page is not None:
            self.page.add(detection)
        return paths

    def add_failure(self, failure: Failure) -> None:
        """Add an image that could not be read to the page."""
        if self.page is not None:
            self.page.add_failure(failure)

    def finish(self) -> PageSummary | None:
        """Write the page, if there is one.

        Raises:
            UnavailableError: the file cannot be written.
        """
        return None if self.page is None else self.page.finish()
