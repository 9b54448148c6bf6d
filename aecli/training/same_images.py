"""Check that a run is resumed with the images that it was started with, and with the same split."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from aecli.checkpoint import CheckpointHeader
from aecli.data import UNLABELED, hold_out
from aecli.errors import InputError
from aecli.storage.fingerprints import fingerprint
from aecli.training.request import TrainingRequest
from aecli.training.subsets import Subset

SPLIT = "split"


def image_fingerprints(request: TrainingRequest) -> dict[str, str]:
    """Return the fingerprints of the images of a training, by stage, and of their split.

    Both stages may have the same set of images; the split then says which of them are held out.
    """
    sources = {"training": request.images.source, "validation": request.validation.source}
    fingerprints = {stage: source.fingerprint for stage, source in sources.items()}
    return fingerprints | {SPLIT: _split_fingerprint(request.validation.indices)}


def split_of_0_1(request: TrainingRequest) -> str:
    """Return the fingerprint of the split that version 0.1 made of these images, whose training states have none.

    It held out images of a path at random by the seed, as those of a named data set still are.
    """
    images, validation, training = request.images.images, request.validation, request.recipe.training
    if validation.images.images is not images.images:  # the validation images are a set of their own
        return _split_fingerprint(validation.indices)
    labels = len(images) if images.labels is None else images.labels
    _, held_out = hold_out(labels, training.validation_fraction, training.seed)
    if request.recipe.task == "classifier":
        held_out = held_out[Subset(images, held_out).labels != UNLABELED]
    return _split_fingerprint(held_out)


def _split_fingerprint(held_out: NDArray[np.int64]) -> str:
    return fingerprint([held_out.astype("<i8").tobytes()])


def require_images_of(header: CheckpointHeader, request: TrainingRequest) -> None:
    """Check that a training has the images that a finished run was trained on.

    Raises:
        InputError: the images of a stage differ.
    """
    images, validation = request.images.source, request.validation.source
    earlier = {"training": header.data.fingerprint, "validation": header.validation.fingerprint}
    require_same_images(earlier, {"training": images.fingerprint, "validation": validation.fingerprint})


def require_same_images(earlier: Mapping[str, str | None], fingerprints: Mapping[str, str]) -> None:
    """Check that a run resumes with its images and its split, by their fingerprints.

    Raises:
        InputError: the images of a stage differ, or they are divided differently.
    """
    for name, expected in fingerprints.items():
        if earlier.get(name) == expected:
            continue
        if name == SPLIT:
            raise _other_split()
        raise InputError(
            f"the {name} images differ from those of the run to resume",
            hint="resume with the same images, or start again with --overwrite",
        )


def _other_split() -> InputError:
    """Return the error of a run that would go on to train on images that it has validated on."""
    return InputError(
        "the images are divided into training and validation images in another way than in the run to resume",
        hint="the division follows the names of the images: name them by the paths of the first command, or start "
        "again with --overwrite; a run of aecli 0.1 resumes with that version",
    )
