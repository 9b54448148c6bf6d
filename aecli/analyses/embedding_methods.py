"""The methods that embed codes in the plane, and the options of all of them; imports nothing heavy."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

from aecli.analyses.embedding_options import SampleOptions
from aecli.analyses.tsne.options import TSNEOptions
from aecli.analyses.umap.options import UMAPOptions
from aecli.errors import InputError, UsageError, unknown
from aecli.runtime.progress import Progress

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aecli.analyses.embedding import Embedding
    from aecli.codes import Codes
    from aecli.codes.coordinates import PlanePoints


class EmbeddingModule(Protocol):
    """What the module of a method defines."""

    METHOD: str
    """The method's name in plots and files."""

    def require_embeddable(self, codes: "Codes", options: Any, name: str) -> list[str]:
        """Check the codes and the options before the work, and return notes for the user."""
        ...

    def embed(self, codes: "Codes", options: Any, progress: Progress) -> "Embedding":
        """Embed a sample of the codes."""
        ...

    def place(
        self, codes: "NDArray[np.float32]", points: "PlanePoints", settings: Mapping[str, Any], progress: Progress
    ) -> "NDArray[np.float32]":
        """Return the positions of (N, D) codes among the points of a map, (N, 2); ValueError if they do not fit."""
        ...


@dataclass(frozen=True)
class EmbeddingMethod:
    """A method of embedding, as the command line names it."""

    name: str
    options: type[SampleOptions]
    module_name: str

    @property
    def module(self) -> EmbeddingModule:
        """The module that computes it, which imports heavy packages."""
        return cast(EmbeddingModule, import_module(self.module_name))


METHODS = {
    method.name: method
    for method in (
        EmbeddingMethod("tsne", TSNEOptions, "aecli.analyses.tsne.method"),
        EmbeddingMethod("umap", UMAPOptions, "aecli.analyses.umap.embed"),
        EmbeddingMethod("pca", SampleOptions, "aecli.analyses.pca"),
    )
}
DEFAULT = "tsne"


def find_method(name: str) -> EmbeddingMethod:
    """Return the method with a name such as `tsne`.

    Raises:
        UsageError: there is none.
    """
    if name not in METHODS:
        raise UsageError(unknown("method", name, METHODS), hint=f"--method {'|'.join(METHODS)}")
    return METHODS[name]


def method_of_file(name: str) -> EmbeddingMethod:
    """Return the method with the name that a coordinates file has for it, such as "t-SNE".

    Raises:
        InputError: this version of aecli does not know it.
    """
    for method in METHODS.values():
        if name == method.module.METHOD:
            return method
    raise InputError(f"unknown method of a coordinates file: {name}", hint="pip install --upgrade aecli")


@dataclass(frozen=True)
class EmbeddingOptions(UMAPOptions, TSNEOptions):
    """The options of all methods, as the command line takes them."""

    def of(self, method: EmbeddingMethod) -> SampleOptions:
        """Return the options of one method."""
        return method.options(**{entry.name: getattr(self, entry.name) for entry in fields(method.options)})


def refuse_options_of_others(method: EmbeddingMethod, given: set[str]) -> None:
    """Check that no option of another method was given; `given` holds names of fields, such as `max_iter`.

    Raises:
        UsageError: one was.
    """
    own = {entry.name for entry in fields(method.options)}
    for entry in fields(EmbeddingOptions):
        if entry.name in given - own:
            others = [other.name for other in METHODS.values() if entry.name in {f.name for f in fields(other.options)}]
            raise UsageError(
                f"{_flag(entry.name)} has no effect with --method {method.name}",
                hint=f"leave it out, or --method {' or '.join(others)}",
            )


def refuse_options_of_embeddings(given: set[str]) -> None:
    """Check that no option was given which has no effect where codes are placed onto a map; see above.

    Raises:
        UsageError: one was.
    """
    own = {entry.name for entry in fields(SampleOptions)}
    for entry in fields(EmbeddingOptions):
        if entry.name in given - own:
            raise UsageError(
                f"{_flag(entry.name)} has no effect with --onto: codes are placed with the settings of the map",
                hint="leave it out, or leave out --onto to embed the codes anew",
            )


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
