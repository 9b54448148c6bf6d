"""How images of any size, color and depth become the 8-bit images that a model takes."""

from dataclasses import dataclass
from typing import Literal

from aecli.data.levels import Levels
from aecli.data.shapes import NATIVE, FullShape, Shape
from aecli.data.tiling import Tiling
from aecli.errors import InputError

Resize = Literal["stretch", "crop", "pad"]
"""How an image of another aspect ratio is resized: `stretch` changes the ratio, `crop` cuts off what does not fit,
`pad` adds black bars. Cropped and padded images are centered."""


@dataclass(frozen=True)
class Conversion:
    """The requested shape, the treatment of the aspect ratio, and the levels of deep images."""

    shape: Shape = NATIVE
    """(C, H, W); None keeps the images' own value. Color becomes gray by ITU-R 601 luma; gray becomes color by
    repeating the channel. Resizing is antialiased and bilinear."""
    resize: Resize = "stretch"
    levels: Levels | Literal["measured", "declared"] = "measured"
    """The values that become 0 and 255 in images of more than 8 bits: given, measured on all images that are read
    together, or declared by the type of each image: 65,535 becomes 255 for 16 bits. Arrays of other types than uint16
    declare none, and are measured."""
    expected: FullShape | None = None
    """The typical own shape of the images that a model was trained on; images that differ much are reported."""
    tiles: Tiling | None = None
    """The tiles that images are cut into in their own size, each of which then gets the requested shape; None to
    convert whole images. Tiles are not cropped or padded: `resize` does not apply to them."""

    def __post_init__(self) -> None:
        channels, *size = self.shape
        if channels not in (None, 1, 3) or any(side is not None and side < 1 for side in size):
            raise InputError(
                f"images have 1 or 3 channels and at least 1x1 pixels, not (channels, height, width) = {self.shape}"
            )


AS_IS = Conversion()
"""Keep the images' own shape, and measure the levels of deep images."""
