"""What a person may choose about t-SNE; light, as the command line reads it before it works."""

from dataclasses import dataclass, field
from typing import Any, Literal

from aecli.errors import InputError, UsageError

Metric = Literal["euclidean", "cosine", "manhattan", "chebyshev"]
DEFAULT_PERPLEXITY = 30.0
FEWEST = 4
"""Codes that can be laid out: perplexity 1 asks for three neighbors."""
EARLY_ITERATIONS = 150
"""At most, and at most a fifth of all: as the steps grow with the number of codes, scikit-learn's 250 bring no more."""


def parse_sample(text: str | int) -> int | None:
    """Return the number of codes that a word such as `1000` means, None for `all`.

    Raises:
        UsageError: it means none.
    """
    if str(text) == "all":
        return None
    if not str(text).isdecimal() or int(text) < FEWEST:
        raise UsageError(f"not a sample: {text}", hint=f"--sample all, or a number from {FEWEST}")
    return int(text)


def _said(help_text: str, metavar: str = "N", **how: Any) -> dict[str, Any]:
    return {"help": help_text, "metavar": metavar, "rich_help_panel": "t-SNE", **how}


@dataclass(frozen=True)
class TSNEOptions:
    """How codes are drawn and laid out; names and meanings are scikit-learn's."""

    sample: int | None = field(
        default=1000,
        metadata=_said("Codes to draw, by class and seed, or all.", "N|all", parser=parse_sample),
    )
    perplexity: float | None = field(
        default=None,
        metadata=_said(
            "Neighbors that count for each code, about: 5 to 50 are usual; "
            f"else {DEFAULT_PERPLEXITY:g}, or a third of the codes where they are few."
        ),
    )
    metric: Metric = field(
        default="euclidean", metadata=_said("Distance between codes.", "euclidean|cosine|manhattan|chebyshev")
    )
    max_iter: int = field(
        default=750,
        metadata=_said(f"Iterations; a fifth of them, {EARLY_ITERATIONS} at most, are the early ones."),
    )
    """Default: openTSNE's. Scikit-learn's 1,000 shorter ones come as far with 1,000 codes, less far with 10,000."""
    early_exaggeration: float = field(
        default=12.0, metadata=_said("How much more neighbors attract in the early iterations.", "FACTOR")
    )
    learning_rate: float | None = field(
        default=None,
        metadata=_said("Step size; else the number of codes over the exaggeration in effect.", "RATE"),
    )
    """Default: Belkina et al., Nature Communications 10, 2019."""
    seed: int = field(default=0, metadata=_said("Draws the sample, and tells equal codes apart at the start."))

    def __post_init__(self) -> None:
        """Refuse what makes no sense for any codes.

        Raises:
            UsageError: it does not.
        """
        for name, value, least in (
            ("perplexity", DEFAULT_PERPLEXITY if self.perplexity is None else self.perplexity, 1),
            ("max_iter", self.max_iter, 1),
            ("early_exaggeration", self.early_exaggeration, 1),
            ("learning_rate", 1 if self.learning_rate is None else self.learning_rate, 1e-9),
            ("seed", self.seed, 0),
        ):
            if not least <= value < 2**32:  # which is false for NaN too
                flag = name.replace("_", "-")
                raise UsageError(f"--{flag} {value:g} makes no sense", hint=f"--{flag} from {least:g} on")

    @property
    def early_iterations(self) -> int:
        return min(EARLY_ITERATIONS, self.max_iter // 5)

    def perplexity_for(self, count: int, name: str = "codes") -> float:
        """Return the perplexity to lay `count` codes out with, at most a third of those drawn; `name` is for messages.

        Raises:
            InputError: they are too few at all.
            UsageError: they are too few for the perplexity that was asked for.
        """
        drawn = min(count, self.sample or count)
        if drawn < FEWEST:
            raise InputError(f"{name}: {drawn} codes are too few: t-SNE needs {FEWEST}")
        largest = (drawn - 1) / 3
        if self.perplexity is None:
            return min(DEFAULT_PERPLEXITY, float(int(largest)))
        if self.perplexity > largest:
            raise UsageError(
                f"{name}: perplexity {self.perplexity:g} is too large for {drawn:,} codes: at most {largest:.4g}",
                hint=f"--perplexity {int(largest)}" + (", or a larger --sample" if drawn < count else ""),
            )
        return self.perplexity
