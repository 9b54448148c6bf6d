"""Arguments and options that several commands share."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from aecli.runtime.options import option

DEVICES_PANEL = "Devices"
DEVICE_HELP = "auto (a GPU if there is one), cpu, cuda, cuda:1 (the second GPU) or mps."

DataArg = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="Images: the name of a data set, or a folder or file of any kind that aecli datasets lists. Append "
        ":train, :val, :test or :all to choose a split, and @CLASS,... or @-CLASS,... to include or exclude classes.",
        show_default=False,
    ),
]
ModelOpt = Annotated[
    Path,
    typer.Option(
        "--model",
        "-m",
        metavar="MODEL",
        help="Run folder, model.safetensors or model.onnx.",
        show_default=False,
    ),
]
DeviceOpt = Annotated[
    str,
    typer.Option("--device", metavar="DEVICE", rich_help_panel=DEVICES_PANEL, help=DEVICE_HELP),
]


def one_of(names: Sequence[str]) -> str:
    """Return the names as alternatives: `a, b or c`."""
    return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


@dataclass(frozen=True)
class ProcessOptions:
    """The number of processes that share the work, one for each device."""

    devices: int = option(1, "Devices per node; each runs one process.", panel=DEVICES_PANEL, metavar="N")
    num_nodes: int = option(1, "Number of nodes (machines).", panel=DEVICES_PANEL, metavar="N")
