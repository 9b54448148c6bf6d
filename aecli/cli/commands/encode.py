"""`aecli encode`."""

from pathlib import Path
from typing import Annotated

import typer

from aecli.cli.command import examples
from aecli.cli.console import Console
from aecli.cli.options import DataArg, DeviceOpt, ModelOpt, ProcessOptions
from aecli.data.options import DataOptions
from aecli.data.shapes import shape_text
from aecli.errors import ExitStatus
from aecli.runtime.counting import counted

EXAMPLES = examples(
    "aecli encode mnist5k:test --model run -o codes.npz",
    "aecli encode photos/ --model run --bits 8 -o codes.npz",
)
CodesOpt = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        metavar="CODES.npz",
        help="Code file to write; - writes to standard output.",
        show_default=False,
    ),
]
BitsOpt = Annotated[
    int,
    typer.Option(metavar="32|16|8|6|4|3|2", help="Bits per stored value; values of 8 bits or fewer are quantized."),
]
EntropyOpt = Annotated[
    bool,
    typer.Option("--entropy", help="Entropy-code the quantized values, without names, labels and residuals."),
]


def encode(
    data: DataArg,
    model: ModelOpt,
    output: CodesOpt,
    data_options: DataOptions,
    processes: ProcessOptions,
    console: Console,
    bits: BitsOpt = 32,
    entropy: EntropyOpt = False,
    device: DeviceOpt = "auto",
) -> None:
    """Encode images: write one .npz file with codes, names, labels and residuals."""
    from aecli import inference
    from aecli.checkpoint import resolve_model
    from aecli.codes import require_bits
    from aecli.data import resolve
    from aecli.storage.paths import require_output

    checkpoint, ref = resolve_model(model), resolve(data)
    output = require_output(output, inputs=[checkpoint.file, *ref.paths], suffixes=[".npz"])
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
