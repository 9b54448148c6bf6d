"""Charts as inline SVG, drawn for a screen of any width in the colors of the page. Their style is `STYLE`."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.pages.document import asset, text

STYLE = asset(__package__, "charts.css")
WIDTH, HEIGHT = 440, 270
LEFT, RIGHT, TOP, BOTTOM = 54, 10, 8, 40
"""Pixels beside the plot, for the labels of the axes."""
MOST_POINTS = 400
"""Longer lines are thinned, as more points do not show."""
BINS = 40
REFERENCE_NAME = 120
"""Pixels for the name of a reference line."""
NO_REFERENCES: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True)
class Series:
    """Values of one kind."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    is_line: bool = True
    """Whether the points are connected."""
    has_dots: bool = False
    """Whether the points of a line are marked."""
    color: int = 0


@dataclass(frozen=True)
class Axis:
    """A range of values along one side of a chart."""

    title: str
    low: float
    high: float
    is_log: bool = False
    is_whole: bool = False
    """Whether the values are whole numbers, so that others get no label."""

    @classmethod
    def around(
        cls,
        title: str,
        values: Iterable[float],
        *,
        is_log: bool = False,
        is_whole: bool = False,
        margin: float = 0.04,
    ) -> "Axis":
        """Return an axis that holds all values, and a margin; a logarithmic one if asked for and possible."""
        known = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
        low, high = min(known), max(known)
        if is_log and low > 0:
            factor = (high / low) ** margin if high > low else 1.5
            return cls(title, low / factor, high * factor, is_log=True)
        extra = (high - low) * margin or abs(high) * 0.1 or 0.5
        return cls(title, low - extra, high + extra, is_whole=is_whole)

    def place(self, value: float) -> float:
        """Return where a value lies, from 0 at the low end to 1 at the high end."""
        if self.is_log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self) -> list[float]:
        """Return three to eight round values on the axis."""
        if self.is_log and self.high > 8 * self.low:
            return self._powers()
        step = _round_step((self.high - self.low) / 5)
        step = max(1.0, step) if self.is_whole else step
        first = math.ceil(self.low / step - 1e-9)
        return [number * step for number in range(first, math.floor(self.high / step + 1e-9) + 1)]

    def _powers(self) -> list[float]:
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        for factors in ((1, 2, 5), (1, 3), (1,)):
            ticks = [factor * 10.0**power for power in decades for factor in factors]
            ticks = [tick for tick in ticks if self.low <= tick <= self.high]
            if len(ticks) <= 8:
                return ticks
        return ticks[:: math.ceil(len(ticks) / 8)]


def line_chart(
    series: Sequence[Series], x: Axis, y: Axis, description: str, references: Mapping[str, float] = NO_REFERENCES
) -> str:
    """Return lines and points, with a legend if there are several.

    `references` are horizontal lines by name, which are drawn where the axis holds them.
    """
    body = [*_grid(x, y)]
    shown = {name: value for name, value in references.items() if y.low < value < y.high}
    body += [_horizontal(name, _y(y, value), number) for number, (name, value) in enumerate(shown.items())]
    for each in series:
        body.append(_drawn(each, x, y))
    return _chart(body, description, [(each.name, each.color, not each.is_line) for each in series if each.name])


def histogram(
    groups: Mapping[str, NDArray[Any]], title: str, description: str, line: tuple[str, float] | None = None
) -> str:
    """Return bars of the fraction of values of each group, and a vertical line with a name."""
    values = np.concatenate([np.asarray(group, np.float64) for group in groups.values()])
    ends = [float(values.min()), float(values.max())] + ([] if line is None else [line[1]])
    x = Axis.around(title, ends, margin=0.02)
    edges = np.linspace(x.low, x.high, BINS + 1)
    shares = {name: np.histogram(group, edges)[0] / max(1, len(group)) * 100 for name, group in groups.items()}
    y = Axis("% of images", 0, max(share.max() for share in shares.values()) * 1.05)
    body = [*_grid(x, y)]
    width = (WIDTH - LEFT - RIGHT) / BINS
    for color, share in enumerate(shares.values()):
        for number, value in enumerate(share.tolist()):
            if value:
                top = _y(y, value)
                body.append(
                    f'<rect class="f{color}" fill-opacity="0.65" x="{LEFT + number * width:.1f}" y="{top:.1f}" '
                    f'width="{width * 0.92:.1f}" height="{HEIGHT - BOTTOM - top:.1f}"/>'
                )
    if line is not None:
        body.append(_vertical(line[0], _x(x, line[1])))
    legend = [(name, color, True) for color, name in enumerate(groups)] if len(groups) > 1 else []
    return _chart(body, description, legend)


