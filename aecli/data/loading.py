"""From a DATA word to an `ImageSet`."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from aecli.data.decoding import decode_pictures
from aecli.data.image_set import ImageSet
from aecli.data.options import DataOptions, DatasetStatus
from aecli.data.registry import SPLITS, DataRef, named_sources, path_sources, resolve
from aecli.data.resize import fit
from aecli.data.shapes import NATIVE, Shape
from aecli.data.source import Arrays, Content, Pictures, Source
from aecli.data.splits import in_seeded_test
from aecli.errors import InputError, unknown
from aecli.runtime.progress import Progress, silent

DEFAULTS = DataOptions()


def load(
    word: str | DataRef,
    options: DataOptions = DEFAULTS,
    *,
    image_shape: Shape = NATIVE,
    training: bool = False,
    skip_damaged: bool = False,
    progress: Progress = silent,
) -> ImageSet:
    """Read the images that a DATA word means: `NAME[:SPLIT][@CLASSES]` or `PATH[:SPLIT][@CLASSES]`.

    SPLIT is `train`, `test` or `all`, and `val` where a folder has one. Without it everything is read; with
    `training` only the `train` split of a source that has splits. A path without splits of its own is split by a
    fixed seed, 80 % and 20 %, if one is asked for. CLASSES are names of classes, separated by commas: `@3,5` keeps
    the images of these, `@-3,5` those of all others.

    `image_shape` is the (C, H, W) that is asked for, None for what the images have. Color becomes gray by ITU-R
    601 luma, gray is repeated; the whole picture is resized by antialiased bilinear interpolation, its aspect is
    not kept; the result's `notes` tell. `skip_damaged` leaves unreadable pictures out, into `failures`.

    Raises:
        InputError: no such data, or it is damaged or does not fit.
        UnavailableError: the data set, a package or disk space is not here.
    """
    _check_shape(image_shape)
    content, named_word = content_of(word, options, training=training, progress=progress)
    return _finish(
        content, named_word, options=options, image_shape=image_shape, skip_damaged=skip_damaged, progress=progress
    )


def content_of(
    word: str | DataRef, options: DataOptions = DEFAULTS, *, training: bool = False, progress: Progress = silent
) -> tuple[Arrays | Pictures, str]:
    """Return what a DATA word means before pictures are decoded, and the word with its split: see `load`.

    Raises:
        InputError: no such data, or it is damaged.
        UnavailableError: the data set or a package is not here.
    """
    ref = resolve(word)
    source, plain_word = ref.source, ref.name
    own_splits = source.splits()
    split = _choose_split(source, plain_word, ref.split, training)
    if own_splits:
        content = source.read(split, options, progress)
    else:
        content = source.read("all", options, progress)
        if split != "all":
            known = len(content.names) if content.labels is None else content.labels
            content = content.take(np.flatnonzero(in_seeded_test(known) == (split == "test")))
    if options.labels_from == "none":
        content = replace(content, labels=None, class_names=())
    named_word = f"{plain_word}:{split}" if own_splits or split != "all" else plain_word
    if ref.classes is not None:
        content = content.take(_rows_of_classes(content, ref.classes, named_word))
        named_word = f"{named_word}@{ref.classes}"
    return content, named_word


def load_again(
    word: str,
    known_fingerprint: str,
    options: DataOptions = DEFAULTS,
    *,
    image_shape: Shape = NATIVE,
    progress: Progress = silent,
) -> ImageSet:
    """Read the images that a file of ours was made from: the word and the fingerprint are those in the file.

    Raises:
        InputError: they are not there any more, or have changed.
        UnavailableError: the data set, a package or disk space is not here.
    """
    images = load(word, options, image_shape=image_shape, skip_damaged=True, progress=progress)
    if images.fingerprint != known_fingerprint:
        raise InputError(f"the images of {word} have changed", hint="make the file again")
    return images


def _check_shape(image_shape: Shape) -> None:
    channels, *size = image_shape
    if channels not in (None, 1, 3) or any(side is not None and side < 1 for side in size):
        raise InputError(
            f"images have 1 or 3 channels and at least 1x1 pixels, not (channels, height, width) = {image_shape}"
        )


def _choose_split(source: Source, word: str, asked: str | None, training: bool) -> str:
    """The split in effect.

    Raises:
        InputError: the split that is asked for, or the one to train on, does not exist.
    """
    offered = source.splits() or ("train", "test")
    if asked is None:
        asked = "train" if training and source.splits() else "all"
    elif asked not in offered and asked not in SPLITS:
        raise InputError(f"unknown split '{asked}' of {word}; it has: {', '.join([*offered, 'all'])}")
    if asked != "all" and asked not in offered:
        raise InputError(
            f"{word} has no split '{asked}'; it has: {', '.join([*offered, 'all'])}",
            hint=f"name one: {word}:{offered[0]}",
        )
    return asked


def _rows_of_classes(content: Content, classes: str, word: str) -> NDArray[np.int64]:
    """Return the rows of the images that `3,5` keeps, or that `-3,5` does not leave out.

    Raises:
        InputError: there are no labels, no such class, or no image is left.
    """
    if content.labels is None:
        raise InputError(f"{word} has no labels to choose @{classes} by")
    names = classes.removeprefix("-").split(",")
    for name in names:
        if name not in content.class_names:
            raise InputError(unknown(f"class of {word}", name, content.class_names))
    chosen = np.isin(content.labels, [content.class_names.index(name) for name in names])
    rows = np.flatnonzero(~chosen if classes.startswith("-") else chosen)
    if not len(rows):
        raise InputError(f"{word} has no image of @{classes}")
    return rows


def _finish(
    content: Arrays | Pictures,
    word: str,
    *,
    options: DataOptions,
    image_shape: Shape,
    skip_damaged: bool,
    progress: Progress,
) -> ImageSet:
    if isinstance(content, Arrays):
        images, notes = fit(content.images, image_shape, progress)
        return ImageSet(
            images, content.names, word, content.labels, content.class_names, notes=(*content.notes, *notes)
        )
    decoded = decode_pictures(
        content, image_shape, memory_budget=options.memory_budget, skip_damaged=skip_damaged, progress=progress
    )
    kept = content.take(decoded.kept)
    return ImageSet(
        decoded.images,
        kept.names,
        word,
        kept.labels,
        kept.class_names,
        failures=decoded.failures,
        notes=(*content.notes, *decoded.notes),
        known_fingerprint=decoded.fingerprint(kept.labels),
    )


def describe(options: DataOptions = DEFAULTS) -> list[DatasetStatus]:
    """Tell every DATA word and every kind of path, and what works here and now; reads nothing."""
    statuses = []
    for word, source in named_sources().items():
        needs = source.needs(options)
        statuses.append(DatasetStatus(word, source.summary, (*source.splits(), "all"), needs is None, needs))
    for kind in path_sources():
        statuses.append(DatasetStatus(kind.kind, kind.summary, (*kind.all_splits, "all"), available=True))
    return statuses
