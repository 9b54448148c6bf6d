"""All registered sources, and the source that a DATA word refers to."""

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

from aecli.data import sources
from aecli.data.formats.known import KNOWN_SUFFIXES
from aecli.data.shards import ShardedSource, expand_braces
from aecli.data.source import NamedSource, PathSource, Source
from aecli.errors import InputError, unknown
from aecli.storage.run_files import MODEL_FILE, RECIPE_FILE

SPLITS = ("train", "test", "all")
RUN_FILES = (MODEL_FILE, RECIPE_FILE)
"""Files of a run folder, whose images are plots."""


@dataclass(frozen=True)
class SourceRegistry:
    """The sources in the modules of `aecli.data.sources`."""

    named: Mapping[str, NamedSource]
    """The data sets by name."""
    path_kinds: tuple[type[PathSource], ...]
    """The kinds of files and folders, in the order in which they are asked to accept a path."""


@cache
def registry() -> SourceRegistry:
    """Import all modules of `aecli.data.sources` and return their sources; cached."""
    modules = sorted(module.name for module in pkgutil.iter_modules(sources.__path__))
    found: list[NamedSource | type[PathSource]] = []
    for name in modules:
        found += import_module(f"{sources.__name__}.{name}").SOURCES
    named = {source.word: source for source in found if isinstance(source, NamedSource)}
    kinds = [source for source in found if not isinstance(source, NamedSource)]
    return SourceRegistry(named, tuple(sorted(kinds, key=lambda kind: kind.fallback)))


@dataclass(frozen=True)
class DataRef:
    """A resolved DATA word."""

    source: Source
    name: str
    """The DATA word without its split and classes."""
    split: str | None
    """None if the word names no split."""
    classes: str | None
    """The text after `@`: the classes to keep or, after a `-`, to leave out."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """The file or folder, or the files of a set of shards; () for a named data set and images in memory."""
        if isinstance(self.source, ShardedSource):
            return tuple(shard.path for shard in self.source.shards)
        return (Path(self.name),) if isinstance(self.source, PathSource) else ()

    @property
    def is_named(self) -> bool:
        """Whether the images are those of a data set with a name, which never change."""
        return isinstance(self.source, NamedSource)

    @property
    def is_unknown_file(self) -> bool:
        """Whether this is a file of no known kind: it would be read as an image, but its suffix is not that of one."""
        is_other_file = isinstance(self.source, PathSource) and self.source.fallback and not Path(self.name).is_dir()
        return is_other_file and Path(self.name).suffix.lower() not in KNOWN_SUFFIXES


def resolve(word: str | DataRef) -> DataRef:
    """Parse the DATA word `NAME[:SPLIT][@CLASSES]`, where NAME is the name of a data set or a path.

    Braces in a path that does not exist stand for several files: `photos-{000..009}.tar`.
    The name of a data set takes precedence over a path of that name; `./digits` always is a path.
    A path that exists is never cut at a colon or an `@`.

    Raises:
        InputError: there is no data set and no path of that name.
    """
    if isinstance(word, DataRef):
        return word
    if (source := _source(word)) is not None:
        return DataRef(source, word, None, None)
    before_at, _, after_at = word.rpartition("@")
    has_classes = bool(before_at) and ":" not in after_at  # an `@` before the split belongs to the path
    for plain, classes in [(before_at, after_at), (word, None)] if has_classes else [(word, None)]:
        name, colon, split = plain.rpartition(":")
        if (source := _source(plain)) is not None:
            return DataRef(source, plain, None, classes)
        if colon and (source := _source(name)) is not None:
            return DataRef(source, name, split, classes)
    plain = before_at if has_classes else word
    if "/" in plain or Path(plain).suffix:
        raise InputError(f"no such file or folder: {plain}", hint="check the path; aecli datasets lists the data sets")
    name, _, split = plain.rpartition(":")
    raise InputError(
        f"{unknown('data set', name if split in SPLITS else plain, registry().named)}; "
        "and no file or folder has that name",
        hint="aecli datasets lists the data sets",
    )


def _source(name: str) -> Source | None:
    if name in registry().named:
        return registry().named[name]
    if not name:
        return None
    path = Path(name)
    if not _exists(path):
        return _shards(name)
    if all((path / file).is_file() for file in RUN_FILES):
        raise InputError(f"a run folder, not images: {name}", hint=f"name images, and the model with --model {name}")
    for kind in registry().path_kinds:
        if kind.accepts(path):
            return kind(path)
    raise InputError(f"neither a file nor a folder: {path}")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # the name is too long or holds a null character
        return False


def _shards(pattern: str) -> ShardedSource | None:
    """Return the files that a pattern with braces stands for; None if it is not such a pattern.

    Raises:
        InputError: one of the files does not exist, or they are not of one kind that may have shards.
    """
    paths = [Path(name) for name in expand_braces(pattern)]
    kind = next((kind for kind in registry().path_kinds if kind.sharded and kind.accepts(paths[0])), None)
    if len(paths) < 2 or kind is None:
        return None
    if missing := [path for path in paths if not _exists(path)]:
        raise InputError(
            f"{len(missing):,} of the {len(paths):,} files of {pattern} do not exist, such as {missing[0]}",
            hint="check the numbers in the braces",
        )
    return ShardedSource([kind(path) for path in paths])
