"""What the codes are worth: their map, their classes with few labels, and the bytes that they need."""

from collections.abc import Iterator

import numpy as np

from aecli.analyses.compression.bd_rate import worth_using
from aecli.analyses.compression.measurement import Row
from aecli.analyses.embedding import Embedding
from aecli.data import ImageSet
from aecli.pages import charts
from aecli.pages.blocks import beside, folded, paragraph, table
from aecli.pages.charts import Axis, Series
from aecli.pages.explorer import explorer
from aecli.pages.run.section import Section
from aecli.plots.embedding import panel
from aecli.reports.run.few_labels import FewLabels
from aecli.reports.run.sizes import Sizes
from aecli.runtime.counting import counted

FEATURES = {"codes": "codes", "pixels": "pixels", "pca": "PCA of the pixels"}
LOSSLESS = frozenset(["PNG", "WebP lossless"])
SHOWN = frozenset(["JPEG 30", "JPEG 75", "JPEG 75 4:4:4", "WebP 25", "WebP 75", "AVIF 35", "AVIF 65", "AVIF 65 4:4:4"])
"""The settings of other formats in the short table."""
RAW = "pixels"


def embedding_section(embedding: Embedding, images: ImageSet) -> Section:
    """Return the map of the codes, to explore; `images` are those of all codes, in the same order."""
    drawn, total = len(embedding.indices), len(embedding.codes)
    part = f"all {total:,}" if drawn == total else f"{drawn:,} of {total:,}"
    sentence = f"A map of {part} codes by {embedding.method}: images with similar codes lie close to each other."
    shown = panel(embedding.codes.meta.data, embedding, images.images, np.arange(len(images)))
    fragment = explorer([shown], [embedding])
    return Section("codes", "Codes", [paragraph(sentence), fragment.markup], fragment.styles, fragment.scripts)


def few_labels_section(measured: FewLabels) -> Section:
    """Return the accuracies with few labels."""
    columns = list(dict.fromkeys(row.features for row in measured.accuracies))
    rows = []
    for labels in dict.fromkeys(row.labels for row in measured.accuracies):
        cells = {row.features: row for row in measured.accuracies if row.labels == labels}
        texts = []
        for name in columns:
            row = cells[name]
            spread = "" if row.standard_deviation is None else f" ± {row.standard_deviation:.1%}"
            texts.append(f"{row.mean:.1%}{spread}")
        rows.append([f"{labels:,}", *texts])
    draws = len(measured.accuracies[0].draws)
    sentence = (
        f"{measured.description} by the nearest labeled neighbor. Means and standard deviations of "
        f"{counted(draws, 'draw')} of labels; aecli knn-probe compares more methods."
    )
    head = ["labels", *(FEATURES[name] for name in columns)]
    return Section("labels", "Few labels", [paragraph(sentence), table(head, rows)])


def sizes_section(measured: Sizes) -> Section:
    """Return the bytes that images need as codes, and as files of image formats."""
    title = "Rate and distortion" if measured.is_codec else "Bytes"
    sentence = (
        f"Measured on {counted(measured.images, 'image')} as the model takes them, without the decoder. "
        f"{measured.summary[:1].upper()}{measured.summary[1:]}. aecli compress-report measures all images, and more "
        "formats."
    )
    body = [beside([paragraph(sentence)], _chart(measured))]
    rows = [row for row in measured.report.rows if _is_shown(row, measured)]
    body.append(_table(rows, measured))
    lines = measured.comparison_lines
    if lines:
        items = "".join(paragraph(f"{line}.") for line in lines)
        body.append(folded("Compared with each format", items))
    return Section("bytes", title, body)


def _chart(measured: Sizes) -> Iterator[str]:
    families = [measured.model, *(name for name in ("JPEG", "WebP", "AVIF"))]
    series = []
    for color, family in enumerate(families):
        rows = [row for row in measured.report.rows if row.family == family and row.quality.mse > 0]
        points = sorted((row.bits_per_pixel, row.quality.psnr) for row in rows)
        if points:
            rates, qualities = zip(*(points if family == measured.model else worth_using(points)), strict=True)
            series.append(Series(family, rates, qualities, has_dots=True, color=color))
    if len(series) > 1:
        x = Axis.around("bits per pixel", [value for each in series for value in each.x], is_log=True)
        y = Axis.around("PSNR, dB", [value for each in series for value in each.y])
        yield charts.line_chart(series, x, y, "PSNR against bits per pixel of the model and of image formats")


def _is_shown(row: Row, measured: Sizes) -> bool:
    """Return whether a row is in the short table: the model, lossless formats, and some qualities of others."""
    if row.family in {measured.model, RAW} or row.family in LOSSLESS or row.method == "codes, float32":
        return True
    return row.method in SHOWN


def _table(rows: list[Row], measured: Sizes) -> str:
    cells = [
        [
            row.method,
            f"{row.bytes_per_image:,.1f}",
            f"{row.bits_per_pixel:.3f}",
            f"{row.saved_percent:.1f}%",
            f"{row.quality.psnr:.1f}",
            f"{row.quality.ssim:.3f}",
        ]
        for row in rows
    ]
    strong = [index for index, row in enumerate(rows) if row.family == measured.model]
    return table(["method", "bytes per image", "bits per pixel", "saved", "PSNR, dB", "SSIM"], cells, strong)
