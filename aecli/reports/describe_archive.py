"""Describe `.aec` files, folders of them, and sets of images in one stream; no model is needed."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from aecli.codes.aec import HEADER_BYTES, SUFFIX, AecImage
from aecli.codes.aec_set import is_aec_set, load_aec_set
from aecli.data.file_names import listed, passed_over_note, suffix_of
from aecli.data.shapes import color_text, size_text
from aecli.data.sources.image_folder import files_below
from aecli.errors import InputError
from aecli.inference.archive_decoding import read_file
from aecli.reports.description import Description
from aecli.runtime.counting import counted
from aecli.runtime.threads import map_ordered

MAX_NAMED = 3
"""Damaged files that are named; JSON has all of them."""


def describe_compressed(path: Path) -> Description | None:
    """Describe an existing `.aec` file, a folder that holds some, or a set of images; None for anything else.

    Raises:
        InputError: the file is damaged, or a folder cannot be read.
    """
    if path.is_dir():
        return describe_archive(path) if any(suffix_of(name) == SUFFIX for name in files_below(path)) else None
    suffix = path.suffix.lower()
    if suffix == SUFFIX:
        return describe_aec(path)
    return describe_aec_set(path) if suffix == ".npz" and is_aec_set(path) else None


def describe_aec(path: Path) -> Description:
    """Describe one compressed image.

    Raises:
        InputError: the file is missing or damaged.
    """
    try:
        image = read_file(path)
    except ValueError as error:
        raise InputError(f"cannot read {path}: {error}", hint="restore it from a copy") from error
    header, size = image.header, HEADER_BYTES + image.words.nbytes
    bits = 8 * size / header.pixels
    lines = {
        "image": f"{size_text((header.height, header.width))} pixels, {color_text(header.channels)}",
        "size": f"{size:,} bytes, {bits:.3f} bits per pixel",
        "rate": f"{header.rate}; 0 is the model's best quality",
        "model": f"identity {header.identity}",
        "checksum": "matches",
    }
    details = asdict(header) | {"bytes": size, "bits_per_pixel": round(bits, 4)}
    return Description(path, "compressed image", lines, details)


def describe_archive(folder: Path) -> Description:
    """Describe the compressed images below a folder. All files are read, and their checksums compared.

    Raises:
        InputError: a folder cannot be read.
    """
    names = sorted(files_below(folder))
    archived = [name for name in names if suffix_of(name) == SUFFIX]
    others = Counter(suffix_of(name) for name in names if suffix_of(name) != SUFFIX)

    def read(name: str) -> AecImage | str:
        try:
            return read_file(folder / name)
        except ValueError as error:
            return str(error)

    found = dict(zip(archived, map_ordered(read, archived), strict=True))
    damaged = {name: image for name, image in found.items() if isinstance(image, str)}
    images = [image for image in found.values() if isinstance(image, AecImage)]
    pixels = sum(image.header.pixels for image in images)
    size = sum(HEADER_BYTES + image.words.nbytes for image in images)
    models = Counter(image.header.identity for image in images)
    rates = Counter(image.header.rate for image in images)
    lines = {"images": f"{len(images):,}"}
    if images:
        lines |= {
            "sizes": _sizes(images),
            "bytes": f"{size:,}, {8 * size / pixels:.3f} bits per pixel",
            "rates": ", ".join(f"{rate}: {counted(count, 'image')}" for rate, count in sorted(rates.items())),
            "model": _models(models),
        }
    lines["damaged"] = _damaged(damaged)
    if note := passed_over_note(dict(others.most_common())):
        lines["other files"] = note.partition(": ")[2]
    details = {
        "images": len(images),
        "bytes": size,
        "pixels": pixels,
        "rates": {str(rate): count for rate, count in sorted(rates.items())},
        "models": dict(models.most_common()),
        "damaged": damaged,
    }
    return Description(folder, "archive of compressed images", lines, details)


def describe_aec_set(path: Path) -> Description:
    """Describe the images of one stream.

    Raises:
        InputError: the file is damaged.
    """
    compressed = load_aec_set(path)
    meta, size = compressed.meta, path.stat().st_size
    each = size / max(meta.count, 1)
    kind = f"{size_text(meta.image_shape)} pixels, {color_text(meta.image_shape[0])}"
    lines = {
        "images": f"{meta.count:,} of {kind}, {meta.data}",
        "size": f"{size:,} bytes, {each:.1f} per image",
        "rate": f"{meta.rate}; 0 is the model's best quality",
        "names": "not kept" if compressed.names is None else "kept",
        "labels": "not kept" if compressed.labels is None else counted(len(meta.class_names), "class", "classes"),
        "model": f"identity {meta.identity}",
    }
    return Description(path, "set of compressed images", lines, asdict(meta) | {"bytes": size})


def _sizes(images: list[AecImage]) -> str:
    sizes = {(image.header.height, image.header.width) for image in images}
    smallest, largest = (choose(sizes, key=lambda size: size[0] * size[1]) for choose in (min, max))
    if len(sizes) == 1:
        return f"{size_text(smallest)} pixels"
    return f"{size_text(smallest)} to {size_text(largest)} pixels"


def _models(models: Counter[str]) -> str:
    if len(models) == 1:
        return f"identity {next(iter(models))}"
    return listed(f"identity {identity} ({counted(count, 'image')})" for identity, count in models.most_common())


def _damaged(damaged: Mapping[str, Any]) -> str:
    if not damaged:
        return "none: all checksums match"
    names = ", ".join(list(damaged)[:MAX_NAMED])
    more = f" and {len(damaged) - MAX_NAMED:,} more" if len(damaged) > MAX_NAMED else ""
    return f"{counted(len(damaged), 'file')}: {names}{more}"
