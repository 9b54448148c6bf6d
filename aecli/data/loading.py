"""Load the images of a DATA word as an `ImageSet`."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from aecli.data.conversion import AS_IS, Conversion
from aecli.data.conversion_summary import ConversionSummary
from aecli.data.decoding import decode_files
from aecli.data.image_set import ImageSet
from aecli.data.layouts.split_names import split_of
from aecli.data.levels import to_8_bits
from aecli.data.masks import ImageMasks
from aecli.data.options import DataOptions, DatasetStatus
from aecli.data.pages import with_pages
from aecli.data.registry import SPLITS, DataRef, registry, resolve
from aecli.data.resize import fit, inner_sizes
from aecli.data.shapes import complete
from aecli.data.source import ImageArrays, ImageFiles, Source, SourceContent
from aecli.data.splits import in_test_by_name
from aecli.data.tiling import tile_names
from aecli.errors import InputError, unknown
from aecli.runtime.progress import Progress, silent

DEFAULTS = DataOptions()


def load(
    word: str | DataRef,
    options: DataOptions = DEFAULTS,
    conversion: Conversion = AS_IS,
    *,
    training: bool = False,
    skip_damaged: bool = False,
    progress: Progress = silent,
) -> ImageSet:
    """Read the images of a DATA word, `NAME[:SPLIT][@CLASSES]` or `PATH[:SPLIT][@CLASSES]`.

    SPLIT is `train`, `test` or `all`, and `val` if the source has one; their other names, such as `valid`, are
    accepted. Without SPLIT all images are read, but with `training` only the `train` split of a source that has splits.
    A path without splits of its own is split 80% to 20% by the names of its images. CLASSES are names of classes,
    separated by commas: `@3,5` keeps the images of these classes, `@-3,5` those of all other classes.

    `conversion` is the requested shape and how it is reached; the result's `notes` describe what was converted. If it
    cuts images into tiles, each tile is an image of the result, with the label of the image that it was cut from. With
    `skip_damaged`, images that cannot be read are listed in `failures` instead of raising an error.

    Raises:
        InputError: the data does not exist, is damaged, or has no such split, class or common shape.
        UnavailableError: the data set or a package is not installed, or there is not enough disk space or memory.
    """
    content, full_word = content_of(word, options, training=training, progress=progress)
    if isinstance(content, ImageArrays):
        return _fitted(content, full_word, conversion, progress)
    decoded = decode_files(
        content, conversion, memory_budget=options.memory_budget, skip_damaged=skip_damaged, progress=progress
    )
    kept = content.take(decoded.kept)
    return ImageSet(
        decoded.images,
        kept.names if decoded.tiles is None else tile_names(kept.names, decoded.tiles.number),
        full_word,
        kept.labels,
        kept.class_names,
        failures=decoded.failures,
        notes=(*content.notes, *decoded.report.notes),
        warnings=tuple(decoded.report.warnings),
        native_shape=decoded.report.native,
        levels=decoded.report.levels,
        masks=_masks(kept),
        known_fingerprint=decoded.fingerprint(kept.labels),
        tiles=decoded.tiles,
        inner=decoded.inner,
    )


def _masks(content: ImageFiles) -> tuple[ImageMasks, ...] | None:
    if content.masks is None:
        return None
    return tuple(map(ImageMasks, content.names.tolist(), content.files, content.masks))


def _fitted(content: ImageArrays, word: str, conversion: Conversion, progress: Progress) -> ImageSet:
    if conversion.tiles is not None:
        raise InputError(
            f"{word} holds arrays: only image files can be cut into tiles",
            hint="leave out --tile, or save the images as files",
        )
    images, levels = content.images, content.levels(conversion, word)
    native = (images.shape[1], images.shape[2], images.shape[3])
    is_declared = conversion.levels == "declared"
    if levels:
        conversion = replace(conversion, levels=levels)
        images = to_8_bits(images, levels)
    summary = ConversionSummary(replace(conversion, shape=complete(conversion.shape, native)))
    summary.add(native, content.depth, len(images))
    report = summary.report()
    fitted = fit(images, conversion, progress)
    return ImageSet(
        fitted,
        content.names,
        word,
        content.labels,
        content.class_names,
        notes=(*content.notes, *report.notes),
        warnings=tuple(report.warnings),
        native_shape=report.native,
        levels=None if is_declared else report.levels,
        inner=inner_sizes(images, fitted, conversion),
    )


def content_of(
    word: str | DataRef, options: DataOptions = DEFAULTS, *, training: bool = False, progress: Progress = silent
) -> tuple[ImageArrays | ImageFiles, str]:
    """Return the images of a DATA word, before image files are decoded, and the word with its split. See `load`.

    Raises:
        InputError: the data does not exist, is damaged, or has no such split or class.
        UnavailableError: the data set or a package is not installed.
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
            content = content.take(np.flatnonzero(in_test_by_name(content.names) == (split == "test")))
    content = _as_labeled(content, options)
    full_word = f"{plain_word}:{split}" if own_splits or split != "all" else plain_word
    if ref.classes is not None:
        content = content.take(_indices_of_classes(content, ref.classes, full_word))
        full_word = f"{full_word}@{ref.classes}"
    return with_pages(content, options.pages, progress), full_word


