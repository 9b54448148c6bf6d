"""Recipe keys: dataclass fields that carry their range, help sentence and command-line flag."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Range:
    """Bounds on a number, or on each number of a list; a bound that is None does not apply."""

    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None

    def __contains__(self, value: object) -> bool:
        return all(
            (self.at_least is None or number >= self.at_least)
            and (self.above is None or number > self.above)
            and (self.at_most is None or number <= self.at_most)
            and (self.below is None or number < self.below)
            for number in _numbers(value)
        )

    def __str__(self) -> str:
        if self.at_least is not None and self.at_most is not None:
            return f"from {self.at_least:,} to {self.at_most:,}"
        words = {"at least": self.at_least, "greater than": self.above, "at most": self.at_most, "below": self.below}
        return " and ".join(f"{word} {bound:,}" for word, bound in words.items() if bound is not None)


def key(
    default: Any,
    help: str,
    *,
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
    below: float | None = None,
    flag: str | None = None,
    metavar: str | None = None,
    parser: Callable[[str], Any] | None = None,
) -> Any:
    """Return a dataclass field that describes one key of a recipe.

    Args:
        default: The value of a recipe that leaves the key out. A dict or list is copied for each recipe.
        help: The sentence that documents the key, on the command line and in the reference.
        at_least: The smallest valid number.
        above: A number below all valid ones.
        at_most: The largest valid number.
        below: A number above all valid ones.
        flag: The option of `aecli train` that sets the key.
        metavar: What stands for the value in the option's help; the choices of a Literal by default.
        parser: Turns the option's text into the value of a key that is neither a number nor a choice.
    """
    metadata: dict[str, Any] = {"help": help}
    bounds = Range(at_least, above, at_most, below)
    if bounds != Range():
        metadata["range"] = bounds
    if flag:
        metadata["flag"] = flag
        metadata["metavar"] = metavar
        metadata["parser"] = parser
    if isinstance(default, dict | list):
        return field(default_factory=default.copy, metadata=metadata)
    return field(default=default, metadata=metadata)


def _numbers(value: object) -> Iterator[float]:
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, int | float):
            yield item
