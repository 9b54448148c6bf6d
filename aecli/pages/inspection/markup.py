"""The HTML of the page. What comes from files is escaped."""

from collections.abc import Iterator, Sequence
from importlib.metadata import version
from io import BytesIO
from itertools import chain

import numpy as np

from aecli.data.image_set import Failure
from aecli.detection.detector import Detector
from aecli.detection.inspection import Detection
from aecli.detection.small_samples import basis_text
from aecli.inference.model import Model
from aecli.pages.blocks import facts
from aecli.pages.document import Document, Picture, asset, text
from aecli.pages.inspection.distribution import distribution
from aecli.plots.color_scale import SHADES, ColorScale, palette
from aecli.plots.inspected_view import has_maps
from aecli.runtime.counting import counted
from aecli.storage.fingerprints import short_fingerprint

ITEM_END = b"</li>\n"
SHOWN = 200
"""Images that the page shows at once."""
REST = b'</ul>\n<template id="rest">\n'
"""Between the items that are shown at once and all others, which a browser does not lay out before they are shown."""
MORE = '<p class="center"><button type="button" id="more" hidden>Show more</button></p>'
LEGEND_GRAY = 96
"""What the colors of the legend lie on: as in most images, neither black nor white."""


def item(detection: Detection, pictures: Sequence[Picture]) -> bytes:
    """Return the start of an image's item: its thumbnail, score, verdict and name. `ITEM_END` follows."""
    name, verdict = text(detection.path), detection.verdict
    return (
        f'<li data-score="{detection.score!r}" data-verdict="{verdict}" data-name="{name}">'
        f'<button type="button" class="open"><span class="frame">{_layers(pictures)}</span>'
        f'<span class="text"><span class="numbers"><span class="score">{detection.score:.4g}</span>'
        f'<span class="verdict {verdict}">{verdict}</span></span>'
        f'<span class="name">{name.replace("/", "/<wbr>")}</span></span></button>'
    ).encode()


def enlargement(pictures: Sequence[Picture]) -> bytes:
    """Return the enlarged image of an item, which a browser does not decode before it is shown."""
    return f"<template>{_layers(pictures)}</template>".encode()


