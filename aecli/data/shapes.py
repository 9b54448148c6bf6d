"""Shapes of images: (channels, height, width)."""

Shape = tuple[int | None, int | None, int | None]
"""A requested (C, H, W); None keeps the images' own value."""

FullShape = tuple[int, int, int]
"""(C, H, W) of an image."""

NATIVE: Shape = (None, None, None)
"""Keep the images' own shape."""


def complete(wanted: Shape, native: FullShape) -> FullShape:
    """Return the `wanted` (C, H, W) with each None replaced by the `native` value."""
    channels, height, width = (own if side is None else side for side, own in zip(wanted, native, strict=True))
    return channels, height, width


def size_text(size: tuple[int, ...]) -> str:
    """Format the size (H, W) as "WxH"; of a longer shape such as (C, H, W), the last two numbers are used."""
    height, width = size[-2:]
    return f"{width}x{height}"


def color_text(channels: int) -> str:
    """Return `color` for images of three channels, `gray` for images of one."""
    return "color" if channels == 3 else "gray"


def shape_text(shape: tuple[int, ...]) -> str:
    """Format the shape of an array, such as that of a code, with all axes in order: "16x4x4"."""
    return "x".join(map(str, shape))
