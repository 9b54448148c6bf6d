"""The tree of folders above a list of files."""

from collections.abc import Iterable, Mapping, Sequence

MAX_DEPTH = 32
"""No layout is as deep, but a damaged or hostile archive may have thousands of levels."""


def child_folders(folders: Iterable[str]) -> Mapping[str, Sequence[str]]:
    """Return the sorted names of the folders in each folder that has some; the root is "".

    `folders` are paths with a `/` at the end, as are those that are returned: `photos/cat/` is in `photos/`. Folders
    below `MAX_DEPTH` others are left out.
    """
    found: dict[str, set[str]] = {}
    for folder in folders:
        above = ""
        for part in folder.split("/")[:-1][:MAX_DEPTH]:
            found.setdefault(above, set()).add(part)
            above += f"{part}/"
    return {folder: sorted(names) for folder, names in found.items()}


def folder_of(name: str) -> str:
    """Return the folder of a file: "" or a path with a `/` at the end."""
    return name[: name.rfind("/") + 1]
