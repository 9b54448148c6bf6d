"""`aecli decode`."""

from pathlib import Path
from typing import Annotated

import typer

from aecli.cli.command import examples
from aecli.cli.console import Console
from aecli.cli.options import DeviceOpt, ModelOpt

EXAMPLES = examples(
    "aecli decode codes.npz --model run -o grid.png",
    "aecli decode codes.npz --model run -o pictures/",
)
CodesArg = Annotated[
    Path,
    typer.Argument(metavar="CODES.npz", help="Code file, of the same model; - is standard input.", show_default=False),
]
ImagesOpt = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        metavar="OUT",
        help="NAME.png: one grid of all. NAME.npz or -: uint8 images. Any other name: a folder, one PNG a code.",
        show_default=False,
    ),
]
OverwriteOpt = Annotated[bool, typer.Option("--overwrite", help="Replace the pictures in a folder that is there.")]


def decode(
    codes: CodesArg,
    model: ModelOpt,
    output: ImagesOpt,
    console: Console,
    overwrite: OverwriteOpt = False,
    device: DeviceOpt = "auto",
) -> None:
    """Turn codes back into images: a grid, a folder of PNGs, or an .npz of pixels."""
    from aecli import inference
    from aecli.checkpoint import resolve_model
    from aecli.codes import load_codes
    from aecli.data.saving import require_image_output, save_images
    from aecli.storage.paths import require_file

    require_file(codes, "code file")
    checkpoint = resolve_model(model)
    output = require_image_output(output, inputs=[checkpoint.file, codes], overwrite=overwrite)

    loaded_codes = load_codes(codes)
    loaded = inference.load(checkpoint, device=device)
    with console.progress() as progress:
        images = inference.decode(loaded, loaded_codes, progress)
        save_images(images, output, progress)

    for note in loaded.notes:
        console.note(f"note: {note}")
    channels, height, width = images.image_shape
    console.saved(
        output,
        f"{len(images):,} images of {height}x{width} pixels, {'color' if channels == 3 else 'gray'}",
        {"images": len(images), "image_shape": list(images.image_shape), "model": loaded.fingerprint},
    )
