"""The tree of folders above a list of files."""

from collections.abc import Iterable, Mapping, Sequence


def child_folders(folders: Iterable[str]) -> Mapping[str, Sequence[str]]:
    """Return the sorted names of the folders in each folder that has some; the root is "".

    `folders` are paths with a `/` at the end, as are those that are returned: `photos/cat/` is in `photos/`.
    """
    found: dict[str, set[str]] = {}
    for folder in folders:
        above = ""
        for part in folder.split("/")[:-1]:
            found.setdefault(above, set()).add(part)
            above += f"{part}/"
    return {folder: sorted(names) for folder, names in found.items()}


def folder_of(name: str) -> str:
    """Return the folder of a file: "" or a path with a `/` at the end."""
    return name[: name.rfind("/") + 1]
