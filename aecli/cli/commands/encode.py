"""`aecli encode`."""

import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from aecli.cli.command import examples
from aecli.cli.console import Console
from aecli.cli.options import DataArg, DeviceOpt, DevicesOpt, ModelOpt, NodesOpt
from aecli.data.options import DataOptions
from aecli.errors import ExitStatus, UsageError

EXAMPLES = examples(
    "aecli encode mnist5k:test --model run -o codes.npz",
    "aecli encode photos/ --model run --bits 8 -o codes.npz",
)
CodesOpt = Annotated[
    Path,
    typer.Option(
        "--output", "-o", metavar="CODES.npz", help="Code file to write; - is standard output.", show_default=False
    ),
]
BitsOpt = Annotated[
    int,
    typer.Option(metavar="32|16|8|6|4|3|2", help="Bits of each value of a code as stored; 8 and fewer are quantized."),
]
EntropyOpt = Annotated[
    bool,
    typer.Option("--entropy", help="Entropy-code the quantized values, and keep no names, labels and residuals."),
]


def encode(
    data: DataArg,
    model: ModelOpt,
    output: CodesOpt,
    data_options: DataOptions,
    console: Console,
    bits: BitsOpt = 32,
    entropy: EntropyOpt = False,
    device: DeviceOpt = "auto",
    devices: DevicesOpt = 1,
    num_nodes: NodesOpt = 1,
) -> None:
    """Turn images into codes: one .npz file with codes, names, labels and residuals."""
    from aecli import inference
    from aecli.checkpoint import resolve_model
    from aecli.codes import require_bits, save_codes
    from aecli.data import load, resolve
    from aecli.runtime.processes import find_processes
    from aecli.storage.paths import is_stream, require_output

    checkpoint, ref = resolve_model(model), resolve(data)
    output = require_output(output, inputs=[checkpoint.file, *filter(None, [ref.path])], suffixes=[".npz"])
    require_bits(bits, entropy=entropy)

    processes = find_processes(devices, num_nodes)
    is_first = processes.this_one().is_first
    with ExitStack() as stack:
        shards = None
        if processes.count > 1:
            if is_stream(output):
                raise UsageError("codes of several devices are joined beside the file", hint="name a file with -o")
            from aecli.inference.shards import begun

            shards = stack.enter_context(begun(processes, device, output))
        loaded = inference.load(checkpoint, device=shards.device if shards else device)
        progress = stack.enter_context((console if is_first else replace(console, quiet=True)).progress())
        images = load(ref, data_options, image_shape=loaded.image_shape, skip_damaged=True, progress=progress)
        if shards and not is_first:
            shards.encode(loaded, images.images)
            return
        started = time.monotonic()
        codes = inference.encode_batches(loaded, images, bits, entropy=entropy, shards=shards, progress=progress)
        save_codes(codes, output)
        seconds = time.monotonic() - started

    console.report_notes((*loaded.notes, *images.notes), images.failures)
    console.saved(
        output,
        f"{len(images):,} codes of {'x'.join(map(str, loaded.header.code_shape))}, {bits} bits a value"
        + (", entropy-coded" if entropy else ""),
        {"codes": len(images), "code_shape": list(loaded.header.code_shape), "failed": len(images.failures)}
        | {"seconds": round(seconds, 3), "images_per_second": round(len(images) / max(seconds, 1e-9), 1)}
        | {"bits": bits, "entropy": entropy, "model": loaded.fingerprint, "data": images.fingerprint},
    )
    if images.failures:
        raise typer.Exit(ExitStatus.PARTIAL)
