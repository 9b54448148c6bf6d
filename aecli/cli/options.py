"""Arguments and options that several commands share, named by what they are."""

from pathlib import Path
from typing import Annotated

import typer

DataArg = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="Images: a NAME of aecli datasets, a folder, a picture, an .npz or .npy file; then :train, :test or :all "
        "for a part, @CLASS,... or @-CLASS,... for some classes.",
        show_default=False,
    ),
]
ModelOpt = Annotated[
    Path,
    typer.Option(
        "--model",
        "-m",
        metavar="MODEL",
        help="A run folder, its model.safetensors, or a model.onnx.",
        show_default=False,
    ),
]
DevicesOpt = Annotated[
    int, typer.Option("--devices", metavar="N", help="Devices on each machine that share the work, a process each.")
]
NodesOpt = Annotated[int, typer.Option("--num-nodes", metavar="N", help="Machines, each with so many devices.")]
DeviceOpt = Annotated[
    str,
    typer.Option("--device", metavar="DEVICE", help="auto takes a GPU where there is one; or cpu, cuda, cuda:1, mps."),
]
