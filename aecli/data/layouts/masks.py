"""Find the image files that are masks: they mark the defects or the objects in another image."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from aecli.data.layouts.folder_tree import child_folders, folder_of
from aecli.data.layouts.split_names import MASK_WORDS, is_container, split_of, words_of

_PAGE = re.compile(r"#\d+$")
_ENDING = re.compile(r"[ _.-]?(mask|masks|gt)([ _.-]?\d+)?$", re.IGNORECASE)


def find_masks(images: Sequence[str]) -> Mapping[str, str | None]:
    """Return the masks among the names of images, each with the name of its image; None if that is missing.

    A mask is in a folder such as `ground_truth` or `masks`, at the same path as its image in a folder beside that one:
    `ground_truth/broken/000_mask.png` marks `test/broken/000.png`. Or it is beside its image, and only its name ends in
    `_mask`. A folder is one of masks if all its files are; beside the folder of a split, `ground_truth` always is one,
    and beside `images`, `masks` is. The segmentations of PASCAL VOC, DAVIS and ADE20K are such masks.
    """
    folders = {folder_of(name) for name in images}
    mask_folders = {folder: found for folder in folders if (found := _mask_folder(folder))}
    endings = [name for name in images if _ENDING.search(_stem(name))]
    if not mask_folders and not endings:
        return {}
    by_stem = {_stem(name): name for name in images}
    beside = {name: by_stem.get(_ENDING.sub("", _stem(name))) for name in endings}
    masks: dict[str, str | None] = {name: image for name, image in beside.items() if image}
    members: dict[str, list[str]] = {}
    for name in images if mask_folders else ():
        if folder := mask_folders.get(folder_of(name)):
            members.setdefault(folder, []).append(name)
    children = child_folders(folders)
    below = _below(by_stem, {_split_path(folder)[0] for folder in members})
    for folder, names in members.items():
        parent, own = _split_path(folder)
        siblings = [name for name in children.get(parent, ()) if name != own]
        images_of = _ImagesBeside(folder, siblings, {stem: by_stem[stem] for stem in below[parent]})
        marked = {name: images_of.find(name) for name in names}
        if all(marked.values()) or _is_sure(own, siblings):
            masks |= marked
    return masks


def match_masks(masks: Sequence[str], images: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the masks of each image, by the paths of both.

    A mask has the path of its image, `broken/000` of `broken/000.png`, and may end in `_mask`; several masks of one
    image may also be in a folder of that path. If no mask has the path of an image, the first folders of the images'
    paths are left out, one after the other, until one has: `broken/000_mask.png` marks `test/broken/000.png`.
    """
    by_path: dict[str, list[str]] = {}
    for mask in masks:
        for path in dict.fromkeys(_image_paths(_stem(mask))):
            by_path.setdefault(path, []).append(mask)
    paths = [_stem(_PAGE.sub("", image)) for image in images]
    for depth in range(1 + max((path.count("/") for path in paths), default=0)):
        found = [tuple(by_path.get("/".join(path.split("/")[depth:]), ())) for path in paths]
        if any(found):
            return found
    return [() for _ in images]


def _mask_folder(folder: str) -> str | None:
    """Return the outermost folder of masks in the path of a folder, such as `bottle/ground_truth/`."""
    parts = folder.split("/")[:-1]
    for end, part in enumerate(parts, 1):
        if MASK_WORDS & words_of(part):
            return "".join(f"{above}/" for above in parts[:end])
    return None


def _is_sure(name: str, siblings: Sequence[str]) -> bool:
    """Return whether a folder of this name, beside these, holds masks whatever its files are called."""
    if _is_ground_truth(name) and any(map(split_of, siblings)):
        return True
    return words_of(name) <= MASK_WORDS and any(map(is_container, siblings))


def _below(stems: Iterable[str], folders: Collection[str]) -> dict[str, list[str]]:
    """Return the paths below each of the folders."""
    below: dict[str, list[str]] = {folder: [] for folder in folders}
    for stem in stems:
        end = 0
        while end >= 0:
            if stem[:end] in below:
                below[stem[:end]].append(stem)
            end = stem.find("/", end) + 1 or -1
    return below


class _ImagesBeside:
    """The images at the paths of the masks in a folder, in another folder beside it or in the parent folder itself."""

    def __init__(self, folder: str, siblings: Sequence[str], by_stem: Mapping[str, str]):
        """`by_stem` are the images below the parent folder, in the order of their names."""
        self._folder, self._by_stem = folder, by_stem
        self._parent, own = _split_path(folder)
        self._is_truth = _is_ground_truth(own)
        places = {sibling: place for place, sibling in enumerate(siblings)}
        self._all = self._by_path(places)
        self._contained = self._by_path({one: place for one, place in places.items() if is_container(one)})

    def _by_path(self, places: Mapping[str, int]) -> dict[str, tuple[int, str]]:
        """Return the image at each path below the folders, in the first folder of several, after its place."""
        found: dict[str, tuple[int, str]] = {}
        for stem, image in self._by_stem.items() if places else ():
            top, _, path = stem[len(self._parent) :].partition("/")
            if top in places and (path not in found or places[top] < found[path][0]):
                found[path] = places[top], image
        return found

    def find(self, mask: str) -> str | None:
        """Return the image that a mask marks; None if there is none."""
        path = _stem(mask)[len(self._folder) :]
        # A class may be called `mask`, beside one called `no_mask`.
        is_named_so = _ENDING.search(path) is not None or self._is_truth
        beside = self._all if is_named_so else self._contained
        paths = list(_image_paths(path))
        if found := [beside[each] for each in paths if each in beside]:
            return min(found, key=lambda place_and_image: place_and_image[0])[1]
        above = (self._by_stem.get(f"{self._parent}{each}") for each in paths)
        return next((image for image in above if image is not None), None)


def _image_paths(path: str) -> Iterator[str]:
    """Yield the paths that the image of a mask may have: without `_mask`, or that of the folder of several masks."""
    yield path
    yield _ENDING.sub("", path)
    if "/" in path:
        yield path.rpartition("/")[0]


def _is_ground_truth(name: str) -> bool:
    return any("truth" in word for word in words_of(name))


def _split_path(folder: str) -> tuple[str, str]:
    """Return the parent of a folder and its name."""
    head, slash, name = folder[:-1].rpartition("/")
    return head + slash, name


def _stem(name: str) -> str:
    head, dot, suffix = name.rpartition(".")
    return head if dot and "/" not in suffix else name
