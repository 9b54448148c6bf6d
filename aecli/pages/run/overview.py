"""What the run is: its model, its data, its most important figures, its curves, its recipe and its commands."""

from collections.abc import Iterator, Mapping, Sequence

import tomli_w

from aecli.checkpoint.run_folder import EpochMetrics
from aecli.data.classes import classes_text
from aecli.data.shapes import color_text, shape_text, size_text
from aecli.pages import charts
from aecli.pages.blocks import beside, facts, folded, measures, paragraph
from aecli.pages.charts import Axis, Series
from aecli.pages.document import text
from aecli.pages.run.section import Section
from aecli.reports.run.measured import MeasuredRun
from aecli.reports.run.not_measured import NotMeasured
from aecli.runtime.counting import counted
from aecli.storage.fingerprints import short_fingerprint
from aecli.storage.header import versions_text

NEAR = 3
"""A reference loss that is further outside the range of the losses than this factor would flatten the curves."""
KINDS = {"autoencoder": "autoencoder", "classifier": "classifier", "features": "model of features"}


def lead(run: MeasuredRun) -> str:
    """Return the sentence below the title."""
    header = run.files.header
    kind = "codec" if header.is_codec else KINDS[header.task]
    article = "An" if kind[0] in "ae" else "A"
    return paragraph(
        f"{article} {kind} ({header.architecture}), trained on {header.data.title} "
        f"by aecli {header.versions.get('aecli', '')}".rstrip()
        + ".",
        "lead",
    )


def key_figures(run: MeasuredRun) -> str:
    """Return the figures that one looks for first."""
    header, training = run.files.header, run.files.header.training
    values = {"parameters": f"{header.parameters:,}"}
    if header.task != "classifier":
        values["code"] = shape_text(header.code_shape)
    if header.task != "features":
        values["validation loss"] = f"{training.val_loss:.4f}"
    if "mean_image" in training.references and training.references["mean_image"] > 0:
        values["of the mean image's loss"] = f"{training.val_loss / training.references['mean_image']:.1%}"
    if run.classifications is not None and run.classifications.accuracy is not None:
        values["accuracy"] = f"{run.classifications.accuracy.value:.2%}"
    if run.reconstructions is not None:
        values["mean squared error, gray levels²"] = f"{run.reconstructions.mse.mean():,.1f}"
    if run.few_labels is not None and not isinstance(run.few_labels, NotMeasured):
        row = run.few_labels.accuracies[-1]
        best = next(
            each for each in run.few_labels.accuracies if each.labels == row.labels and each.features == "codes"
        )
        values[f"k-NN accuracy with {row.labels:,} labels"] = f"{best.mean:.1%}"
    if run.detector is not None and run.detector.metrics.separation is not None:
        values["AUROC of the detector"] = f"{run.detector.metrics.auroc:.4f}"
    return measures(values)


def model_section(run: MeasuredRun) -> Section:
    """Return what the model is, and where it comes from."""
    files, header = run.files, run.files.header
    size = "any size" if run.files.recipe.model.image_size == "any" else f"{size_text(header.image_shape)} pixels"
    values = {
        "Run folder": str(files.folder.path),
        "Recipe": files.closest.text,
        "Images": f"{size}, {color_text(header.image_shape[0])}",
        "Trained on": header.data.description,
        "Validated on": header.validation.title,
        "Classes": classes_text(header.class_names),
        "Model written": f"{files.written:%Y-%m-%d %H:%M} UTC",
        "Made by": versions_text(header.versions) or "an unknown version",
        "Fingerprint": short_fingerprint(files.fingerprint),
        "This page shows": _shown(run),
    }
    return Section("model", "Model", [facts(values), *(paragraph(_sentence(note), "caution") for note in run.warnings)])


