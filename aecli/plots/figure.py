"""The style of all figures, and how they are written to files."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from aecli.storage.atomic import atomic_write

STYLE: Any = {
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": "medium",
    "font.size": 10,
    "grid.alpha": 0.3,
    "legend.frameon": False,
}
# Okabe and Ito, "Color universal design", 2008: distinguishable with color vision deficiency.
COLORS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#000000")
# Ten distinguishable colors for classes: Tol's "muted" scheme, 2021, and one of the above. None is gray or black, as
# images are.
CLASS_COLORS = (
    *("#332288", "#DDCC77", "#117733", "#CC6677", "#88CCEE"),
    *("#882255", "#44AA99", "#999933", "#AA4499", "#E66100"),
)


@contextmanager
def figure(path: Path, size: tuple[float, float], **options: Any) -> Iterator[Figure]:
    """Yield a figure of `size` (width, height) in inches to draw on, and write it as PNG when the block ends."""
    with mpl.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # names may be in any script
        drawn = Figure(figsize=size, layout="constrained", **options)
        yield drawn
        content = BytesIO()
        FigureCanvasAgg(drawn).print_png(content)  # type: ignore[no-untyped-call]
    with atomic_write(path) as file:
        file.write(content.getbuffer())


def image_pixels(image: NDArray[Any]) -> NDArray[Any]:
    """Return a (C, H, W) image as matplotlib's `imshow` takes it: (H, W) if gray, (H, W, 3) if color."""
    return image[0] if len(image) == 1 else image.transpose(1, 2, 0)


def shortened(text: str, length: int) -> str:
    """Return the text in one line of at most `length` characters; a longer one loses its middle."""
    text = "".join(character if character.isprintable() else "?" for character in text)
    return text if len(text) <= length else f"{text[: length // 2 - 1]}…{text[len(text) - length // 2 :]}"
