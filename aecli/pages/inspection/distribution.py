"""The distribution of the scores as bars, with a line at the threshold."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

BINS = 60
HEIGHT = 100
SMALLEST_BAR = 2
NEAR = 0.25
"""Part of the axis at each of its ends where the threshold takes the place of the end's label."""
ROUNDING = 1e-9


def distribution(scores: NDArray[np.float64], threshold: float) -> Iterator[str]:
    """Yield the lines of an SVG image of the scores, (N,), and of its axis; nothing if they do not differ.

    The threshold lies between two bars, so that each bar has one color.
    """
    low, high = min(threshold, scores.min(initial=threshold)), max(threshold, scores.max(initial=threshold))
    width = (high - low) / BINS
    if not 0 < width < np.inf:
        return
    below, above = (int(np.ceil(part / width - ROUNDING)) for part in (threshold - low, high - threshold))
    bars = np.ceil((scores - threshold) / width - ROUNDING).astype(np.int64) + below - 1
    counts = np.bincount(np.clip(bars, 0, below + above - 1), minlength=below + above).tolist()
    yield (
        f'<svg class="distribution" viewBox="0 0 {len(counts)} {HEIGHT}" preserveAspectRatio="none" role="img" '
        'aria-label="Distribution of the scores">'
    )
    for bar, count in enumerate(counts):
        if count:
            height = max(SMALLEST_BAR, round(HEIGHT * count / max(counts)))
            kind = ' class="above"' if bar >= below else ""
            yield f'<rect{kind} x="{bar}" y="{HEIGHT - height}" width="0.9" height="{height}"/>'
    yield f'<line x1="{below}" x2="{below}" y1="0" y2="{HEIGHT}"/>'
    yield "</svg>"
    yield _axis(threshold - below * width, threshold, threshold + above * width)


def _axis(low: float, threshold: float, high: float) -> str:
    """Return the labels below the bars: both ends, and the threshold at its place if it is not near an end."""
    place = (threshold - low) / (high - low)
    labels = [(0.0, "start", f"{low:.4g}"), (1.0, "end", f"{high:.4g}")]
    if place < NEAR:
        labels[0] = (place, "start", f"threshold {threshold:.4g}")
    elif place > 1 - NEAR:
        labels[1] = (place, "end", f"threshold {threshold:.4g}")
    else:
        labels.append((place, "middle", f"threshold {threshold:.4g}"))
    texts = (f'<text x="{100 * at:.4g}%" y="1em" text-anchor="{anchor}">{label}</text>' for at, anchor, label in labels)
    return f'<svg class="axis" aria-hidden="true">{"".join(texts)}</svg>'
