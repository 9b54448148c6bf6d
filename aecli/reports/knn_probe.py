"""How well codes separate classes, beside the pixels of the same images, their PCA and an untrained network."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from aecli.analyses.knn_probe.features import Features, code_features, count_shared, pca_features, pixel_features
from aecli.analyses.knn_probe.labeled_draws import match_labels
from aecli.analyses.knn_probe.options import KNNProbeOptions
from aecli.analyses.knn_probe.probe import ProbeResult, probe
from aecli.codes import Codes
from aecli.data import ImageSet
from aecli.errors import AecliError
from aecli.inference.training_overlap import overlap_warning
from aecli.runtime.counting import counted
from aecli.runtime.progress import Progress, silent


@dataclass(frozen=True)
class CodesProbe:
    """The accuracies of codes and of the features that they are compared with."""

    result: ProbeResult
    dimensions: Mapping[str, int]
    """The number of dimensions of each kind of features, by name."""
    notes: tuple[str, ...] = ()
    """Features that are left out, with the reason."""


def probe_codes(
    train: Codes,
    test: Codes,
    options: KNNProbeOptions,
    read_images: Callable[[], Sequence[ImageSet]] | None = None,
    *,
    with_untrained: bool = False,
    progress: Progress = silent,
) -> CodesProbe:
    """Classify test codes by a few labeled training codes, and the images of both likewise, if they can be read.

    Args:
        train: The codes whose labels are drawn.
        test: Codes of other images by the same model.
        options: The numbers of labels, the draws and the methods.
        read_images: Returns the images of the training codes and those of the test codes, in the order of the codes;
            None for codes only.
        with_untrained: Whether to classify the codes of the same network with random weights, too.
        progress: Reports the images that are encoded, and the draws by which codes are classified.

    Raises:
        InputError: the codes come from different models or from the same images, or some of them have no label at all.
        UsageError: more labels are requested than available, or fewer than the number of neighbors.
    """
    features = {"codes": code_features(train, test)}
    labels = match_labels(train, test)
    options.label_counts(labels.available)  # raises if too many are requested, before images are read
    notes: list[str] = []
    if read_images is not None:
        features |= _baselines(features["codes"], train, read_images, notes, progress, with_untrained=with_untrained)
    result = probe(features, labels, options, progress)
    return CodesProbe(result, {name: vectors.dimensions for name, vectors in features.items()}, tuple(notes))


def probe_warnings(train: Codes, test: Codes) -> list[str]:
    """Return warnings if test images are training images of the probe or of the model, with their number.

    Raises:
        InputError: the codes come from different models or from the same images.
    """
    warnings = []
    if shared := count_shared(code_features(train, test)):
        are_equal = counted(shared, "test code is", "test codes are")
        warnings.append(f"{are_equal} equal to a training code: are images shared?")
    if warning := overlap_warning(test.meta.trained_images, len(test), test.meta.data):
        warnings.append(warning)
    return warnings


def _baselines(
    codes: Features,
    train: Codes,
    read_images: Callable[[], Sequence[ImageSet]],
    notes: list[str],
    progress: Progress,
    *,
    with_untrained: bool,
) -> dict[str, Features]:
    """Return the features that codes are compared with; add a note on those that are not available."""
    try:
        images = [each.images for each in read_images()]
    except AecliError as error:
        notes.append(f"only codes are probed, without pixels and PCA: {error.message}")
        return {}
    pixels = pixel_features(*images)
    features = {"pixels": pixels, "pca": pca_features(pixels, codes.dimensions)}
    if with_untrained:
        from aecli.inference.untrained import untrained_encoder, untrained_vectors

        try:
            model = untrained_encoder(train.meta)
        except AecliError as error:
            notes.append(f"no untrained network is probed: {error.message}")
        else:
            features["untrained"] = Features(*(untrained_vectors(model, each, progress) for each in images))
    return features
