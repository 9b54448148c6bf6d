"""Check that a run is resumed with the images that it was started with."""

from collections.abc import Mapping

from aecli.checkpoint import CheckpointHeader
from aecli.errors import InputError
from aecli.training.request import TrainingRequest


def image_fingerprints(request: TrainingRequest) -> dict[str, str]:
    """Return the fingerprints of the images of a training, by stage."""
    sources = {"training": request.images.source, "validation": request.validation.source}
    return {stage: source.fingerprint for stage, source in sources.items()}


def require_images_of(header: CheckpointHeader, request: TrainingRequest) -> None:
    """Check that a training has the images that a finished run was trained on.

    Raises:
        InputError: the images of a stage differ.
    """
    earlier = {"training": header.data.fingerprint, "validation": header.validation.fingerprint}
    require_same_images(earlier, image_fingerprints(request))


def require_same_images(earlier: Mapping[str, str], fingerprints: Mapping[str, str]) -> None:
    """Check that a run resumes with its images, by their fingerprints at each stage.

    Raises:
        InputError: the images of a stage differ.
    """
    for stage, fingerprint in fingerprints.items():
        if earlier.get(stage) != fingerprint:
            raise InputError(
                f"the {stage} images differ from those of the run to resume",
                hint="resume with the same images, or start again with --overwrite",
            )
