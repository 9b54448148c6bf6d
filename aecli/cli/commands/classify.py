"""`aecli classify`."""

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aecli.cli.command import examples
from aecli.cli.console import Console, counted
from aecli.cli.options import DataArg, DeviceOpt
from aecli.data.options import DataOptions
from aecli.errors import ExitStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aecli.analyses.classification import Classification
    from aecli.data import ImageSet

EXAMPLES = examples(
    "aecli classify mnist5k:test --model run",
    "aecli classify photos/ --model run --labels-from prefix --json > labels.jsonl",
)
COLUMNS = ["name", "label", "probability", "true label"]
ClassifierOpt = Annotated[
    Path,
    typer.Option(
        "--model",
        "-m",
        metavar="MODEL",
        help="A run folder of a classifier, or its model.safetensors.",
        show_default=False,
    ),
]


def classify(
    data: DataArg,
    model: ClassifierOpt,
    data_options: DataOptions,
    console: Console,
    device: DeviceOpt = "auto",
) -> None:
    """Say of what class each image is, one line each: name, label, probability, true label where it is known."""
    from aecli import inference
    from aecli.checkpoint import resolve_checkpoint
    from aecli.data import load, matched_labels, resolve

    checkpoint, ref = resolve_checkpoint(model), resolve(data)

    from aecli.analyses.classification import most_probable

    loaded = inference.load_classifier(checkpoint, device=device)
    with console.progress() as progress:
        images = load(ref, data_options, image_shape=loaded.image_shape, skip_damaged=True, progress=progress)
        truth = matched_labels(images, loaded.class_names)
        started = time.monotonic()
        found = most_probable(loaded.classify(images.images, progress), truth)
        seconds = time.monotonic() - started

    console.report_notes(images.notes, images.failures)
    console.lines(COLUMNS).show(list(_rows(images, found, loaded.class_names)))
    rate = len(images) / max(seconds, 1e-9)
    console.summary(
        f"{counted(len(images), 'image')} of {images.word}, {rate:,.0f} images/s; {_accuracy(images, found)}",
        {"images": len(images), "failed": len(images.failures), "known": found.known, "right": found.right}
        | {"accuracy": asdict(found.accuracy) if found.accuracy else None, "images_per_second": round(rate, 1)},
    )
    if images.failures:
        raise typer.Exit(ExitStatus.PARTIAL)


def _rows(
    images: "ImageSet", found: "Classification", class_names: tuple[str, ...]
) -> "Iterator[tuple[list[str] | None, dict[str, Any]]]":
    truths = [-1] * len(images) if images.labels is None else images.labels.tolist()
    columns = (images.names.tolist(), found.labels.tolist(), found.probabilities.tolist(), truths)
    for name, label, probability, truth in zip(*columns, strict=True):
        document = {"name": name, "label": class_names[label], "probability": probability}
        if truth != -1:
            document["true_label"] = images.class_names[truth]
        yield [name, class_names[label], f"{probability:.4f}", document.get("true_label", "")], document
    for failure in images.failures:
        yield None, {"name": failure.name, "error": failure.reason}


def _accuracy(images: "ImageSet", found: "Classification") -> str:
    accuracy = found.accuracy
    if accuracy is not None:
        bounds = f"{accuracy.low:.4f} to {accuracy.high:.4f}"
        return f"accuracy {accuracy.value:.4f} ({bounds}), {found.right:,} of {found.known:,} right"
    return "accuracy unknown: " + ("no labels" if images.labels is None else "no class that the model knows")
