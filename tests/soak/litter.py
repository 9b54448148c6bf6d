"""Find what commands should have removed."""

from pathlib import Path

SUFFIXES = {".part", ".partial", ".lock", ".tmp", ".temp", ".pid"}


def litter(folder: Path) -> list[str]:
    """Return the hidden files and folders, temporary files and locks below a folder, by their relative paths."""
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.name.startswith(".") or path.suffix.lower() in SUFFIXES or path.name.endswith("~")
    )


def bytes_in(folder: Path) -> int:
    """Return the size of all files below a folder, which need not exist."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