def training_section(run: MeasuredRun) -> Section | None:
    """Return the curves of the training; None for a model of features, which is fitted without epochs."""
    header, history = run.files.header, run.files.history
    training = header.training
    if header.task == "features":
        explained = (
            f"The features of a pretrained network ({header.arguments.get('backbone')}) are reduced to their principal "
            f"components, which explain {1 - training.train_loss:.1%} of the variance of training images and "
            f"{1 - training.val_loss:.1%} of that of validation images."
        )
        return Section("training", "Fit", [paragraph(explained)])
    steps = f" and {history[-1].step:,} steps" if history else ""
    sentence = (
        f"After {counted(training.epochs, 'epoch')}{steps}, the best epoch is {training.best_epoch}: training loss "
        f"{training.train_loss:.4f}, validation loss {training.val_loss:.4f}."
    )
    if training.references:
        sentence += f" To compare with, the validation losses of simpler models: {training.references_text}."
    losses_far = list(_beyond(history, training.references))
    return Section(
        "training", "Training", [beside([paragraph(sentence), *losses_far], _curves(history, training.references))]
    )


def recipe_section(run: MeasuredRun) -> Section:
    """Return the whole recipe, folded."""
    toml = tomli_w.dumps(run.files.recipe.to_dict())
    content = f"<pre>{text_lines(toml)}</pre>"
    changed = paragraph(f"Closest recipe that comes with aecli: {run.files.closest.text}.")
    return Section("recipe", "Recipe", [changed, folded("All keys", content)])


def commands_section(run: MeasuredRun) -> Section:
    """Return the commands that make the run again."""
    lines = "\n".join(run.files.commands)
    intro = (
        "<p>A run does not record what was typed. These commands are derived from its files: the recipe holds all "
        "settings except initial weights (<code>--init-from</code>), how images are read (such as "
        "<code>--labels-from</code>), and devices.</p>"
    )
    return Section("commands", "Commands", [intro, f'<pre class="commands">{text_lines(lines)}</pre>'])


def text_lines(lines: str) -> str:
    """Return several lines of text for HTML, each escaped."""
    return "\n".join(map(text, lines.splitlines()))


def _shown(run: MeasuredRun) -> str:
    if isinstance(run.images, NotMeasured):
        return f"no images: {run.images.reason}"
    return "; ".join(filter(None, [run.images.description, run.images.note]))


def _sentence(note: str) -> str:
    return f"{note[:1].upper()}{note[1:]}."


def _curves(history: Sequence[EpochMetrics], references: Mapping[str, float]) -> Iterator[str]:
    if not history:
        return
    epochs = [row.epoch for row in history]
    train, validation = [row.train_loss for row in history], [row.val_loss for row in history]
    yield _pair("loss", epochs, train, validation, _shown_references(history, references), is_log=True)
    if history[0].val_accuracy is not None:
        accuracies = [[getattr(row, f"{part}_accuracy") or 0.0 for row in history] for part in ("train", "val")]
        yield _pair("accuracy", epochs, accuracies[0], accuracies[1], {}, is_log=False)


def _beyond(history: Sequence[EpochMetrics], references: Mapping[str, float]) -> Iterator[str]:
    """Yield a paragraph that names the references outside of the chart."""
    far = references.keys() - _shown_references(history, references).keys()
    if history and far:
        names = ", ".join(name.replace("_", " ") for name in references if name in far)
        yield paragraph(f"Outside of the chart: {names}.", "muted")


def _shown_references(history: Sequence[EpochMetrics], references: Mapping[str, float]) -> dict[str, float]:
    losses = [loss for row in history for loss in (row.train_loss, row.val_loss)]
    low, high = min(losses, default=0.0), max(losses, default=0.0)
    return {name: loss for name, loss in references.items() if low / NEAR <= loss <= high * NEAR}


def _pair(
    what: str,
    epochs: Sequence[int],
    train: Sequence[float],
    validation: Sequence[float],
    references: Mapping[str, float],
    *,
    is_log: bool,
) -> str:
    y = Axis.around(what, [*train, *validation, *references.values()], is_log=is_log)
    x = Axis.around("epoch", epochs, is_whole=True, margin=0.02)
    series = [Series("training", epochs, train, color=0), Series("validation", epochs, validation, color=1)]
    description = f"{what} of training and validation images against epochs"
    named = {name.replace("_", " "): loss for name, loss in references.items()}
    return charts.line_chart(series, x, y, description, named)
