"""`aecli classify`."""

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aecli.cli.command import examples
from aecli.cli.options import DataArg, DeviceOpt
from aecli.cli.table_console import TableConsole
from aecli.cli.tables import Column
from aecli.data.options import DataOptions
from aecli.errors import ExitStatus
from aecli.runtime.counting import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aecli.analyses.classification import Classification
    from aecli.data import ImageSet

EXAMPLES = examples(
    "aecli classify mnist5k:test --model run",
    "aecli classify photos/ --model run --labels-from prefix --json > labels.jsonl",
)
COLUMNS = [Column("name"), Column("label"), Column("probability", format=".4f"), Column("true_label")]
ClassifierOpt = Annotated[
    Path,
    typer.Option(
        "--model",
        "-m",
        metavar="MODEL",
        help="Run folder of a classifier, or its model.safetensors.",
        show_default=False,
    ),
]


def classify(
    data: DataArg,
    model: ClassifierOpt,
    data_options: DataOptions,
    console: TableConsole,
    device: DeviceOpt = "auto",
) -> None:
    """Classify images, one line each: name, predicted class, its probability, and the true class if known."""
    from aecli import inference
    from aecli.checkpoint import resolve_checkpoint
    from aecli.data import load, matched_labels, resolve

    checkpoint, ref = resolve_checkpoint(model), resolve(data)

    from aecli.analyses.classification import most_probable
    from aecli.inference.training_overlap import training_overlap

    loaded = inference.load_classifier(checkpoint, device=device)
    with console.progress() as progress:
        images = load(ref, data_options, loaded.conversion, skip_damaged=True, progress=progress)
        truth = matched_labels(images, loaded.class_names)
        started = time.monotonic()
        predicted = most_probable(loaded.classify(images.images, progress), truth)
        seconds = time.monotonic() - started

    console.report_images(images)
    lines = console.lines(COLUMNS)
    lines.show(list(_rows(images, predicted, loaded.class_names)))
    lines.finish()
    overlap = training_overlap(loaded, images)
    if predicted.known:
        for warning in overlap.warnings:
            console.warn(warning)
    rate = len(images) / max(seconds, 1e-9)
    console.summary(
        f"{counted(len(images), 'image')} of {images.word}, {rate:,.0f} images/s; {_accuracy(images, predicted)}",
        {"images": len(images), "failed": len(images.failures), "known": predicted.known, "right": predicted.right}
        | {"trained_images": overlap.trained_images}
        | {"accuracy": asdict(predicted.accuracy) if predicted.accuracy else None, "images_per_second": round(rate, 1)},
    )
    if images.failures:
        raise typer.Exit(ExitStatus.PARTIAL)


def _rows(images: "ImageSet", predicted: "Classification", class_names: tuple[str, ...]) -> "Iterator[dict[str, Any]]":
    truths = [-1] * len(images) if images.labels is None else images.labels.tolist()
    columns = (images.names.tolist(), predicted.labels.tolist(), predicted.probabilities.tolist(), truths)
    for name, label, probability, truth in zip(*columns, strict=True):
        document = {"name": name, "label": class_names[label], "probability": probability}
        if truth != -1:
            document["true_label"] = images.class_names[truth]
        yield document
    for failure in images.failures:
        yield {"name": failure.name, "error": failure.reason}


def _accuracy(images: "ImageSet", predicted: "Classification") -> str:
    accuracy = predicted.accuracy
    if accuracy is not None:
        bounds = f"{accuracy.low:.4f} to {accuracy.high:.4f}"
        return f"accuracy {accuracy.value:.4f} ({bounds}), {predicted.right:,} of {predicted.known:,} correct"
    reason = "no labels" if images.labels is None else "no label is a class of the model"
    return f"accuracy unknown: {reason}"
