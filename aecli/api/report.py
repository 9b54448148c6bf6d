"""`aecli.report`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aecli.api.errors import python_errors, warn_all
from aecli.api.images import DataLike, data_ref
from aecli.api.progress import ProgressLike, open_progress
from aecli.data import DataOptions, Failure
from aecli.reports.run.files import resolve_run
from aecli.reports.run.measured import MeasuredRun, measure_run
from aecli.reports.run.options import RunReportOptions


@dataclass(frozen=True, repr=False)
class RunReport:
    """A training run, measured on images."""

    measured: MeasuredRun
    """All that was measured."""

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Images that could not be read."""
        return self.measured.failures

    def to_dict(self) -> dict[str, Any]:
        """Return what `aecli report --json` prints."""
        return self.measured.to_dict()

    def save(self, path: Path | str | None = None) -> Path:
        """Write the page, by default to `report.html` in the run folder; return its path.

        Raises:
            aecli.errors.UnavailableError: the file cannot be written.
        """
        from aecli.pages.run import save_run_page

        path = self.measured.files.folder.report if path is None else Path(path)
        with python_errors():
            save_run_page(self.measured, path)
        return path

    def __repr__(self) -> str:
        return f"<RunReport: {self.measured.files.name}; {self.measured.summary}>"


def report(
    run: str | Path,
    data: "DataLike | None" = None,
    *,
    sample: int | None = 1000,
    method: str = "tsne",
    examples: int = 6,
    labels: str = "10,100,1000",
    seed: int = 0,
    options: DataOptions | None = None,
    device: str = "auto",
    progress: "ProgressLike" = None,
) -> RunReport:
    """Measure a training run on images, for one HTML page.

        report = aecli.report("run", "mnist5k:test")
        report.save("run.html")
        report.to_dict()["reconstructions"]["mse"]

    Args:
        run: A run folder that `aecli train` or `aecli.train` wrote.
        data: A DATA word or path as of `aecli.load_images`, or images in memory as `model.encode` takes them. Default:
            the validation images of the run; if these cannot be read, the page has no images and says so.
        sample: The number of codes in the map, stratified by class; None for all.
        method: The method of the map: `tsne`, `umap` or `pca`.
        examples: The number of images of each kind: best, middle and worst, and errors of a detector.
        labels: Numbers of labels with which classes are separated, such as `10,100,all`; those that exceed the training
            labels are left out.
        seed: Random seed for the map, its sample and the draws of labels.
        options: How DATA words are read.
        device: A torch device such as `cpu` or `cuda:1`; `auto` selects a GPU if there is one.
        progress: None shows a bar in a notebook and on a terminal, False never; or a function that is called with
            (stage, done, total).

    Returns:
        A report with the methods `save` and `to_dict`, and all that was measured as `measured`.

    Raises:
        aecli.errors.InputError: it is not a run folder, or the images or the model cannot be read.
        aecli.errors.UsageError: a value is out of range.
        aecli.errors.UnavailableError: a data set, a package or the device is not available.
    """
    with python_errors(), open_progress(progress) as on_progress:
        wanted = RunReportOptions(sample, method, examples, labels, seed)
        model = resolve_run(run)
        ref = None if data is None else data_ref(data)
        measured = measure_run(model, ref, wanted, options, device=device, progress=on_progress)
    warn_all(measured.warnings)
    return RunReport(measured)
