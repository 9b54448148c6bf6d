"""The options that several methods of embedding share; imports nothing heavy, as the command line reads it."""

from dataclasses import dataclass
from typing import Literal

from aecli.errors import UsageError
from aecli.runtime.options import option

Metric = Literal["euclidean", "cosine", "manhattan", "chebyshev"]
MIN_CODES = 4
"""The smallest sample. Perplexity 1 of t-SNE needs three neighbors."""
PANEL = "Embedding"


def parse_sample(text: str | int) -> int | None:
    """Return the sample size of an option value such as `1000`; None for `all`.

    Raises:
        UsageError: the value is neither `all` nor a sufficient number.
    """
    if str(text) == "all":
        return None
    if not str(text).isdecimal() or int(text) < MIN_CODES:
        raise UsageError(f"invalid sample: {text}", hint=f"--sample all, or a number of at least {MIN_CODES}")
    return int(text)


def require_at_least(**values: tuple[float, float]) -> None:
    """Check the value of each option by its name: (value, smallest allowed value).

    Raises:
        UsageError: a value is too small, not a number, or 2^32 or more.
    """
    for name, (value, minimum) in values.items():
        flag = f"--{name.replace('_', '-')}"
        if not value >= minimum:  # also true for NaN
            raise UsageError(f"{flag} must be at least {minimum:g}, got {value:g}", hint=f"{flag} {minimum:g}")
        if value >= 2**32:
            raise UsageError(f"{flag} must be less than 2^32, got {value:g}")


@dataclass(frozen=True)
class SampleOptions:
    """Which codes are embedded: the options of every method."""

    sample: int | None = option(
        1000,
        "Number of codes to draw, stratified by class; all for all codes.",
        metavar="N|all",
        panel=PANEL,
        parser=parse_sample,
    )
    seed: int = option(
        0, "Random seed for the sample and for whatever is random in the method.", metavar="N", panel=PANEL
    )

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            UsageError: a value is out of range.
        """
        require_at_least(sample=(MIN_CODES if self.sample is None else self.sample, MIN_CODES), seed=(self.seed, 0))


@dataclass(frozen=True)
class MetricOptions(SampleOptions):
    """The options of methods that start from the nearest neighbors of codes."""

    metric: Metric = option(
        "euclidean",
        "Distance between codes; for tsne and umap.",
        metavar="euclidean|cosine|manhattan|chebyshev",
        panel=PANEL,
    )