class PageText:
    """What stands before and after the items."""

    def __init__(self, model: Model, detector: Detector, scale: ColorScale, scores: Sequence[float], views: int):
        self._model, self._detector, self._scale = model, detector, scale
        self._scores, self._views = np.asarray(scores, np.float64), views
        self._anomalies = int((self._scores > detector.header.threshold).sum())

    def start(self, failures: Sequence[Failure], failed: int) -> bytes:
        """Return everything before the first item; `failures` are the first ones of `failed`."""
        parts = [self._document().start(), self._summary(), _failures(failures, failed), self._tools()]
        return "\n".join([*chain(*parts), ""]).encode()

    def end(self) -> bytes:
        """Return everything after the last item."""
        return "\n".join(["</template>", MORE, *self._viewer(), *self._document().end()]).encode()

    def _document(self) -> Document:
        title = f"{counted(len(self._scores), 'image')}, {self._anomalies_text()}"
        return Document(title, [asset(__package__, "style.css")], [asset(__package__, "script.js")])

    def _summary(self) -> Iterator[str]:
        header = self._detector.header
        normal = len(self._scores) - self._anomalies
        yield "<h1>Inspected images</h1>"
        yield (
            f'<p class="counts"><strong>{counted(len(self._scores), "image")}</strong>: '
            f'<strong class="anomaly">{self._anomalies_text()}</strong>, '
            f'<span class="normal">{normal:,} normal</span></p>'
        )
        model = "" if self._model.path is None else f"{self._model.path}, "
        model += f"{self._model.header.architecture}, {short_fingerprint(self._model.fingerprint)}"
        yield facts(
            {
                "Score": f"{header.score}; larger is more unusual",
                "Threshold": f"{header.threshold:.6g}{self._threshold_source()}",
                "Model": model,
                "Made by": f"aecli {version('aecli')}",
            }
        )
        yield from distribution(self._scores, header.threshold)
        if has_maps(self._detector, self._model):
            yield self._legend()

    def _threshold_source(self) -> str:
        """Return what the threshold rests on, unless the user gave it."""
        header = self._detector.header
        if header.quantile is None and header.basis is None:
            return ""
        return f", from {basis_text(header)} ({header.normal.word})"

    def _anomalies_text(self) -> str:
        return counted(self._anomalies, "anomaly", "anomalies")

    def _legend(self) -> str:
        from PIL import Image

        content = BytesIO()
        colors = palette()[None, :SHADES]
        ground = np.full((1, SHADES, 3), float(LEGEND_GRAY))
        opacity = colors[..., 3:] / 255
        pixels = np.rint(ground * (1 - opacity) + colors[..., :3] * opacity).astype(np.uint8)
        Image.fromarray(pixels).save(content, format="PNG")
        bar = Picture("png", content.getvalue(), (SHADES, 1))
        return (
            f'<p class="legend"><span>usual, {self._scale.start:.3g}</span><img src="{bar.source}" alt="">'
            f'<span>{self._scale.end:.3g}</span><span class="outline"></span><span>{self._scale.meaning}</span></p>'
        )

    def _tools(self) -> Iterator[str]:
        total = len(self._scores)
        yield f"<noscript><p>These are up to {SHOWN} images with the highest scores. To see the others, to filter and"
        yield "to enlarge, allow scripts.</p></noscript>"
        yield '<div class="tools" hidden>'
        yield '<div class="filters" role="group" aria-label="Show">'
        for label, verdict, count in (
            ("All", "", total),
            ("Anomalies", "anomaly", self._anomalies),
            ("Normal", "normal", total - self._anomalies),
        ):
            pressed = "true" if not verdict else "false"
            yield f'<button type="button" data-verdict="{verdict}" aria-pressed="{pressed}">{label} {count:,}</button>'
        yield "</div>"
        yield '<select id="sort" aria-label="Sort by" autocomplete="off">'
        for value, label in (
            ("highest", "Highest score first"),
            ("lowest", "Lowest score first"),
            ("name", "By name"),
            ("verdict", "By verdict"),
        ):
            yield f'<option value="{value}">{label}</option>'
        yield "</select>"
        yield '<input id="find" type="search" placeholder="Find a name" aria-label="Find a name" autocomplete="off">'
        yield '<label><input id="colors" type="checkbox" checked autocomplete="off">Colors</label>'
        yield '<span id="shown" role="status"></span>'
        yield "</div>"
        if self._views < total:
            yield f"<p>The {self._views:,} images with the highest scores can be enlarged.</p>"
        yield '<ul id="items">'

    def _viewer(self) -> Iterator[str]:
        yield '<dialog id="viewer" aria-label="Enlarged image">'
        yield '<div class="bar"><div><p id="viewer-numbers" class="numbers"></p><p id="viewer-name"></p></div>'
        yield '<button type="button" id="close">Close</button></div>'
        yield '<div id="stage" class="stage"></div>'
        yield '<div class="bottom">'
        yield (
            f'<p id="viewer-note">This is the thumbnail: only the {self._views:,} images with the highest scores are '
            "kept at a larger size, so that the page stays small.</p>"
        )
        yield '<div class="steps"><button type="button" id="previous" aria-label="Previous image">←</button>'
        yield '<span id="position"></span>'
        yield '<button type="button" id="next" aria-label="Next image">→</button>'
        yield '<button type="button" id="viewer-colors">Colors</button></div>'
        yield "</div>"
        yield "</dialog>"


def _failures(failures: Sequence[Failure], failed: int) -> Iterator[str]:
    if not failed:
        return
    yield f"<details><summary>{counted(failed, 'image')} could not be read</summary><ul>"
    for failure in failures:
        yield f"<li>{text(failure.name)}: {text(failure.reason)}</li>"
    if failed > len(failures):
        yield f"<li>and {failed - len(failures):,} more</li>"
    yield "</ul></details>"


def _layers(pictures: Sequence[Picture]) -> str:
    """Return the image and the colors that lie on it."""
    return "".join(
        f'<img{" class=overlay" if layer else ""} src="{picture.source}" width="{picture.size[0]}" '
        f'height="{picture.size[1]}" alt="" loading="lazy" decoding="async">'
        for layer, picture in enumerate(pictures)
    )
