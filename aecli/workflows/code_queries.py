"""The queries of a search: images, which the model encodes, or codes in a file."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.search.search import require_comparable
from aecli.codes import Codes, CodesMeta, load_codes
from aecli.data import DataOptions, Failure
from aecli.data.conversion import Conversion
from aecli.data.image_files import quiet
from aecli.data.image_readers import chunked, image_readers, try_read
from aecli.data.iteration import ImageReader
from aecli.data.tiling import SUFFIX
from aecli.errors import InputError, UsageError
from aecli.inference.model import Model, batch_size
from aecli.runtime.progress import Progress, silent
from aecli.runtime.threads import map_ordered
from aecli.storage.fingerprints import short_fingerprint
from aecli.storage.npz import has_arrays

KEPT_IMAGES = 100
"""The first queries, whose images are kept, to be drawn."""


@dataclass(frozen=True)
class Queries:
    """The codes of the queries."""

    codes: Codes
    images: Mapping[int, NDArray[np.uint8]]
    """The first images by the index of their query, (C, H, W) as the model takes them; none of codes in a file."""
    failures: tuple[Failure, ...] = ()
    """Images that could not be read."""


def is_code_file(word: str) -> bool:
    """Return whether a query is a file of codes, not of images."""
    path = Path(word)
    return path.suffix.lower() == ".npz" and bool(has_arrays(path, ("meta",)))


def require_made_by(codes: Codes, model: Model) -> None:
    """Check that a model made the codes.

    Raises:
        InputError: another model did.
    """
    if codes.meta.model_fingerprint != model.fingerprint:
        raise InputError(
            f"the codes were made by another model ({short_fingerprint(codes.meta.model_fingerprint)}) "
            f"than this one ({short_fingerprint(model.fingerprint)})",
            hint="name the model that made the codes; aecli info CODES.npz shows its fingerprint",
        )


def read_queries(
    words: Sequence[str],
    codes: Codes,
    model: Model | None,
    options: DataOptions,
    on_note: Callable[[str], None] = lambda _: None,
    progress: Progress = silent,
) -> Queries:
    """Return the codes of all queries, in order: code files, DATA words, image files, and `-` for one image.

    Args:
        words: The queries.
        codes: The codes that are searched.
        model: Encodes images; None if all queries are code files.
        options: How images are read.
        on_note: Called with each note on the images.
        progress: Called after each batch of images.

    Raises:
        InputError: a code file is damaged, no image could be read, or another model made the codes.
        UsageError: there are images, but no model.
    """
    if model is not None:
        require_made_by(codes, model)
    parts: list[Queries] = []
    for of_codes, group in groupby(words, is_code_file):
        if of_codes:
            for word in group:
                parts.append(Queries(load_codes(Path(word)), {}))
                require_comparable(codes, parts[-1].codes)
        elif model is None:
            raise UsageError(f"no model to encode {next(group)}", hint="add --model, the model that made the codes")
        else:
            parts.append(image_queries(list(group), model, options, on_note, progress))
    return _joined(parts)


def image_queries(
    words: Sequence[str],
    model: Model,
    options: DataOptions,
    on_note: Callable[[str], None] = lambda _: None,
    progress: Progress = silent,
) -> Queries:
    """Encode the images of DATA words, and of files; `-` is one image on standard input.

    Images that cannot be read are left out, and listed in `failures`.

    Raises:
        InputError: no image could be read.
    """
    readers = list(image_readers(words, model.conversion, on_note, options))
    names: list[str] = []
    codes: list[NDArray[np.float32]] = []
    kept: list[NDArray[np.uint8]] = []
    failures: list[Failure] = []
    done = 0
    for chunk in chunked(readers, batch_size(model.image_shape)):
        images: list[NDArray[np.uint8]] = []
        for name, pixels in _read(chunk, model.conversion, failures):
            names.append(name)
            images.append(pixels)
        if images:
            batch = np.stack(images)
            codes.append(model.encode(batch))
            kept += images[: max(KEPT_IMAGES - len(kept), 0)]
        done += len(chunk)
        progress("encoding queries", done, len(readers))
    if not names:
        reason = f": {failures[0].name}: {failures[0].reason}" if failures else ""
        raise InputError(f"there is no image to search for{reason}", hint="name image files or a data set")
    meta = CodesMeta(model.fingerprint, " ".join(words), "", image_shape=model.image_shape)
    encoded = Codes(np.concatenate(codes), np.array(names, np.str_), None, meta)
    return Queries(encoded, dict(enumerate(kept)), tuple(failures))


def _read(
    readers: Sequence[ImageReader], conversion: Conversion, failures: list[Failure]
) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Yield the name and the pixels of each image, or of each of its tiles."""

    def pixels_of(reader: ImageReader) -> NDArray[np.uint8]:
        if conversion.tiles and reader.read_tiles:
            return reader.read_tiles().tiles()
        return reader.read().pixels[None]

    def read(reader: ImageReader) -> NDArray[np.uint8] | Failure:
        return try_read(reader.name, partial(pixels_of, reader))

    with quiet():
        for reader, pixels in zip(readers, map_ordered(read, readers), strict=True):
            if isinstance(pixels, Failure):
                failures.append(pixels)
            elif conversion.tiles:
                yield from ((f"{reader.name}{SUFFIX}{index + 1}", tile) for index, tile in enumerate(pixels))
            else:
                yield reader.name, pixels[0]


def _joined(parts: Sequence[Queries]) -> Queries:
    """Return several queries as one; what only some have, such as labels, is left out."""
    if len(parts) == 1:
        return parts[0]
    starts = np.cumsum([0, *(len(part.codes) for part in parts)]).tolist()
    codes = Codes(
        np.concatenate([part.codes.codes for part in parts]),
        np.concatenate([part.codes.names for part in parts]),
        None,
        replace(parts[0].codes.meta, data_fingerprint="", class_names=[]),
    )
    images = {
        start + index: pixels
        for start, part in zip(starts, parts, strict=False)
        for index, pixels in part.images.items()
    }
    return Queries(codes, images, tuple(failure for part in parts for failure in part.failures))
