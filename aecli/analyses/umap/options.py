"""The options of UMAP; imports nothing heavy, as the command line reads it before it runs a command."""

from dataclasses import dataclass

from aecli.analyses.embedding_options import MetricOptions, require_at_least
from aecli.errors import InputError, UsageError
from aecli.runtime.counting import counted
from aecli.runtime.options import option

DEFAULT_NEIGHBORS = 15
MIN_CODES = 4

PANEL = "UMAP"


@dataclass(frozen=True)
class UMAPOptions(MetricOptions):
    """How codes are sampled and embedded by UMAP; names and meanings are those of umap-learn."""

    n_neighbors: int | None = option(
        None,
        "Number of neighbors of each code: few for details, many for the whole. "
        f"Default: {DEFAULT_NEIGHBORS}, or all other codes if there are fewer.",
        metavar="N",
        panel=PANEL,
    )
    min_dist: float = option(0.1, "Smallest distance of points in the plane, from 0 to 1.", metavar="D", panel=PANEL)

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            UsageError: a value is out of range.
        """
        super().__post_init__()
        neighbors = DEFAULT_NEIGHBORS if self.n_neighbors is None else self.n_neighbors
        require_at_least(n_neighbors=(neighbors, 2), min_dist=(self.min_dist, 0))
        if self.min_dist > 1:
            raise UsageError(f"--min-dist must be at most 1, got {self.min_dist:g}", hint="--min-dist 1")

    def neighbors_for(self, count: int, name: str = "codes") -> int:
        """Return the number of neighbors for a sample of `count` codes; errors call them `name`.

        Raises:
            InputError: there are too few codes.
            UsageError: more neighbors are requested than there are other codes.
        """
        drawn = min(count, self.sample or count)
        if drawn < MIN_CODES:
            raise InputError(f"{name}: {counted(drawn, 'code')}, but UMAP needs at least {MIN_CODES}")
        if self.n_neighbors is None:
            return min(DEFAULT_NEIGHBORS, drawn - 1)
        if self.n_neighbors > drawn - 1:
            raise UsageError(
                f"{name}: {self.n_neighbors} neighbors are too many for {drawn:,} codes: at most {drawn - 1:,}",
                hint=f"--n-neighbors {drawn - 1}" + (", or a larger --sample" if drawn < count else ""),
            )
        return self.n_neighbors
