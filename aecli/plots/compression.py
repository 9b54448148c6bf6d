"""Rate-distortion curves of compression methods, and examples of restored images."""

from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from aecli.analyses.compression.report import CompressionReport, Row
from aecli.plots.figure import COLORS, figure, image_pixels, shortened

STYLES: dict[str, dict[str, Any]] = {
    "codes": {"color": COLORS[0], "marker": "o", "linestyle": "--"},
    "codes, entropy-coded": {"color": COLORS[0], "marker": "o"},
    "PCA": {"color": COLORS[4], "marker": "s", "linestyle": "--"},
    "PCA, entropy-coded": {"color": COLORS[4], "marker": "s"},
    "JPEG": {"color": COLORS[3], "marker": "^"},
    "WebP": {"color": COLORS[2], "marker": "v"},
}


LOSSLESS = ("pixels", "PNG", "WebP lossless", "one stream")
MIN_DISTANCE = 0.03
"""Fraction of the axis below which two lossless methods share one label."""


def draw(report: CompressionReport, title: str, path: Path) -> None:
    """Draw PSNR against bits per pixel, with one curve per family, and the example images below.

    Lossless methods, whose PSNR is infinite, are vertical lines.
    """
    strip = len(report.examples)
    with figure(path, (9.0, 5.4 + 0.62 * strip), dpi=130) as drawn:
        above, below = np.asarray(drawn.subfigures(2, 1, height_ratios=[5.4, 0.62 * strip]))
        _draw_curves(above.subplots(), report.rows, title)
        axes = below.subplots(strip, 1, squeeze=False)[:, 0]
        for axis, (method, images) in zip(list(axes), report.examples.items(), strict=True):
            row = np.concatenate(list(np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=255)), axis=2)
            axis.imshow(image_pixels(row), cmap="gray", vmin=0, vmax=255)
            axis.set_ylabel(_caption(method, report.rows), rotation=0, ha="right", va="center", fontsize=9)
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)


def _draw_curves(axes: Any, rows: Sequence[Row], title: str) -> None:
    for family, style in STYLES.items():
        points = sorted((row.bits_per_pixel, row.quality.psnr) for row in rows if row.family == family)
        points = [(rate, psnr) for rate, psnr in points if isfinite(psnr)]
        if points:
            axes.plot(*zip(*points, strict=True), label=family, markersize=5, **style)
    axes.set(xscale="log", xlabel="bits per pixel", ylabel="PSNR in dB (higher is better)")
    axes.set_title(shortened(title, 120), loc="left", pad=80, parse_math=False)
    left, right = np.log(axes.get_xlim())
    lossless = sorted(
        (row.bits_per_pixel, row.method.removesuffix(", one stream")) for row in rows if row.family in LOSSLESS
    )
    for rate, methods in _merged(lossless, (right - left) * MIN_DISTANCE):
        axes.axvline(rate, color="0.75", linewidth=1, zorder=0)
        across = axes.get_xaxis_transform()
        axes.text(rate, 1.01, methods, transform=across, rotation=60, fontsize=8, color="0.3")
    ticks = [value for value in (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 32, 64) if _within(value, axes.get_xlim())]
    axes.set_xticks(ticks, [f"{value:g}" for value in ticks])
    axes.minorticks_off()
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


def _merged(lossless: Sequence[tuple[float, str]], distance: float) -> list[tuple[float, str]]:
    """Return sorted rates with their names, those closer than `distance` on the logarithmic axis merged into one."""
    merged: list[tuple[float, str]] = []
    for rate, method in lossless:
        if merged and np.log(rate / merged[-1][0]) < distance:
            merged[-1] = merged[-1][0], f"{merged[-1][1]} · {method}"
        else:
            merged.append((rate, method))
    return merged


def _caption(method: str, rows: Sequence[Row]) -> str:
    row = next((row for row in rows if row.method == method), None)
    return f"{method}\n{row.bits_per_pixel:.2f} bits/pixel" if row else method


def _within(value: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= value <= limits[1]
