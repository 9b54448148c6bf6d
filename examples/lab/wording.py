"""Format values, sentences, tables and images as Markdown."""

import re
from collections.abc import Iterable, Mapping, Sequence
from math import sqrt
from statistics import mean, stdev
from typing import Any

NONE = "\u2013"
NUMBER = re.compile(rf"[-+]?\d.*|{NONE}|")
WORDS_AMONG_NUMBERS = {"x", "K", "to", "and", "never"}


def percent(fraction: float, digits: int = 1) -> str:
    """Return a fraction as a percentage."""
    return f"{100 * fraction:.{digits}f}%"


def interval(estimate: Mapping[str, float]) -> str:
    """Return an estimate and its interval as percentages."""
    return f"{percent(estimate['value'])} ({100 * estimate['low']:.1f} to {100 * estimate['high']:.1f})"


def counted(count: int, noun: str) -> str:
    """Return the count and the noun, in the plural unless the count is 1."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def saved(storage: Mapping[str, Any]) -> str:
    """Return the bytes that a row of the compression report saves or adds, in percent."""
    change = storage["saved_percent"]
    return f"{change:.2f}% saved" if change >= 0 else f"{-change:.2f}% more"


def shape(sizes: Sequence[int]) -> str:
    """Return the shape as in `4 x 7 x 7`."""
    return " x ".join(f"{size:,}" for size in sizes)


def joined(words: Sequence[str]) -> str:
    """Return `a, b and c`."""
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def difference(accuracy: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[float, float, float]:
    """Return the mean difference of two k-NN accuracies over the same draws of labels, and its 95% interval."""
    differences = [a - b for a, b in zip(accuracy["draws"], other["draws"], strict=True)]
    reach = 2.01 * stdev(differences) / sqrt(len(differences)) if len(differences) > 1 else float("inf")
    return mean(differences), mean(differences) - reach, mean(differences) + reach


def more_or_less(accuracy: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """Describe the difference of two accuracies in percentage points, or that it is not significant."""
    middle, low, high = difference(accuracy, other)
    if low <= 0 <= high:
        return f"no significant difference ({100 * middle:+.1f} points)"
    word = "more" if middle > 0 else "less"
    ends = sorted([abs(low), abs(high)])
    return f"{100 * abs(middle):.1f} points {word} ({100 * ends[0]:.1f} to {100 * ends[1]:.1f})"


def helps(accuracy: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """Return whether the accuracy is higher by more than a point; less may be due to the seed of the training."""
    middle = difference(accuracy, other)[0]
    return "Yes, here" if middle > 0.01 else "Not here" if middle < -0.01 else "Hardly, here"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; columns of numbers, except the first column, are aligned to the right."""
    body = [list(row) for row in rows]
    numeric = [column > 0 and all(_is_number(row[column]) for row in body) for column in range(len(head))]
    lines = [head, ["---:" if is_numeric else "---" for is_numeric in numeric], *body]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _is_number(cell: str) -> bool:
    return bool(NUMBER.fullmatch(cell)) and set(re.findall("[A-Za-z]+", cell)) <= WORDS_AMONG_NUMBERS


def image(path: str, caption: str) -> str:
    """Return an image with its caption."""
    return f"![{caption}]({path})"


def paragraphs(*blocks: str) -> str:
    """Join blocks with empty lines; empty blocks are dropped."""
    return "\n\n".join(block for block in blocks if block)
