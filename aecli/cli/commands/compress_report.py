"""`aecli compress-report`."""

from pathlib import Path
from typing import Annotated

import typer

from aecli.cli.command import examples
from aecli.cli.options import DataArg, DeviceOpt
from aecli.cli.plot_options import DpiOpt, plot_option
from aecli.cli.table_console import TableConsole
from aecli.cli.tables import Column
from aecli.data.options import DataOptions
from aecli.errors import ExitStatus, UsageError
from aecli.runtime.counting import counted

EXAMPLES = examples(
    "aecli compress-report mnist5k:test --model run -o compression.png",
    "aecli compress-report photos/:test --model codec-run --model other-run",
    "aecli compress-report photos/ --model run --json > compression.json",
)
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
    console: TableConsole,
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
        raise UsageError("the same model is named twice", hint="name different models")
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
    rows = [row.to_dict() | {"psnr": row.quality.psnr} for row in report.rows]
    console.table(_columns(), rows, measured.to_dict(), output)
    if images.failures:
        raise typer.Exit(ExitStatus.PARTIAL)


def _columns() -> list[Column]:
    from aecli.analyses.compression.measurement import SET_SIZES

    with_decoder = [
        Column(
            f"bytes_per_image_of_{count}",
            f"bytes/image of {count:,}",
            ",.1f",
            key=f"bytes_per_image_with_decoder.{count}",
        )
        for count in SET_SIZES
    ]
    return [
        Column("method", "format"),
        Column("bytes"),
        Column("bytes_per_image", "bytes/image", format=",.1f"),
        Column("bits_per_pixel", "bits/pixel", format=".3f"),
        Column("saved_percent", "saved", format=".2f", suffix="%"),
        Column("ratio", format=".2f"),
        Column("ratio_with_decoder", "with decoder", format=".2f"),
        *with_decoder,
        Column("mse", "MSE", format=".2f"),
        Column("psnr", "PSNR", format=".2f"),
        Column("ssim", "SSIM", format=".4f"),
    ]