def confusion(counts: NDArray[Any], names: Sequence[str], description: str) -> str:
    """Return (K, K) counts by true class (rows) and predicted class, darker the larger the fraction of the row is."""
    count = len(names)
    left, cell = 70, (WIDTH - 80) / count
    body = []
    fractions = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    has_numbers = cell >= 18
    for (row, column), number in np.ndenumerate(counts):
        x, y = left + column * cell, 8 + row * cell
        share = float(fractions[row, column])
        if number:
            color = "f0" if row == column else "f1"
            body.append(
                f'<rect class="{color}" fill-opacity="{0.12 + 0.88 * share:.2f}" x="{x:.1f}" y="{y:.1f}" '
                f'width="{cell - 1:.1f}" height="{cell - 1:.1f}"/>'
            )
        if number and has_numbers:
            shade = "cell-on" if share > 0.5 else "cell-off"
            body.append(_text(x + cell / 2, y + cell / 2 + 4, f"{number}", "middle", shade))
    style = "" if cell >= 16 else "small" if cell >= 11 else "tiny"
    for index, name in enumerate(names):
        short = name if len(name) <= 9 else f"{name[:8]}…"
        body.append(_text(left - 6, 8 + (index + 0.5) * cell + 4, short, "end", style))
        x, y = left + (index + 0.5) * cell, 14 + count * cell
        if max(map(len, names)) <= 2:
            body.append(_text(x, y + 8, short, "middle", style))
        else:
            body.append(_text(x + 4, y, short, "end", style, turned=True))
    height = 8 + count * cell + (30 if max(map(len, names)) <= 2 else 66)
    body.append(_text(left + count * cell / 2, height - 2, "predicted class; rows: true class", "middle", "axis-title"))
    return _chart(body, description, [], height=round(height))


def _chart(body: Iterable[str], description: str, legend: Sequence[tuple[str, int, bool]], height: int = HEIGHT) -> str:
    drawing = f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{text(description)}">{"".join(body)}</svg>'
    return f'<div class="chart">{drawing}{_legend(legend) if len(legend) > 1 else ""}</div>'


def _legend(entries: Sequence[tuple[str, int, bool]]) -> str:
    items = []
    for name, color, is_area in entries:
        mark = (
            f'<circle class="f{color}" cx="7" cy="5" r="5"/>'
            if is_area
            else f'<line class="line s{color}" x1="0" x2="14" y1="5" y2="5"/>'
        )
        items.append(f'<li><svg viewBox="0 0 14 10" aria-hidden="true">{mark}</svg>{text(name)}</li>')
    return f'<ul class="legend-list">{"".join(items)}</ul>'


def _drawn(series: Series, x: Axis, y: Axis) -> str:
    count = len(series.x)
    kept: Sequence[int] = range(count)
    if series.is_line and count > MOST_POINTS:
        kept = sorted({round(index * (count - 1) / (MOST_POINTS - 1)) for index in range(MOST_POINTS)})
    points = [(_x(x, series.x[index]), _y(y, series.y[index])) for index in kept if math.isfinite(series.y[index])]
    parts = []
    if series.is_line and len(points) > 1:
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
        parts.append(f'<polyline class="line s{series.color}" points="{path}"/>')
    if not series.is_line or series.has_dots or len(points) == 1:
        parts += [f'<circle class="f{series.color}" cx="{a:.1f}" cy="{b:.1f}" r="4"/>' for a, b in points]
    return "".join(parts)


def _grid(x: Axis, y: Axis) -> Iterator[str]:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    for tick, label in _labeled(x.ticks()):
        place = _x(x, tick)
        yield f'<line class="grid" x1="{place:.1f}" x2="{place:.1f}" y1="{TOP}" y2="{bottom}"/>'
        yield _text(place, bottom + 16, label, "middle")
    for tick, label in _labeled(y.ticks()):
        place = _y(y, tick)
        yield f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{place:.1f}" y2="{place:.1f}"/>'
        yield _text(LEFT - 6, place + 4, label, "end")
    yield f'<polyline class="frame" points="{LEFT},{TOP} {LEFT},{bottom} {right},{bottom}"/>'
    yield _text((LEFT + right) / 2, HEIGHT - 6, x.title, "middle", "axis-title")
    yield (
        f'<text class="axis-title" transform="translate(12 {(TOP + bottom) / 2:.0f}) rotate(-90)" '
        f'text-anchor="middle">{text(y.title)}</text>'
    )


def _labeled(ticks: Sequence[float]) -> list[tuple[float, str]]:
    """Return the ticks with as many digits as distinguish them."""
    labels: list[str] = []
    for digits in range(3, 8):
        labels = [f"{tick:,.0f}" if abs(tick) >= 1000 else f"{_round_zero(tick):.{digits}g}" for tick in ticks]
        if len(set(labels)) == len(labels):
            break
    return list(zip(ticks, labels, strict=True))


def _round_zero(tick: float) -> float:
    return 0.0 if abs(tick) < 1e-12 else tick


def _horizontal(name: str, place: float, number: int) -> str:
    """Return a line and its name; the names of several lines do not lie above each other."""
    right = WIDTH - RIGHT
    line = f'<line class="reference" x1="{LEFT}" x2="{right}" y1="{place:.1f}" y2="{place:.1f}"/>'
    return line + _text(
        right - 4 - REFERENCE_NAME * number,
        place - 5 if place > TOP + 24 else place + 14,
        name,
        "end",
        "reference-name",
    )


def _vertical(name: str, place: float) -> str:
    line = f'<line class="reference" x1="{place:.1f}" x2="{place:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
    is_left = place < (LEFT + WIDTH) / 2
    return line + _text(place + (6 if is_left else -6), TOP + 12, name, "start" if is_left else "end", "reference-name")


def _text(x: float, y: float, content: str, anchor: str, css_class: str = "", *, turned: bool = False) -> str:
    name = f' class="{css_class}"' if css_class else ""
    place = f'transform="translate({x:.1f} {y:.1f}) rotate(-60)"' if turned else f'x="{x:.1f}" y="{y:.1f}"'
    return f'<text{name} {place} text-anchor="{anchor}">{text(content)}</text>'


def _x(axis: Axis, value: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * axis.place(value)


def _y(axis: Axis, value: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - axis.place(value))


def _round_step(step: float) -> float:
    """Return the next larger one of 1, 2 and 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step * (1 - 1e-9))
