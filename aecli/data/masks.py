"""Find the image files that are masks: they mark the defects or the objects in another image."""

import re
from collections.abc import Iterator, Mapping, Sequence

from aecli.data.split_names import MASK_WORDS, is_container, split_of, words_of

_ENDING = re.compile(r"[ _.-]?(mask|masks|gt)([ _.-]?\d+)?$", re.IGNORECASE)


def find_masks(images: Sequence[str]) -> Mapping[str, str | None]:
    """Return the masks among the names of images, each with the name of its image; None if that is missing.

    A mask is in a folder such as `ground_truth` or `masks`, at the same path as its image in a folder beside that one:
    `ground_truth/broken/000_mask.png` marks `test/broken/000.png`. Or it is beside its image, and only its name ends in
    `_mask`. A folder is one of masks if all its files are, and `ground_truth` beside a split's folder is one always.
    """
    folders = {folder for folder in map(_mask_folder, {name.rpartition("/")[0] for name in images}) if folder}
    candidates = [name for name in images if _ENDING.search(_stem(name))]
    if not folders and not candidates:
        return {}
    by_stem = {_stem(name): name for name in images}
    found = {name: by_stem.get(_ENDING.sub("", _stem(name))) for name in candidates}
    masks: dict[str, str | None] = {name: image for name, image in found.items() if image}
    for folder in sorted(folders):
        members = [name for name in images if name.startswith(f"{folder}/")]
        parent, siblings = _siblings(folder, images)
        matched = {name: _marked_by(name, folder, parent, siblings, by_stem) for name in members}
        if all(matched.values()) or (_is_ground_truth(folder) and any(map(split_of, siblings))):
            masks |= matched
    return masks


def _mask_folder(folder: str) -> str | None:
    """Return the outermost folder of masks in a path, such as `bottle/ground_truth`."""
    parts = folder.split("/")
    for end, part in enumerate(parts, 1):
        if MASK_WORDS & words_of(part):
            return "/".join(parts[:end])
    return None


def _siblings(folder: str, images: Sequence[str]) -> tuple[str, list[str]]:
    """Return the parent of a folder, such as `bottle/`, and the names of the other folders in it."""
    head, slash, own = folder.rpartition("/")
    parent = head + slash
    below = (name[len(parent) :] for name in images if name.startswith(parent))
    return parent, sorted({name.partition("/")[0] for name in below if "/" in name} - {own})


def _marked_by(mask: str, folder: str, parent: str, siblings: Sequence[str], by_stem: Mapping[str, str]) -> str | None:
    """Return the image at the path of a mask, in another folder or in the parent folder itself."""
    path = _stem(mask)[len(folder) + 1 :]
    is_named_so = _ENDING.search(path) is not None
    for sibling in siblings:
        # A class may be called `mask`, beside one called `no_mask`.
        if is_named_so or _is_ground_truth(folder) or is_container(sibling):
            for candidate in _without_ending(path):
                if image := by_stem.get(f"{parent}{sibling}/{candidate}"):
                    return image
    return next((image for path in _without_ending(path) if (image := by_stem.get(f"{parent}{path}"))), None)


def _without_ending(path: str) -> Iterator[str]:
    """Yield the paths that the image of a mask may have: without `_mask`, or that of the folder of several masks."""
    yield path
    yield _ENDING.sub("", path)
    if "/" in path:
        yield path.rpartition("/")[0]


def _is_ground_truth(folder: str) -> bool:
    return "truth" in "".join(words_of(folder.rpartition("/")[2]))


def _stem(name: str) -> str:
    head, dot, suffix = name.rpartition(".")
    return head if dot and "/" not in suffix else name
