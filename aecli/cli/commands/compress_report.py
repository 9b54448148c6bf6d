"""`aecli compress-report`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aecli.cli.command import examples
from aecli.cli.console import Console
from aecli.cli.options import DataArg, DeviceOpt, ModelOpt
from aecli.data.options import DataOptions
from aecli.errors import AecliError, ExitStatus
from aecli.runtime.counting import counted

if TYPE_CHECKING:
    from aecli.analyses.compression.report import Row

EXAMPLES = examples(
    "aecli compress-report mnist5k:test --model run -o compression.png",
    "aecli compress-report photos/ --model run --json > compression.json",
)
COLUMNS = [
    "format",
    "bytes",
    "bytes/image",
    "bits/pixel",
    "saved",
    "ratio",
    "with decoder",
    "MSE",
    "PSNR",
    "SSIM",
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
    from aecli import inference
    from aecli.checkpoint import resolve_model
    from aecli.data import load, load_again, resolve
    from aecli.storage.paths import require_output

    checkpoint, ref = resolve_model(model), resolve(data)
    if output:
        output = require_output(output, inputs=[checkpoint.file, *filter(None, [ref.path])], suffixes=[".png"])

    from aecli.analyses.compression.code_codecs import Codec
    from aecli.analyses.compression.report import compress

    loaded = inference.load(checkpoint, device=device)
    source = loaded.header.data
    with console.progress() as progress:
        images = load(ref, data_options, image_shape=loaded.image_shape, skip_damaged=True, progress=progress)
        try:
            training = load_again(
                source.word, source.fingerprint, data_options, image_shape=loaded.image_shape, progress=progress
            )
        except AecliError as error:
            training = images
            console.warn(f"PCA is fitted on the test images, which overstates its quality: {error.message}")
        codes = inference.encode(loaded, images, progress=progress)
        quantizers = {quantizer.bits: quantizer for quantizer in loaded.header.quantizers}
        codec = Codec("codes", codes, loaded.decode, quantizers, loaded.decoder_bytes)
        report = compress(images.images, codec, training.images, progress)

    console.report_notes((*loaded.notes, *images.notes), images.failures)
    if output:
        from aecli.plots import compression

        compression.draw(report, f"{counted(len(images), 'image')} of {images.word}", output)
        console.note(f"wrote {output}")
    console.table(
        COLUMNS,
        [_cells(row) for row in report.rows],
        {
            "data": {"word": images.word, "fingerprint": images.fingerprint, "images": len(images)},
            "model": {"path": str(checkpoint.file), "fingerprint": loaded.fingerprint},
            "pca_fitted_on": {"word": training.word, "fingerprint": training.fingerprint},
            "quantizers_chosen_on": source.word,
            "decoder_bytes": loaded.decoder_bytes,
            "failed": len(images.failures),
            "rows": [row.to_dict() for row in report.rows],
        },
    )
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
