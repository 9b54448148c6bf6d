"""How every figure looks, and how it becomes a file."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

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
# Okabe and Ito, "Color universal design", 2008: told apart by the color-blind.
COLORS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#000000")
# For classes, of which no two among ten look the same: Tol's "muted" scheme, 2021, and one of the above; none is gray
# or black, which pictures themselves are.
CLASS_COLORS = (
    *("#332288", "#DDCC77", "#117733", "#CC6677", "#88CCEE"),
    *("#882255", "#44AA99", "#999933", "#AA4499", "#E66100"),
)


@contextmanager
def figure(path: Path, size: tuple[float, float], **options: Any) -> Iterator[Figure]:
    """Give a figure of `size` inches to draw on, and write it as PNG at the end of the `with` block."""
    with mpl.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # names may be in any script
        drawn = Figure(figsize=size, layout="constrained", **options)
        yield drawn
        content = BytesIO()
        FigureCanvasAgg(drawn).print_png(content)  # type: ignore[no-untyped-call]
    with atomic_write(path) as file:
        file.write(content.getbuffer())


def shortened(text: str, length: int) -> str:
    """Return the text in one line, its middle left out where it is longer."""
    text = "".join(character if character.isprintable() else "?" for character in text)
    return text if len(text) <= length else f"{text[: length // 2 - 1]}…{text[len(text) - length // 2 :]}"
