"""Rate-distortion curves of compression methods, and examples of restored images."""

from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.compression.bd_rate import worth_using
from aecli.analyses.compression.code_codecs import ENTROPY_CODED
from aecli.analyses.compression.measurement import Row
from aecli.analyses.compression.report import CompressionReport
from aecli.plots.figure import COLORS, figure, image_pixels, shortened

MODEL_COLORS = (COLORS[0], COLORS[5], COLORS[7])
FORMATS: dict[str, dict[str, Any]] = {
    "PCA": {"color": COLORS[4], "marker": "s", "linestyle": "--", "markersize": 3.5},
    "PCA, entropy-coded": {"color": COLORS[4], "marker": "s"},
    "JPEG": {"color": COLORS[3], "marker": "^"},
    "WebP": {"color": COLORS[2], "marker": "v"},
    "AVIF": {"color": COLORS[1], "marker": "D"},
    "JPEG 2000": {"color": "0.45", "marker": "P"},
    "JPEG XL": {"color": "#882255", "marker": "X"},
}
MARKS: dict[str, Any] = {"markersize": 5.5, "markeredgecolor": "white", "markeredgewidth": 0.7, "linewidth": 1.3}
"""A white edge separates markers that lie on each other."""
LOSSLESS = ("pixels", "PNG", "WebP lossless", "one stream")
TICKS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 32, 64)
MIN_DISTANCE = 0.03
"""Fraction of the axis below which two lossless methods share one label."""
EXAMPLES_OF = ("PCA, entropy-coded", "JPEG", "WebP", "AVIF")
"""The methods whose example images are drawn beside those of the models, with about as many bytes."""
SMALL_SIDE = 64
"""Pixels of a side up to which all examples are drawn; of larger images, every other one of them is."""
HEIGHT, WIDTH, MARGIN = 5.6, 9.4, 2.6
"""Inches of the curves, of the figure, and of the captions beside the examples."""


def draw(report: CompressionReport, title: str, path: Path, dpi: int | None = None) -> None:
    """Draw PSNR against bits per pixel, with one curve per family, and example images below.

    Lossless methods, whose PSNR is infinite, are vertical lines.
    """
    strips = _strips(report)
    heights = [(WIDTH - MARGIN) * strip.shape[1] / strip.shape[2] for strip in strips.values()]
    with figure(path, (WIDTH, HEIGHT + sum(heights)), dpi) as drawn:
        above, below = np.asarray(drawn.subfigures(2, 1, height_ratios=[HEIGHT, sum(heights)]))
        above.suptitle(shortened(title, 90), fontsize="large", parse_math=False)
        _draw_curves(above.subplots(), report)
        axes = below.subplots(len(strips), 1, squeeze=False)[:, 0]
        for axis, (method, strip) in zip(list(axes), strips.items(), strict=True):
            axis.imshow(image_pixels(strip), cmap="gray", vmin=0, vmax=255)
            axis.set_ylabel(
                _caption(method, report.rows), rotation=0, ha="right", va="center", fontsize=8, parse_math=False
            )
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)


def _strips(report: CompressionReport) -> dict[str, NDArray[np.uint8]]:
    """Return the examples of the methods to draw, each as one image, (C, H, W)."""
    drawn = {method: images for method, images in report.examples.items() if method in _drawn_methods(report)}
    sides = [max(image.shape[axis] for images in drawn.values() for image in images) for axis in (1, 2)]
    step = 1 if max(sides) <= SMALL_SIDE else 2
    return {
        method: np.concatenate([_padded(image, sides[0] + 2, sides[1] + 2) for image in images[::step]], axis=2)
        for method, images in drawn.items()
    }


def _drawn_methods(report: CompressionReport) -> set[str]:
    """Return the original, the models with most, middle and fewest bytes, and formats with about the middle bytes."""
    first, *others = [[row for row in report.rows if row.family == model] for model in report.models]
    first, middle = sorted(first, key=lambda row: row.bytes), len(first) // 2
    methods = {"original", first[0].method, first[middle].method, first[-1].method}
    for rows in (*others, *(_rows_on_curve(report, family) for family in EXAMPLES_OF)):
        if rows:
            methods.add(min(rows, key=lambda row: abs(np.log(row.bytes / first[middle].bytes))).method)
    return methods


def _rows_on_curve(report: CompressionReport, family: str) -> list[Row]:
    """Return the settings of a family that its curve shows: of a format, those that none with fewer bytes beats."""
    rows = [row for row in report.rows if row.family == family and isfinite(row.quality.psnr)]
    if family not in FORMATS:
        return rows
    kept = worth_using((row.bits_per_pixel, row.quality.psnr) for row in rows)
    return [row for row in rows if (row.bits_per_pixel, row.quality.psnr) in kept]


def _padded(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Return a (C, H, W) image in the middle of a white one."""
    missing = (height - image.shape[1], width - image.shape[2])
    around = [(0, 0), *((side // 2, side - side // 2) for side in missing)]
    return np.pad(image, around, constant_values=255)


def _draw_curves(axes: Any, report: CompressionReport) -> None:
    for family, style in _styles(report).items():
        points = sorted((row.bits_per_pixel, row.quality.psnr) for row in _rows_on_curve(report, family))
        if points:
            axes.plot(*zip(*points, strict=True), label=shortened(family, 40), **(MARKS | style))
    axes.set(xscale="log", xlabel="bits per pixel", ylabel="PSNR in dB (higher is better)")
    left, right = np.log(axes.get_xlim())
    lossless = sorted(
        (row.bits_per_pixel, row.method.removesuffix(", one stream")) for row in report.rows if row.family in LOSSLESS
    )
    for rate, methods in _merged(lossless, (right - left) * MIN_DISTANCE):
        axes.axvline(rate, color="0.75", linewidth=1, zorder=0)
        across = axes.get_xaxis_transform()
        axes.text(rate, 1.01, methods, transform=across, rotation=60, fontsize=8.5, color="0.3", parse_math=False)
    ticks = [value for value in TICKS if _within(value, axes.get_xlim())]
    axes.set_xticks(ticks, [f"{value:g}" for value in ticks])
    axes.minorticks_off()
    legend = axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=9)
    for text in legend.get_texts():  # a $ in a name does not start a formula
        text.set_parse_math(False)


def _styles(report: CompressionReport) -> dict[str, dict[str, Any]]:
    """Return the style of each family: of codes, dashed lines are those without an entropy coder."""
    styles: dict[str, dict[str, Any]] = {}
    for index, model in enumerate(report.models):
        color = MODEL_COLORS[index % len(MODEL_COLORS)]
        if (plain := model.removesuffix(ENTROPY_CODED)) != model:
            styles[plain] = {"color": color, "marker": "o", "linestyle": "--", "markersize": 3.5}
        styles[model] = {"color": color, "marker": "o", "linewidth": 2}
    return styles | FORMATS


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
    if row is None:
        return method
    return f"{shortened(method, 30)}\n{row.bits_per_pixel:.2f} bits/pixel, {row.quality.psnr:.1f} dB"


def _within(value: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= value <= limits[1]
