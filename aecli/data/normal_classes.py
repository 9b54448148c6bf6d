"""Find the classes of normal and of anomalous test images where all training images are normal, as in MVTec AD."""

from dataclasses import replace

import numpy as np

from aecli.data.classes import occurring_classes
from aecli.data.options import DataOptions
from aecli.data.registry import DataRef
from aecli.data.source import ImageFiles
from aecli.runtime.progress import silent

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
    classes = set(occurring_classes(test))
    normal = classes.intersection(occurring_classes(ref.source.read("train", options, silent)))
    if not normal and isinstance(test, ImageFiles) and test.masks is not None:
        marked = [index for index, masks in enumerate(test.masks) if masks]
        normal = classes.difference(occurring_classes(test.take(np.array(marked, np.int64))))
    if not normal:
        normal = {name for name in classes if name.lower() in NORMAL_NAMES}
    anomalous = classes - normal
    selectable = not any("," in name or name.startswith("-") for name in classes)
    if not normal or not anomalous or not selectable:
        return None
    test_ref = replace(ref, split="test")
    return replace(test_ref, classes=",".join(sorted(normal))), replace(test_ref, classes=",".join(sorted(anomalous)))
