"""Detection the source that a DATA word means."""

import pkgutil
from dataclasses import dataclass
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


@dataclass(frozen=True)
class DataRef:
    """What a DATA word means."""

    source: Source
    name: str
    """The word without its split and classes."""
    split: str | None
    """None where none is named."""
    classes: str | None
    """The part after `@`: the classes to keep or, after a `-`, those to leave out."""

    @property
    def path(self) -> Path | None:
        """The file or folder; None for a data set that is known by its name."""
        return None if isinstance(self.source, NamedSource) else Path(self.name)


def resolve(word: str | DataRef) -> DataRef:
    """Take the DATA word `NAME[:SPLIT][@CLASSES]` apart, where NAME is a known name or a path.

    A known name comes before a path of that name (`./digits` is the path), whatever the working folder holds.
    A path that exists as it stands is never cut at a colon or an `@`.

    Raises:
        InputError: there is no such name and no such path.
    """
    if isinstance(word, DataRef):
        return word
    if (source := _source(word)) is not None:
        return DataRef(source, word, None, None)
    uncut, _, classes = word.rpartition("@")
    cut = uncut and ":" not in classes  # an `@` before the split is the path's own
    for plain, chosen in [(uncut, classes), (word, None)] if cut else [(word, None)]:
        name, colon, split = plain.rpartition(":")
        if (source := _source(plain)) is not None:
            return DataRef(source, plain, None, chosen)
        if colon and (source := _source(name)) is not None:
            return DataRef(source, name, split, chosen)
    plain = uncut if cut else word
    if "/" in plain or Path(plain).suffix:
        raise InputError(f"no such file or folder: {plain}", hint="check the path; aecli datasets lists the names")
    name, _, split = plain.rpartition(":")
    raise InputError(
        f"{unknown('data set', name if split in SPLITS else plain, named_sources())}; "
        "and no file or folder has that name",
        hint="aecli datasets lists what works here",
    )


def _source(name: str) -> Source | None:
    if name in named_sources():
        return named_sources()[name]
    return _path_source(Path(name)) if name and _exists(Path(name)) else None


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
