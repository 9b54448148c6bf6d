"""`aecli report`."""

from pathlib import Path
from typing import Annotated

import typer

from aecli.cli.command import examples
from aecli.cli.console import Console
from aecli.cli.options import DeviceOpt
from aecli.data.options import DataOptions
from aecli.errors import ExitStatus
from aecli.reports.run.options import RunReportOptions

EXAMPLES = examples("aecli report run", "aecli report run -o run.html --data mnist5k:test")
RunArg = Annotated[Path, typer.Argument(metavar="RUN", help="Run folder, as aecli train wrote it.", show_default=False)]
PageOpt = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="PAGE.html",
        help="Page to write; - writes to standard output. Default: report.html in the run folder.",
        show_default=False,
    ),
]
DataOpt = Annotated[
    str | None,
    typer.Option("--data", metavar="DATA", help="Images to measure; default: the validation images of the run."),
]


def report(
    run: RunArg,
    options: RunReportOptions,
    data_options: DataOptions,
    console: Console,
    output: PageOpt = None,
    data: DataOpt = None,
    device: DeviceOpt = "auto",
) -> None:
    """Write an HTML page on a run: curves, reconstructions, codes, bytes, errors of its detector, and commands."""
    from aecli.checkpoint.run_folder import RunFolder
    from aecli.data import resolve
    from aecli.plots.formats import PAGE_SUFFIXES
    from aecli.reports.run.files import resolve_run
    from aecli.storage.paths import require_output

    model = resolve_run(run)
    data_ref = resolve(data) if data else None
    inputs = [model.file, *(data_ref.paths if data_ref else ())]
    output = require_output(output or RunFolder(model.path).report, inputs=inputs, suffixes=PAGE_SUFFIXES)

    from aecli.pages.run import save_run_page
    from aecli.reports.run.measured import measure_run

    with console.progress() as progress:
        measured = measure_run(model, data_ref, options, data_options, device=device, progress=progress)
    console.report_notes([*measured.notes, *measured.image_notes], measured.failures)
    for warning in measured.warnings:
        console.warn(warning)
    size = save_run_page(measured, output)
    console.saved(output, f"{measured.summary}; {size / 1000:,.0f} kB", measured.to_dict() | {"bytes": size})
    if measured.failures:
        raise typer.Exit(ExitStatus.PARTIAL)
