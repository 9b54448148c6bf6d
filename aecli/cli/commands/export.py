"""`aecli export`."""

from pathlib import Path
from typing import Annotated

import typer

from aecli.cli.command import examples
from aecli.cli.console import Console

EXAMPLES = examples("aecli export run", "aecli export run/model.safetensors -o digits.onnx")
CheckpointArg = Annotated[
    Path, typer.Argument(metavar="CKPT", help="Run folder or model.safetensors.", show_default=False)
]
OnnxOpt = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="MODEL.onnx",
        help="File to write; default: model.onnx in the run folder, where the other commands find it.",
        show_default=False,
    ),
]


def export(checkpoint: CheckpointArg, console: Console, output: OnnxOpt = None) -> None:
    """Export a model as ONNX, which encode, decode and detect run on the CPU without torch."""
    from aecli.checkpoint import load_checkpoint, read_header, resolve_checkpoint
    from aecli.checkpoint.onnx_file import SUFFIX
    from aecli.errors import UsageError
    from aecli.storage.paths import require_output
    from aecli.storage.run_files import ONNX_FILE

    ref = resolve_checkpoint(checkpoint)
    read_header(ref.file)
    if output is None and ref.run_folder is None:
        raise UsageError("no output file", hint=f"aecli export {checkpoint} -o MODEL{SUFFIX}")
    default = checkpoint / ONNX_FILE
    target = require_output(output or default, inputs=[ref.file], suffixes=[SUFFIX])
    path = target if output else default  # a symbolic link is followed only if the user named it

    from aecli.inference.onnx.export import export

    exported = export(load_checkpoint(ref), path)
    console.saved(
        path,
        f"{exported.bytes:,} bytes, opset {exported.opset}, relative error to torch {exported.relative_error:.1e}",
        {"bytes": exported.bytes, "opset": exported.opset, "relative_error": exported.relative_error},
    )
