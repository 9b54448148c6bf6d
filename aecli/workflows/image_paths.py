"""The paths of the images that codes were made from."""

from collections.abc import Callable
from pathlib import Path

from aecli.codes import Codes
from aecli.data import resolve
from aecli.errors import AecliError


def path_finder(codes: Codes) -> Callable[[str], str]:
    """Return a function that turns the name of an image into the path of its file.

    It returns the name itself if the images are not files in a folder, or the file is not there anymore.
    """
    try:
        paths = resolve(codes.meta.data).paths
    except AecliError:
        return str
    if len(paths) != 1:
        return str
    folder = paths[0] if paths[0].is_dir() else paths[0].parent

    def find(name: str) -> str:
        path = folder / name
        return str(path) if _is_file(path) else name

    return find


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # the name is too long or holds a null character
        return False
