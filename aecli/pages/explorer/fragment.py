"""The explorer as a part of a page, and as a page of its own."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aecli.analyses.embedding import Embedding
from aecli.detection.score_file import ScoreFile
from aecli.pages.document import Document, Fragment, asset, data_block, text
from aecli.pages.explorer.packing import packed
from aecli.pages.explorer.points import panel_points
from aecli.pages.explorer.sprites import sprites
from aecli.plots.embedding import Panel
from aecli.runtime.counting import counted
from aecli.runtime.progress import Progress, silent
from aecli.storage.atomic import atomic_write

SCRIPTS = (
    *("data.js", "drawing.js", "colors.js", "thumbnails.js", "names.js", "panel.js", "pointer.js"),
    *("selection.js", "legend.js", "explorer.js"),
)
"""The parts of the script, in this order, in one function."""
NO_IMAGES = "This page has no images, because it was made without --images DATA."
WHOLE = "whole"
"""Class of an explorer that is the whole page, so that the wheel need not scroll the page."""
NO_SCRIPT = "The map is drawn by a script of this page, and this browser does not run it."


def explorer(
    panels: Sequence[Panel],
    embeddings: Sequence[Embedding],
    scores: ScoreFile | None = None,
    progress: Progress = silent,
) -> Fragment:
    """Return the explorer of one or several embeddings, one panel each.

    Panels of the same images are linked. The images of all panels, if they have any, are those of the first one that
    has some. A page may hold several explorers.

    Args:
        panels: What `aecli.plots.embedding.panel` returns for each embedding.
        embeddings: The embeddings, in the same order.
        scores: Anomaly scores of some of the images.
        progress: Reports the search for the nearest codes and the thumbnails.

    Raises:
        InputError: `scores` has no score of an image.
    """
    points = [
        panel_points(panel, embedding, scores, progress) for panel, embedding in zip(panels, embeddings, strict=True)
    ]
    images = next((panel.images for panel in panels if panel.images is not None), None)
    indices = [panel.image_indices for panel in panels if panel.image_indices is not None]
    thumbnails, used = None, None
    if images is not None and indices:
        used = np.unique(np.concatenate(indices))
        thumbnails = sprites(images[used], progress)
    script = "\n".join(asset(__package__, name) for name in SCRIPTS)
    return Fragment(
        "\n".join(_markup(packed(points, thumbnails, used), has_images=thumbnails is not None)),
        (asset(__package__, "style.css"),),
        (f'"use strict";\n(() => {{\n{script}}})();',),
    )


def write_explorer(
    panels: Sequence[Panel],
    embeddings: Sequence[Embedding],
    path: Path,
    scores: ScoreFile | None = None,
    progress: Progress = silent,
) -> int:
    """Write the page that holds nothing but an explorer; return its number of bytes. See `explorer`.

    Raises:
        InputError: `scores` has no score of an image.
        UnavailableError: the system refused to write.
    """
    fragment = explorer(panels, embeddings, scores, progress)
    drawn = sum(len(embedding.indices) for embedding in embeddings)
    words = dict.fromkeys(embedding.codes.meta.data for embedding in embeddings)
    title = f"{counted(drawn, 'code')} of {', '.join(words)}"
    markup = fragment.markup.replace('class="explorer"', f'class="explorer {WHOLE}"', 1)
    content = Document(title, fragment.styles, fragment.scripts).page([f"<h1>{text(title)}</h1>", markup])
    with atomic_write(path) as file:
        file.write(content)
    return len(content)


def _markup(data: dict[str, Any], *, has_images: bool) -> Iterator[str]:
    yield '<section class="explorer" aria-label="Map of the codes">'
    yield f"<noscript><p>{NO_SCRIPT}</p></noscript>"
    if not has_images:
        yield f'<p class="no-images">{NO_IMAGES}</p>'
    yield data_block(data, "explorer-data")
    yield "</section>"
