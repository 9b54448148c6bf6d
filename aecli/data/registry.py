"""Finding the source that a DATA word means."""

import pkgutil
from functools import cache
from importlib import import_module
from pathlib import Path

from aecli.data import sources
from aecli.data.source import NamedSource, PathSource, Source
from aecli.errors import InputError, unknown

SPLITS = ("train", "test", "all")


@cache
def _offered() -> tuple[NamedSource | type[PathSource], ...]:
    modules = sorted(module.name for module in pkgutil.iter_modules(sources.__path__))
    return tuple(offer for name in modules for offer in import_module(f"{sources.__name__}.{name}").SOURCES)


def named_sources() -> dict[str, NamedSource]:
    """The data sets that are known by name."""
    return {offer.word: offer for offer in _offered() if isinstance(offer, NamedSource)}


def path_sources() -> list[type[PathSource]]:
    """The kinds of path, those that take whatever is left at the end."""
    kinds = [offer for offer in _offered() if not isinstance(offer, NamedSource)]
    return sorted(kinds, key=lambda kind: kind.fallback)


def find(word: str) -> tuple[Source, str, str | None]:
    """Return the source that `word` means, the word without its split, and the split, None where none is named.

    A known name comes before a path of that name (`./digits` is the path), whatever the working folder holds.
    A path that exists as it stands is never cut at a colon.

    Raises:
        InputError: there is no such name and no such path.
    """
    name, colon, split = word.rpartition(":")
    if word in named_sources():
        return named_sources()[word], word, None
    if colon and name in named_sources():
        return named_sources()[name], name, split
    if word and _exists(Path(word)):
        return _path_source(Path(word)), word, None
    if colon and name and _exists(Path(name)):
        return _path_source(Path(name)), name, split
    looks_like_path = "/" in word or Path(word).suffix
    if looks_like_path:
        raise InputError(f"no such file or folder: {word}", hint="check the path; aecli datasets lists the names")
    raise InputError(
        f"{unknown('data set', name if split in SPLITS else word, named_sources())}; "
        "and no file or folder has that name",
        hint="aecli datasets lists what works here",
    )


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that is too long, or that holds a null character
        return False


def _path_source(path: Path) -> PathSource:
    for kind in path_sources():
        if kind.accepts(path):
            return kind(path)
    raise InputError(f"neither a file nor a folder: {path}")
