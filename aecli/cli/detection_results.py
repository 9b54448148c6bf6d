"""The lines of `aecli detect`: which images have one, in which order, and the files that are drawn for them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from aecli.cli.table_console import TableConsole
from aecli.cli.tables import Column, decimals_of
from aecli.detection.selection import Ranking, ResultOptions
from aecli.runtime.counting import counted

if TYPE_CHECKING:
    from aecli.data.image_set import Failure
    from aecli.detection.detector import DetectorHeader
    from aecli.detection.inspection import Detection
    from aecli.workflows.detection_files import DetectionFiles

Row = dict[str, Any]
"""The values of one line; of an image that could not be read, its path and the `error`."""


class ResultPrinter:
    """Prints a line for each image that the options show: in order, or after all images are scored."""

    def __init__(
        self,
        console: TableConsole,
        options: ResultOptions,
        detector: "DetectorHeader",
        files: "DetectionFiles | None" = None,
    ):
        self._console, self._options, self._files = console, options, files
        decimals = decimals_of([detector.threshold])
        columns = [Column("path"), Column("score", format=decimals), Column("threshold", format=decimals)]
        columns += [Column("verdict")]
        columns += [Column("probability", format=".4f")] if detector.logistic is not None else []
        self._lines = console.lines(columns, alarming=["anomaly"])
        self._rows = Ranking[Row](options.top)
        self._undrawn = Ranking["Detection"](options.top)
        """With --top, what is drawn at the end: before, it is not known which images have a line."""

    def add(self, results: "Sequence[Detection | Failure]") -> None:
        """Print the lines of a chunk of images, or keep them; warn of images that could not be read."""
        from aecli.data.image_set import Failure

        if self._files:
            self._files.require_other_folders(results)
        rows: list[Row] = []
        for result in results:
            if isinstance(result, Failure):
                self._console.report_notes((), [result])
                rows.append({"path": result.name, "error": result.reason})
                if self._files:
                    self._files.add_failure(result)
            elif self._options.shows(result.verdict):
                rows += self._show_or_keep(result)
        self._lines.show(rows)

    def finish(self) -> None:
        """Print the lines that were kept."""
        by_score = self._options.sort is not None
        drawn = [self._row(detection) for detection in self._undrawn.items(by_score=by_score)]
        self._lines.show([*self._rows.items(by_score=by_score), *drawn])

    def finish_table(self) -> None:
        """Print the headings, if no image had a line."""
        self._lines.finish()

    def finish_files(self) -> None:
        """Write the page, if there is one."""
        summary = self._files.finish() if self._files else None
        if summary is not None:
            enlarged = f"{counted(summary.views, 'image')} enlarged"
            self._console.note(
                f"{summary.path}: {counted(summary.images, 'image')}, {enlarged}, {summary.bytes / 1e6:,.1f} MB"
            )

    def _show_or_keep(self, detection: "Detection") -> list[Row]:
        """Return the row of an image if it is to be printed now."""
        if not self._options.holds_back:
            return [self._row(detection)]
        if self._options.top is not None and self._files:
            if self._undrawn.would_keep(detection.score):
                self._undrawn.add(detection.score, detection.detached())
        elif self._rows.would_keep(detection.score):
            self._rows.add(detection.score, self._row(detection))
        return []

    def _row(self, detection: "Detection") -> Row:
        files = self._files.write(detection) if self._files else {}
        return detection.to_dict() | files
