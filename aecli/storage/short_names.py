"""How files are called where several are shown side by side."""

from collections.abc import Sequence
from pathlib import Path


def short_names(paths: Sequence[Path]) -> list[str]:
    """Return the last part of each path, or as many of the last parts of all as tell them apart.

    Of the same path twice, that is all of it.
    """
    parts = [path.resolve().parts for path in paths]
    longest = max(map(len, parts))
    enough = next((count for count in range(1, longest) if _distinct(parts, count)), longest)
    return [str(Path(*each[-enough:])) for each in parts]


def _distinct(parts: Sequence[tuple[str, ...]], count: int) -> bool:
    return len({each[-count:] for each in parts}) == len(parts)
