"""`aecli compress-report`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aecli.cli.command import examples
from aecli.cli.console import Console
from aecli.cli.options import DataArg, DeviceOpt, ModelOpt
from aecli.data.options import DataOptions
from aecli.errors import ExitStatus
from aecli.runtime.counting import counted

if TYPE_CHECKING:
    from aecli.analyses.compression.report import Row

EXAMPLES = examples(
    "aecli compress-report mnist5k:test --model run -o compression.png",
    "aecli compress-report photos/ --model run --json > compression.json",
)
COLUMNS = [
    *("format", "bytes", "bytes/image", "bits/pixel", "saved", "ratio", "with decoder"),
    *("MSE", "PSNR", "SSIM"),
]
PlotOpt = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="PLOT.png", help="Write a rate-distortion plot with example images."),
]


def compress_report(
    data: DataArg,
    model: ModelOpt,
    data_options: DataOptions,
    console: Console,
    output: PlotOpt = None,
    device: DeviceOpt = "auto",
) -> None:
    """Compare the size and quality of codes with PNG, WebP, JPEG, zlib, LZMA and PCA."""
    from aecli.checkpoint import resolve_model
    from aecli.data import resolve
    from aecli.storage.paths import require_output

    checkpoint, ref = resolve_model(model), resolve(data)
    if output:
        output = require_output(output, inputs=[checkpoint.file, *ref.paths], suffixes=[".png"])

    from aecli.reports.compression import measure_compression

    with console.progress() as progress:
        measured = measure_compression(checkpoint, ref, data_options, device=device, progress=progress)

    images, report = measured.images, measured.report
    if measured.pca_warning:
        console.warn(measured.pca_warning)
    console.report_notes(measured.model.notes)
    console.report_images(images)
    for warning in measured.overlap.warnings:
        console.warn(warning)
    if output:
        from aecli.plots import compression

        compression.draw(report, f"{counted(len(images), 'image')} of {images.word}", output)
        console.note(f"wrote {output}")
    console.table(COLUMNS, [_cells(row) for row in report.rows], measured.to_dict())
    if images.failures:
        raise typer.Exit(ExitStatus.PARTIAL)


def _cells(row: "Row") -> list[str]:
    quality = row.quality
    return [
        row.method,
        f"{row.bytes:,}",
        f"{row.bytes_per_image:,.1f}",
        f"{row.bits_per_pixel:.3f}",
        f"{row.saved_percent:.2f}%",
        f"{row.ratio:.2f}",
        f"{row.ratio_with_decoder:.2f}",
        f"{quality.mse:.2f}",
        f"{quality.psnr:.2f}",
        f"{quality.ssim:.4f}",
    ]