def unsplit_content_of(
    ref: DataRef, options: DataOptions = DEFAULTS, progress: Progress = silent
) -> ImageArrays | ImageFiles:
    """Return the images of a DATA word before they are decoded; without a split and classes, all images below a folder.

    Unlike those of `content_of`, these include images outside of the folders of splits.

    Raises:
        InputError: the data does not exist, is damaged, or has no such split or class.
        UnavailableError: the data set or a package is not installed.
    """
    if ref.split is ref.classes is None:
        content = _as_labeled(ref.source.read_unsplit(options, progress), options)
        return with_pages(content, options.pages, progress)
    return content_of(ref, options, progress=progress)[0]


def _as_labeled(content: ImageArrays | ImageFiles, options: DataOptions) -> ImageArrays | ImageFiles:
    """Return the content without its labels if none are requested."""
    return replace(content, labels=None, class_names=()) if options.labels_from == "none" else content


def load_again(
    word: str,
    known_fingerprint: str,
    options: DataOptions = DEFAULTS,
    conversion: Conversion = AS_IS,
    *,
    progress: Progress = silent,
) -> ImageSet:
    """Read the images that a file was made from; the file holds their DATA word and fingerprint.

    Raises:
        InputError: the images do not exist anymore, or have changed.
        UnavailableError: the data set or a package is not installed, or there is not enough disk space or memory.
    """
    images = load(word, options, conversion, skip_damaged=True, progress=progress)
    if images.fingerprint != known_fingerprint:
        raise InputError(f"the images of {word} have changed", hint="encode the images again")
    return images


def _choose_split(source: Source, word: str, requested: str | None, training: bool) -> str:
    """Return the split to read.

    Raises:
        InputError: the requested split, or the one to train on, does not exist.
    """
    own_splits = source.splits()
    available = own_splits or ("train", "test")
    split = requested
    if split is None:
        split = "train" if training and own_splits else "all"
    elif split not in available:
        split = split_of(split) or split  # such as `valid` and `val2017` for val
    if split not in available and split not in SPLITS:
        raise InputError(f"unknown split '{split}' of {word}; it has: {', '.join([*available, 'all'])}")
    if split != "all" and split not in available:
        raise InputError(
            f"{word} has no split '{split}'; it has: {', '.join([*available, 'all'])}",
            hint=f"for example {word}:{available[0]}",
        )
    return split


def _indices_of_classes(content: SourceContent, classes: str, word: str) -> NDArray[np.int64]:
    """Return the indices of the images of the classes `3,5`, or of all classes except these for `-3,5`.

    Raises:
        InputError: there are no labels, no such class, or no image is left.
    """
    if content.labels is None:
        raise InputError(
            f"{word} has no labels, so @{classes} cannot be selected",
            hint=f"leave out @{classes}, or read labels with --labels-from folder or prefix",
        )
    names = classes.removeprefix("-").split(",")
    for name in names:
        if name not in content.class_names:
            raise InputError(unknown(f"class of {word}", name, content.class_names))
    selected = np.isin(content.labels, [content.class_names.index(name) for name in names])
    indices = np.flatnonzero(~selected if classes.startswith("-") else selected)
    if not len(indices):
        raise InputError(f"{word} has no image of @{classes}", hint=f"name other classes; aecli info {word} lists them")
    return indices


def describe(options: DataOptions = DEFAULTS) -> list[DatasetStatus]:
    """Return every named data set and every kind of path, and whether it can be used now; reads no data."""
    statuses = []
    for word, source in registry().named.items():
        needs = source.needs(options)
        statuses.append(DatasetStatus(word, source.summary, (*source.splits(), "all"), needs is None, needs))
    for kind in registry().path_kinds:
        statuses.append(DatasetStatus(kind.kind, kind.summary, (*kind.all_splits, "all"), available=True))
    return statuses
