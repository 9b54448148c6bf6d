"""Images of the run's page: with their reconstructions, with their classes, or with the map of their scores."""

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from aecli.codes.psnr import psnr
from aecli.detection.inspection import Detection
from aecli.pages import charts
from aecli.pages.blocks import beside, encoded, figure, gallery, image, paragraph, picture, strip, table
from aecli.pages.document import text
from aecli.pages.run.section import Section
from aecli.plots.color_scale import ColorScale, color_scale
from aecli.plots.inspected_view import view_of
from aecli.reports.run.classification import Classifications, Classified
from aecli.reports.run.reconstructions import Reconstruction, Reconstructions
from aecli.reports.run.scores import Scores

SIDE = 224
"""The most pixels of a side of an image on the page."""
SMALL = 64
"""Images of at most so many pixels on a side keep their pixels sharp."""
TITLES = {
    "best": "Best",
    "middle": "Middle",
    "worst": "Worst",
    "errors": "Errors, the most certain first",
    "right": "Classified correctly, the least certain first",
    "uncertain": "The least certain first",
}
MOST_CLASSES = 40
"""With more classes, the page has no confusion matrix."""


def reconstructions_section(measured: Reconstructions, description: str) -> Section:
    """Return the errors of all images, and the best, middle and worst reconstructions."""
    mse = measured.mse
    mean = float(mse.mean())
    low, middle, high = np.quantile(mse, [0.05, 0.5, 0.95])
    sentence = (
        f"Of {description}: mean squared error {mean:,.1f} gray levels², a PSNR of {psnr(mean):.1f} dB. The median is "
        f"{middle:,.1f}; 90% of the images lie between {low:,.1f} and {high:,.1f}. Each example is an image, its "
        "reconstruction and their difference, brighter where it is larger."
    )
    largest = max((float(each.difference.max()) for each in chain(*measured.examples.values())), default=1.0)
    drawn = []
    if len(mse) >= 20 and mse.max() > mse.min():
        drawn.append(charts.histogram({"": mse}, "mean squared error", "distribution of the errors of all images"))
    body = [beside([paragraph(sentence)], drawn)]
    for kind, group in measured.examples.items():
        body.append(f"<h3>{TITLES[kind]}</h3>")
        body.append(gallery(_reconstruction(each, largest) for each in group))
    return Section("reconstructions", "Reconstructions", body)


def classification_section(measured: Classifications, description: str) -> Section:
    """Return accuracy, confusions and errors of a classifier."""
    body = []
    if measured.accuracy is None:
        body.append(paragraph(f"Of {description}, no class is known."))
    else:
        value = measured.accuracy
        body.append(
            paragraph(
                f"Of {description}, {value.value:.2%} are classified correctly (95% interval {value.low:.2%} to "
                f"{value.high:.2%})."
            )
        )
        body += _confusions(measured)
    for kind, group in measured.examples.items():
        body.append(f"<h3>{TITLES[kind]}</h3>")
        body.append(gallery(map(_classified, group), "narrow") if group else paragraph("None."))
    return Section("classification", "Classification", body)


def scores_section(measured: Scores, description: str) -> Section:
    """Return the scores of all images by a model of features, and images with their maps."""
    header = measured.detector.header
    sentence = (
        f"Of {description}, {measured.above:,} lie above the threshold {header.threshold:.4g} of score {header.score}. "
        "Colors mark where an image is unusual."
    )
    drawn = []
    if len(measured.scores) >= 20:
        line = ("threshold", header.threshold)
        drawn.append(charts.histogram({"": measured.scores}, header.score, "distribution of the scores", line))
    body = [beside([paragraph(sentence)], drawn)]
    scale = color_scale(measured.detector)
    titles = {"best": "Lowest scores", "middle": "Middle", "worst": "Highest scores"}
    for kind, group in measured.examples.items():
        body += [f"<h3>{titles[kind]}</h3>", detections(group, scale)]
    return Section("scores", "Scores", body)


def detections(group: Sequence[Detection], scale: ColorScale) -> str:
    """Return images with the map of their score, and the score."""
    return gallery((_detection(each, scale) for each in group), "narrow")


def _detection(detection: Detection, scale: ColorScale) -> str:
    view = view_of(detection, scale, SIDE)
    drawn = image(encoded(view.combined(), SIDE), detection.path, is_small=view.is_enlarged)
    return figure(drawn, f"score {detection.score:.4g}: {detection.path}")


def _reconstruction(each: Reconstruction, largest: float) -> str:
    is_small = max(each.image.shape) <= SMALL
    difference = 255 * each.difference[None] / max(largest, 1e-9)
    images: list[tuple[NDArray[np.generic], str]] = [
        (each.image, each.name),
        (each.restored, f"reconstruction of {each.name}"),
        (difference, f"difference of {each.name} and its reconstruction"),
    ]
    drawn = strip(image(picture(pixels, SIDE), name, is_small=is_small) for pixels, name in images)
    label = f", class {each.label}" if each.label is not None else ""
    return figure(drawn, f"error {each.mse:,.1f} ({each.psnr:.1f} dB): {each.name}{label}")


def _classified(each: Classified) -> str:
    is_small = max(each.image.shape) <= SMALL
    drawn = strip([image(picture(each.image, SIDE), each.name, is_small=is_small)])
    truth = "" if each.label is None or each.label == each.predicted else f", not {each.label}"
    return figure(drawn, f"{each.predicted} {each.probability:.0%}{truth}: {each.name}")


def _confusions(measured: Classifications) -> Iterator[str]:
    names = measured.class_names
    if len(names) <= MOST_CLASSES:
        yield charts.confusion(measured.confusion, names, "numbers of images by true and predicted class")
    rows = []
    recalls = measured.recalls
    order = sorted(range(len(names)), key=lambda label: 2.0 if (recall := recalls[label]) is None else recall.value)
    for label in order:
        recall, counts = recalls[label], measured.confusion[label].copy()
        counts[label] = 0
        wrong = f"{names[int(counts.argmax())]} ({int(counts.max()):,})" if counts.any() else ""
        images = int(measured.confusion[label].sum())
        interval = "" if recall is None else f"{recall.low:.1%} to {recall.high:.1%}"
        rows.append([names[label], f"{images:,}", "" if recall is None else f"{recall.value:.1%}", interval, wrong])
    yield "<h3>Classes, the hardest first</h3>"
    yield table(["class", "images", "correct", "95% interval", "most often taken for"], rows)


def missing(anchor: str, title: str, reason: str) -> Section:
    """Return a section that says why it is empty."""
    return Section(anchor, title, [f'<p class="caution">Not measured: {text(reason)}.</p>'])
