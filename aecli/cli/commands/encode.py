"""`aecli encode`."""

from pathlib import Path
from typing import Annotated

import typer

from aecli.cli.archives import encode_archive, encode_set, is_archive
from aecli.cli.command import examples
from aecli.cli.options import DataArg, DeviceOpt, ModelOpt, ProcessOptions
from aecli.cli.table_console import TableConsole
from aecli.data.options import DataOptions
from aecli.data.shapes import shape_text
from aecli.errors import ExitStatus, UsageError
from aecli.runtime.counting import counted
from aecli.workflows.archive_options import ArchiveOptions

EXAMPLES = examples(
    "aecli encode mnist5k:test --model run -o codes.npz",
    "aecli encode photos/ --model run --bits 8 -o codes.npz",
    "aecli encode photos/ --model run -o codes.csv",
    "aecli encode photos/ --model codec -o archive/ --psnr 38",
)
UNQUANTIZED = 32
"""Bits per value of codes by default."""
CodesOpt = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        metavar="OUT",
        help="NAME.npz: code file to write; - writes it to standard output. NAME.csv or NAME.parquet: a table with the "
        "columns name, label, residual_l2, c0, c1 and so on, for other programs. Any other name: a folder with one "
        ".aec file per image; the model must be a codec.",
        show_default=False,
    ),
]
BitsOpt = Annotated[
    int,
    typer.Option(metavar="32|16|8|6|4|3|2", help="Bits per stored value; values of 8 bits or fewer are quantized."),
]
EntropyOpt = Annotated[
    bool,
    typer.Option(
        "--entropy",
        help="Entropy-code the quantized values, without names, labels and residuals; with a codec of images of one "
        "size, compress all images to one stream.",
    ),
]
ListOpt = Annotated[
    bool, typer.Option("--list", help="Print a line for each image of an archive: file, bytes, rate and PSNR in dB.")
]


def encode(
    data: DataArg,
    model: ModelOpt,
    output: CodesOpt,
    data_options: DataOptions,
    archive: ArchiveOptions,
    processes: ProcessOptions,
    console: TableConsole,
    bits: BitsOpt = UNQUANTIZED,
    entropy: EntropyOpt = False,
    list_images: ListOpt = False,
    device: DeviceOpt = "auto",
) -> None:
    """Encode images: write one .npz file with codes, names, labels and residuals, or an archive of .aec files."""
    from aecli import inference
    from aecli.checkpoint import resolve_model
    from aecli.codes import require_bits
    from aecli.codes.table import WRITERS, is_table, require_table_writer
    from aecli.data import resolve
    from aecli.storage.paths import require_output

    checkpoint, ref = resolve_model(model), resolve(data)
    into_archive = is_archive(output)
    as_stream = not into_archive and entropy and bits == UNQUANTIZED and checkpoint.is_codec
    _check_options(archive, processes, into_archive=into_archive, as_stream=as_stream, list_images=list_images)
    if into_archive:
        if entropy or bits != UNQUANTIZED:
            raise UsageError(
                f"--bits and --entropy apply to .npz files, not to {output}",
                hint=f"-o {output.stem}.npz, or for a codec --rate N instead",
            )
        encode_archive(checkpoint, ref, output, data_options, archive, console, list_images=list_images, device=device)
        return
    output = require_output(output, inputs=[checkpoint.file, *ref.paths], suffixes=[".npz", *WRITERS])
    if is_table(output):
        if entropy or bits != UNQUANTIZED:
            raise UsageError(f"--bits and --entropy apply to .npz files, not to {output}", hint="leave them out")
        require_table_writer(output)
    if as_stream:
        encode_set(checkpoint, ref, output, data_options, archive, console, device=device)
        return
    require_bits(bits, entropy=entropy)

    encoded = inference.encode_dataset(
        checkpoint,
        ref,
        output,
        data_options,
        bits=bits,
        entropy=entropy,
        device=device,
        devices=processes.devices,
        num_nodes=processes.num_nodes,
        open_progress=console.progress,
    )
    if encoded is None:
        return
    images, header = encoded.images, encoded.model.header
    console.report_notes(encoded.model.notes)
    console.report_images(images)
    console.saved(
        output,
        f"{counted(len(images), 'code')} of {shape_text(header.code_shape)}, {bits} bits per value"
        + (", entropy-coded" if entropy else ""),
        {"codes": len(images), "code_shape": list(header.code_shape), "failed": len(images.failures)}
        | {"seconds": round(encoded.seconds, 3), "images_per_second": round(encoded.images_per_second, 1)}
        | {"trained_images": encoded.trained_images}
        | {"bits": bits, "entropy": entropy, "model": encoded.model.fingerprint, "data": images.fingerprint},
    )
    if images.failures:
        raise typer.Exit(ExitStatus.PARTIAL)


def _check_options(
    archive: ArchiveOptions, processes: ProcessOptions, *, into_archive: bool, as_stream: bool, list_images: bool
) -> None:
    """Check that the options apply to what is written.

    Raises:
        UsageError: one does not.
    """
    if (into_archive or as_stream) and processes != ProcessOptions():
        raise UsageError("images are compressed on one device", hint="leave out --devices and --num-nodes")
    if (list_images or archive.resume) and not into_archive:
        raise UsageError("--list and --resume apply to archives", hint="name a folder with -o")
    if archive.keep_names and not as_stream:
        raise UsageError("--keep-names applies to one stream of a codec", hint="add --entropy, and name an .npz file")
    if archive != ArchiveOptions() and not (into_archive or as_stream):
        raise UsageError(
            "--rate, --psnr, --no-verify and --overwrite apply to a codec's archives and streams",
            hint="name a folder with -o, or add --entropy",
        )
