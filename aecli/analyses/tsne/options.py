"""The options of t-SNE; imports nothing heavy, as the command line reads it before it runs a command."""

from dataclasses import dataclass

from aecli.analyses.embedding_options import MIN_CODES, MetricOptions, require_at_least
from aecli.errors import InputError, UsageError
from aecli.runtime.counting import counted
from aecli.runtime.options import option

DEFAULT_PERPLEXITY = 30.0
MAX_EARLY_ITERATIONS = 150
"""The step size grows with the number of codes, so that the 250 of scikit-learn bring no further gain."""

PANEL = "t-SNE"


@dataclass(frozen=True)
class TSNEOptions(MetricOptions):
    """How codes are sampled and embedded by t-SNE; names and meanings are those of scikit-learn."""

    perplexity: float | None = option(
        None,
        "Effective number of neighbors of each code, usually 5 to 50. "
        f"Default: {DEFAULT_PERPLEXITY:g}, or a third of the codes if there are few.",
        metavar="N",
        panel=PANEL,
    )
    max_iter: int = option(
        750,
        f"Number of iterations. A fifth of them, at most {MAX_EARLY_ITERATIONS}, use early exaggeration.",
        metavar="N",
        panel=PANEL,
    )
    """Default: openTSNE's. The 1,000 of scikit-learn reach the same divergence for 1,000 codes, and a higher one for
    10,000."""
    early_exaggeration: float = option(
        12.0, "Factor of the attraction between neighbors in the early iterations.", metavar="FACTOR", panel=PANEL
    )
    learning_rate: float | None = option(
        None,
        "Step size. Default: the number of codes divided by the current exaggeration.",
        metavar="RATE",
        panel=PANEL,
    )
    """Default: Belkina et al., Nature Communications 10, 2019."""

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            UsageError: a value is out of range.
        """
        super().__post_init__()
        require_at_least(
            perplexity=(DEFAULT_PERPLEXITY if self.perplexity is None else self.perplexity, 1),
            max_iter=(self.max_iter, 1),
            early_exaggeration=(self.early_exaggeration, 1),
            learning_rate=(1 if self.learning_rate is None else self.learning_rate, 1e-9),
        )

    @property
    def early_iterations(self) -> int:
        return min(MAX_EARLY_ITERATIONS, self.max_iter // 5)

    def perplexity_for(self, count: int, name: str = "codes") -> float:
        """Return the perplexity for a sample of `count` codes: at most a third of the sample; errors call them `name`.

        Raises:
            InputError: there are too few codes for any perplexity.
            UsageError: the requested perplexity is too large for the sample.
        """
        drawn = min(count, self.sample or count)
        if drawn < MIN_CODES:
            raise InputError(f"{name}: {counted(drawn, 'code')}, but t-SNE needs at least {MIN_CODES}")
        largest = (drawn - 1) / 3
        if self.perplexity is None:
            return min(DEFAULT_PERPLEXITY, float(int(largest)))
        if self.perplexity > largest:
            raise UsageError(
                f"{name}: perplexity {self.perplexity:g} is too large for {drawn:,} codes: at most {largest:.4g}",
                hint=f"--perplexity {int(largest)}" + (", or a larger --sample" if drawn < count else ""),
            )
        return self.perplexity
