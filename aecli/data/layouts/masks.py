"""Find the image files that are masks: they mark the defects or the objects in another image."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from operator import itemgetter

from aecli.data.file_names import suffix_of
from aecli.data.formats.known import JPEG
from aecli.data.layouts.folder_tree import child_folders, folder_of
from aecli.data.layouts.split_names import MASK_WORDS, is_container, split_of, words_of
from aecli.data.pages import file_name

_ENDING = re.compile(r"[ _.-]?(mask|masks|gt|label|labels)([ _.-]?\d+)?$", re.IGNORECASE)


def find_masks(images: Sequence[str]) -> Mapping[str, str | None]:
    """Return the masks among the names of images, each with the name of its image; None if that is missing.

    A mask is in a folder such as `ground_truth` or `masks`, at the same path as its image in a folder beside that one:
    `ground_truth/broken/000_mask.png` marks `test/broken/000.png`. Or it is beside its image, and only its name ends in
    `_mask` or `_gt`, or in `_label` if it is not a JPEG. A folder is one of masks if all its files are; beside the
    folder of a split, `ground_truth` always is one, and beside `images`, `masks` is. The segmentations of PASCAL VOC,
    DAVIS and ADE20K are such masks, as are the masks of MVTec 3D-AD, DAGM 2007 and KolektorSDD.
    """
    folders = {folder_of(name) for name in images}
    mask_folders = {folder: found for folder in folders if (found := _mask_folder(folder))}
    endings = [name for name in images if _names_a_mask(name)]
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
    images_in = {parent: _ImagesIn(parent, children.get(parent, ()), stems, by_stem) for parent, stems in below.items()}
    for folder, names in members.items():
        parent, own = _split_path(folder)
        candidates = images_in[parent]
        marked = {name: candidates.find(name, own) for name in names}
        if all(marked.values()) or candidates.are_beside_masks(own):
            masks |= marked
    return masks


def _names_a_mask(name: str) -> bool:
    """Return whether a name ends as those of masks beside their images; `wine_label.jpg` is a photograph of a label."""
    ending = _ENDING.search(_stem(name))
    return ending is not None and not (ending[1].lower().startswith("label") and suffix_of(name) in JPEG.suffixes)


def match_masks(masks: Sequence[str], images: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the masks of each image, by the paths of both.

    A mask has the path of its image, `broken/000` of `broken/000.png`, and may end in `_mask`, `_gt` or `_label`;
    several masks of one image may also be in a folder of that path. If no mask has the path of an image, the first
    folders of the images' paths are left out, one after the other, until one has: `broken/000_mask.png` marks
    `test/broken/000.png`.
    """
    by_path: dict[str, list[str]] = {}
    for mask in masks:
        for path in dict.fromkeys(_image_paths(_stem(mask))):
            by_path.setdefault(path, []).append(mask)
    paths = [_stem(file_name(image)) for image in images]
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


class _ImagesIn:
    """The images below a folder that holds folders of masks, by their paths; the indexes serve all of its masks."""

    def __init__(self, parent: str, folders: Sequence[str], stems: Sequence[str], by_stem: Mapping[str, str]):
        """`folders` are the sorted names of those in `parent`, and `stems` the keys of `by_stem` below it."""
        self._parent, self._stems, self._by_stem = parent, stems, by_stem
        self._places = {folder: place for place, folder in enumerate(folders)}

    def find(self, mask: str, own: str) -> str | None:
        """Return the image that a mask in the folder `own` marks, in a folder beside that one or in the parent.

        None is returned if there is none.
        """
        path = _stem(mask)[len(self._parent) + len(own) + 1 :]
        # A class may be called `mask`, beside one called `no_mask`.
        is_named_so = _ENDING.search(path) is not None or _is_ground_truth(own)
        by_path = self._by_path if is_named_so else self._by_path_in_containers
        paths, place = list(_image_paths(path)), self._places.get(own)
        if found := [each for like in paths for each in by_path.get(like, ()) if each[0] != place]:
            return min(found, key=itemgetter(0))[1]
        above = (self._by_stem.get(f"{self._parent}{each}") for each in paths)
        return next((image for image in above if image is not None), None)

    def are_beside_masks(self, own: str) -> bool:
        """Return whether the folder `own` holds masks whatever its files are called."""
        return (_is_ground_truth(own) and self._has_split) or (words_of(own) <= MASK_WORDS and self._has_container)

    @cached_property
    def _has_split(self) -> bool:
        return any(map(split_of, self._places))

    @cached_property
    def _has_container(self) -> bool:
        return any(map(is_container, self._places))

    @cached_property
    def _by_path(self) -> Mapping[str, Sequence[tuple[int, str]]]:
        return self._indexed(self._places)

    @cached_property
    def _by_path_in_containers(self) -> Mapping[str, Sequence[tuple[int, str]]]:
        return self._indexed({folder: place for folder, place in self._places.items() if is_container(folder)})

    def _indexed(self, places: Mapping[str, int]) -> dict[str, list[tuple[int, str]]]:
        """Return the images at each path below the folders, after the place of the folder: those of the first two.

        So the first one is known that is not in the folder of the masks itself.
        """
        found: dict[str, list[tuple[int, str]]] = {}
        for stem in self._stems if places else ():
            top, _, path = stem[len(self._parent) :].partition("/")
            if top in places:
                found.setdefault(path, []).append((places[top], self._by_stem[stem]))
        return {path: sorted(images)[:2] for path, images in found.items()}


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
