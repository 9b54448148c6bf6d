"""`aecli compress-report`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aecli.cli.command import examples
from aecli.cli.console import Console
from aecli.cli.options import DataArg, DeviceOpt
from aecli.cli.plot_options import DpiOpt, plot_option
from aecli.data.options import DataOptions
from aecli.errors import ExitStatus, UsageError
from aecli.runtime.counting import counted

if TYPE_CHECKING:
    from aecli.analyses.compression.measurement import Row

EXAMPLES = examples(
    "aecli compress-report mnist5k:test --model run -o compression.png",
    "aecli compress-report photos/:test --model codec-run --model other-run",
    "aecli compress-report photos/ --model run --json > compression.json",
)
COLUMNS = [
    *("format", "bytes", "bytes/image", "bits/pixel", "saved", "ratio", "with decoder"),
    *("of 1,000", "of 10,000", "of 1,000,000", "MSE", "PSNR", "SSIM"),
]
ModelsOpt = Annotated[
    list[Path],
    typer.Option(
        "--model",
        "-m",
        metavar="MODEL",
        help="Run folder, model.safetensors or model.onnx; give it several times to compare models.",
        show_default=False,
    ),
]
PlotOpt = Annotated[Path | None, plot_option("Write a rate-distortion plot with example images.")]


def compress_report(
    data: DataArg,
    model: ModelsOpt,
    data_options: DataOptions,
    console: Console,
    output: PlotOpt = None,
    dpi: DpiOpt = None,
    device: DeviceOpt = "auto",
) -> None:
    """Compare the size and quality of codes with JPEG, WebP, AVIF, JPEG 2000, PNG, zlib, LZMA and PCA."""
    from aecli.checkpoint import resolve_model
    from aecli.data import resolve
    from aecli.plots.formats import require_plot

    refs, data_ref = [resolve_model(path) for path in model], resolve(data)
    if len({ref.file.resolve() for ref in refs}) != len(refs):
        raise UsageError("the same model is named twice")
    output = require_plot(output, dpi, inputs=[*(ref.file for ref in refs), *data_ref.paths])

    from aecli.reports.compression.measured import measure_compression

    with console.progress() as progress:
        measured = measure_compression(refs, data_ref, data_options, device=device, progress=progress)

    images, report = measured.images, measured.report
    console.report_notes([*measured.notes, *(f"left out: {reason}" for reason in report.left_out)])
    console.report_images(images)
    for warning in measured.warnings:
        console.warn(warning)
    if output:
        from aecli.plots import compression

        compression.draw(report, f"{counted(images.image_count, 'image')} of {images.word}", output, dpi)
        console.note(f"wrote {output}")
    console.note(measured.summary)
    for line in measured.comparison_lines:
        console.note(f"  {line}")
    console.table(COLUMNS, [_cells(row) for row in report.rows], measured.to_dict())
    if images.failures:
        raise typer.Exit(ExitStatus.PARTIAL)


def _cells(row: "Row") -> list[str]:
    from aecli.analyses.compression.measurement import SET_SIZES

    quality = row.quality
    return [
        row.method,
        f"{row.bytes:,}",
        f"{row.bytes_per_image:,.1f}",
        f"{row.bits_per_pixel:.3f}",
        f"{row.saved_percent:.2f}%",
        f"{row.ratio:.2f}",
        f"{row.ratio_with_decoder:.2f}",
        *(f"{row.bytes_per_image_of(images):,.1f}" for images in SET_SIZES),
        f"{quality.mse:.2f}",
        f"{quality.psnr:.2f}",
        f"{quality.ssim:.4f}",
    ]
