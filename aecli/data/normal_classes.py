"""Find the classes of normal and of anomalous test images where all training images are normal, as in MVTec AD."""

from dataclasses import replace

import numpy as np

from aecli.data.options import DataOptions
from aecli.data.registry import DataRef
from aecli.data.source import ImageFiles, SourceContent
from aecli.runtime.progress import silent
from aecli.storage.labels import UNLABELED

NORMAL_NAMES = frozenset({"good", "normal", "ok"})
"""Names of the class of normal images where nothing else tells which it is."""


def normal_and_anomalous(ref: DataRef, options: DataOptions) -> tuple[DataRef, DataRef] | None:
    """Return the normal and the anomalous test images of a set; None if its classes do not tell them apart.

    Normal are the classes of the training images, if the test images have others, too. If the training images have none
    of the classes of the test images, normal are those without masks, or else those called `good`, `normal` or `ok`.
    A word that names a split or classes stands for these images, and not for a set.

    Raises:
        InputError: the data is damaged, or there is no image.
        UnavailableError: a package is not installed.
    """
    is_set = ref.split is None and ref.classes is None and not ref.is_named
    if not is_set or options.labels_from == "none" or not {"train", "test"} <= set(ref.source.splits()):
        return None
    test = ref.source.read("test", options, silent)
    classes = _classes(test)
    normal = classes & _classes(ref.source.read("train", options, silent))
    if not normal and isinstance(test, ImageFiles) and test.masks is not None:
        marked = [index for index, masks in enumerate(test.masks) if masks]
        normal = classes - _classes(test.take(np.array(marked, np.int64)))
    if not normal:
        normal = {name for name in classes if name.lower() in NORMAL_NAMES}
    anomalous = classes - normal
    selectable = not any("," in name or name.startswith("-") for name in classes)
    if not normal or not anomalous or not selectable:
        return None
    test_ref = replace(ref, split="test")
    return replace(test_ref, classes=",".join(sorted(normal))), replace(test_ref, classes=",".join(sorted(anomalous)))


def _classes(content: SourceContent) -> set[str]:
    if content.labels is None:
        return set()
    return {content.class_names[label] for label in np.unique(content.labels) if label != UNLABELED}
