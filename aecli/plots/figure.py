"""The style of all figures, and how they are written to files."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.figure import Figure
from numpy.typing import NDArray

from aecli.errors import UsageError
from aecli.plots.fonts import fallback_fonts
from aecli.plots.formats import DEFAULT_DPI, format_of
from aecli.storage.atomic import atomic_write

STYLE: Any = {
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": "medium",
    "font.size": 10,
    "grid.alpha": 0.3,
    "legend.frameon": False,
    "pdf.fonttype": 42,  # TrueType, which can be selected, searched and edited
    "svg.fonttype": "none",  # text, which the viewer's fonts show in any script
    "svg.hashsalt": "aecli",
}
UNDATED: dict[str, dict[str, Any]] = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
"""Metadata with which the same figure gives the same bytes."""
MAX_PIXELS = 300_000_000
MAX_VECTOR_POINTS = 2000
"""More points of a panel are rasterized in SVG and PDF files, which would be large and slow to show otherwise."""
# Okabe and Ito, "Color universal design", 2008: distinguishable with color vision deficiency.
COLORS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#000000")
# Ten distinguishable colors for classes: Tol's "muted" scheme, 2021, and one of the above. None is gray or black, as
# images are.
CLASS_COLORS = (
    *("#332288", "#DDCC77", "#117733", "#CC6677", "#88CCEE"),
    *("#882255", "#44AA99", "#999933", "#AA4499", "#E66100"),
)


@contextmanager
def figure(
    path: Path,
    size: tuple[float, float],
    dpi: int | None = None,
    *,
    layout: Literal["constrained"] | None = "constrained",
) -> Iterator[Figure]:
    """Yield a figure to draw on, and write it to a PNG, SVG or PDF file, by its suffix, when the block ends.

    The same figure gives the same bytes. Text stays text in SVG and PDF files, unless it has a halo.

    Args:
        path: The file to write, or `-` for a PNG file on standard output.
        size: Width and height in inches.
        dpi: Pixels per inch of a PNG file, and of the images and rasterized points in an SVG or PDF file.
        layout: How matplotlib places the axes; None if each has its place. With a layout, matplotlib draws twice.

    Raises:
        UsageError: the suffix is another one, or the figure has more than 300 million pixels.
        UnavailableError: the file cannot be written.
    """
    file_format, dpi = format_of(path), dpi or DEFAULT_DPI
    if (pixels := size[0] * size[1] * dpi**2) > MAX_PIXELS:
        raise UsageError(f"the plot would have {pixels:,.0f} pixels", hint="choose a smaller --dpi")
    # SVG files have text, and PDF files cannot embed all of these fonts.
    families = [*mpl.rcParams["font.family"], *(fallback_fonts() if file_format == "png" else ())]
    with mpl.rc_context({**STYLE, "font.family": families}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # of names in a script without a font
        warnings.filterwarnings("ignore", message="Creating legend .* slow")  # as all is on a busy machine
        drawn = Figure(figsize=size, layout=layout, dpi=dpi)
        yield drawn
        content = BytesIO()
        drawn.savefig(content, format=file_format, metadata=UNDATED[file_format])
    with atomic_write(path) as file:
        file.write(content.getbuffer())


def image_pixels(image: NDArray[Any]) -> NDArray[Any]:
    """Return a (C, H, W) image as matplotlib's `imshow` takes it: (H, W) if gray, (H, W, 3) if color."""
    return image[0] if len(image) == 1 else image.transpose(1, 2, 0)


def shortened(text: str, length: int) -> str:
    """Return the text in one line of at most `length` characters; a longer one loses its middle."""
    text = "".join(character if character.isprintable() else "?" for character in text)
    return text if len(text) <= length else f"{text[: length // 2 - 1]}…{text[len(text) - length // 2 :]}"
