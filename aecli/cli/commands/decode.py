"""`aecli decode`."""

from pathlib import Path
from typing import Annotated

import typer

from aecli.cli.archives import decode_archive, decode_set, holds_archive
from aecli.cli.code_files import require_codes
from aecli.cli.command import examples
from aecli.cli.console import Console
from aecli.cli.options import DeviceOpt, ModelOpt
from aecli.runtime.counting import counted

EXAMPLES = examples(
    "aecli decode codes.npz --model run -o grid.png",
    "aecli decode codes.npz --model run -o images/",
    "aecli decode archive/ --model codec -o restored/",
)
CodesArg = Annotated[
    list[Path],
    typer.Argument(
        metavar="CODES...",
        help="Code file made by the same model, - for standard input; or archives and .aec files of a codec.",
        show_default=False,
    ),
]
ImagesOpt = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        metavar="OUT",
        help="NAME.png: one grid of all images. NAME.npz or -: uint8 arrays. Any other name: a folder with one PNG per "
        "code, or with the images of an archive under their own names.",
        show_default=False,
    ),
]
OverwriteOpt = Annotated[bool, typer.Option("--overwrite", help="Replace the images in an existing folder.")]


def decode(
    codes: CodesArg,
    model: ModelOpt,
    output: ImagesOpt,
    console: Console,
    overwrite: OverwriteOpt = False,
    device: DeviceOpt = "auto",
) -> None:
    """Decode codes into images: a grid, a folder of PNGs, or an .npz of pixels; or restore the images of an archive."""
    from aecli import inference
    from aecli.checkpoint import resolve_model
    from aecli.codes import load_codes
    from aecli.codes.aec_set import is_aec_set
    from aecli.data.saving import require_image_output, save_images
    from aecli.data.shapes import color_text, size_text
    from aecli.storage.paths import is_stream

    checkpoint = resolve_model(model)
    if holds_archive(codes):
        decode_archive(checkpoint, codes, output, console, overwrite=overwrite, device=device)
        return
    (file,) = codes
    require_codes(file)
    output = require_image_output(output, inputs=[checkpoint.file, file], overwrite=overwrite)
    if is_aec_set(file) or (is_stream(file) and checkpoint.is_codec):
        decode_set(checkpoint, file, output, console, device=device)
        return
    loaded_codes = load_codes(file)
    loaded = inference.load(checkpoint, device=device)
    with console.progress() as progress:
        images = inference.decode(loaded, loaded_codes, progress)
        save_images(images, output, progress)

    console.report_notes(loaded.notes)
    console.saved(
        output,
        f"{counted(len(images), 'image')} of {size_text(images.image_shape)} pixels, "
        f"{color_text(images.image_shape[0])}",
        {"images": len(images), "image_shape": list(images.image_shape), "model": loaded.fingerprint},
    )
