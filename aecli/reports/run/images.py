"""The images that a report on a run shows: the validation images, or those that the user names."""

from dataclasses import dataclass, field

import numpy as np

from aecli.analyses.sampling import draw_sample
from aecli.data import DataOptions, DataRef, ImageSet, load
from aecli.errors import AecliError
from aecli.inference.model import conversion_of
from aecli.inference.training_overlap import TrainedModel, training_overlap
from aecli.reports.held_out import divided, validation_images
from aecli.reports.run.not_measured import NotMeasured
from aecli.runtime.counting import counted
from aecli.runtime.progress import Progress

MOST = 20_000
"""The most images that are measured; of more, a stratified sample of so many."""


@dataclass(frozen=True)
class ReportImages:
    """The images that are measured, and what they are."""

    images: ImageSet
    loaded: ImageSet = field(repr=False)
    """All images of the DATA word, before some were selected."""
    description: str
    """Such as `400 validation images of mnist5k:train, which the model was not trained on`."""
    note: str | None
    """What to know about them."""
    trained: int | None
    """How many of them the model was trained on; None if it does not remember its training images."""
    warnings: tuple[str, ...] = ()


def report_images(
    model: TrainedModel, data: DataRef | None, seed: int, options: DataOptions, progress: Progress
) -> ReportImages | NotMeasured:
    """Read the images `data`, or the validation images of the model if it is None.

    Validation images that cannot be read are not errors.

    Raises:
        InputError: the images `data` cannot be read.
        UnavailableError: the data set `data` or a package is not available.
    """
    conversion = conversion_of(model.header)
    if data is not None:
        loaded = load(data, options, conversion, skip_damaged=True, progress=progress)
        overlap = training_overlap(model, loaded)
        return _sampled(loaded, loaded, _named(loaded), None, overlap.trained_images, overlap.warnings, seed)
    try:
        loaded = load(model.header.validation.word, options, conversion, skip_damaged=True, progress=progress)
    except AecliError as error:
        return NotMeasured(error.message)
    warnings = []
    if loaded.fingerprint != model.header.validation.fingerprint:
        warnings.append(f"the images of {loaded.word} have changed since the training")
    kept = validation_images(model, loaded)
    description, note = _description(model, kept, loaded), _note(model)
    return _sampled(kept, loaded, description, note, _trained(model, kept), tuple(warnings), seed)


def training_images(
    model: TrainedModel, images: ReportImages, options: DataOptions, progress: Progress
) -> ImageSet | NotMeasured:
    """Return the images that the model was trained on; those of its DATA word if `images` are of another one.

    The reason is returned if they cannot be read, or if it is unknown which these are.
    """
    header = model.header
    try:
        loaded = images.loaded
        if loaded.word != header.data.word:
            loaded = load(header.data.word, options, conversion_of(header), skip_damaged=True, progress=progress)
    except AecliError as error:
        return NotMeasured(error.message)
    parts = divided(model, loaded)
    if parts is not None:
        return loaded.take(parts.trained) if len(parts.trained) else NotMeasured(f"{loaded.word} has no training image")
    if loaded.fingerprint == images.loaded.fingerprint:
        return NotMeasured("a model of aecli 0.1 does not remember which images it was trained on")
    return loaded


def _sampled(
    images: ImageSet,
    loaded: ImageSet,
    description: str,
    note: str | None,
    trained: int | None,
    warnings: tuple[str, ...],
    seed: int,
) -> ReportImages:
    if images.tiles is None and len(images) > MOST:
        description = f"a random sample of {MOST:,} of {description}"
        images = images.take(draw_sample(images.labels, len(images), MOST, seed))
    return ReportImages(images, loaded, description, note, trained, warnings)


def _named(images: ImageSet) -> str:
    return f"{counted(images.image_count, 'image')} of {images.word}" + _tiles(images)


def _tiles(images: ImageSet) -> str:
    return "" if images.tiles is None else f", in {counted(len(images), 'tile')}"


def _description(model: TrainedModel, kept: ImageSet, loaded: ImageSet) -> str:
    header = model.header
    if header.validation.word != header.data.word:
        return f"the {counted(kept.image_count, 'validation image')} of {kept.word}" + _tiles(kept)
    if len(kept) == len(loaded):
        return f"all {counted(loaded.image_count, 'image')} of {loaded.word}" + _tiles(loaded)
    kind = "validation image" if kept.image_count == header.validation.images else "image"
    return f"the {counted(kept.image_count, kind)} of {kept.word}{_tiles(kept)}, which the model was not trained on"


def _note(model: TrainedModel) -> str | None:
    header = model.header
    if header.validation.word != header.data.word or model.trained_images is not None:
        return None
    return "training images are among them, as a model of aecli 0.1 does not remember which these are"


def _trained(model: TrainedModel, images: ImageSet) -> int | None:
    return None if model.trained_images is None else int(np.count_nonzero(model.trained_images.contains(images.images)))
