"""Figures, tables and pictures as Markdown."""

import re
from collections.abc import Iterable, Sequence
from math import sqrt
from statistics import mean, stdev

NONE = "\u2013"
NUMBER = re.compile(rf"[-+]?\d.*|{NONE}|")
WORDS_AMONG_NUMBERS = {"x", "K", "to", "and", "never"}


def percent(part: float, digits: int = 1) -> str:
    return f"{100 * part:.{digits}f} %"


def interval(estimate: dict[str, float]) -> str:
    return f"{percent(estimate['value'])} ({100 * estimate['low']:.1f} to {100 * estimate['high']:.1f})"


def counted(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'s' * (count != 1)}"


def saved(kept: dict) -> str:
    """Say how many bytes a way of keeping images saves, or how many more it takes, in percent."""
    return (
        f"{kept['saved_percent']:.2f} % saved" if kept["saved_percent"] >= 0 else f"{-kept['saved_percent']:.2f} % more"
    )


def shape(sizes: Sequence[int]) -> str:
    return " x ".join(f"{size:,}" for size in sizes)


def listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def difference(one: dict, other: dict) -> tuple[float, float, float]:
    """Return by how much one k-NN accuracy is above another, and its 95 % interval, over the same draws of labels."""
    differences = [a - b for a, b in zip(one["draws"], other["draws"], strict=True)]
    reach = 2.01 * stdev(differences) / sqrt(len(differences)) if len(differences) > 1 else float("inf")
    return mean(differences), mean(differences) - reach, mean(differences) + reach


def more_or_less(one: dict, other: dict) -> str:
    """Say it in points, or that the draws do not tell them apart."""
    middle, low, high = difference(one, other)
    if low <= 0 <= high:
        return f"no difference beyond the chance of the draw ({100 * middle:+.1f} points)"
    word = "more" if middle > 0 else "less"
    ends = sorted([abs(low), abs(high)])
    return f"{100 * abs(middle):.1f} points {word} ({100 * ends[0]:.1f} to {100 * ends[1]:.1f})"


def helps(one: dict, other: dict) -> str:
    """Say whether it does by more than a point: less may be the chance of a training, of which there is one of each."""
    middle = difference(one, other)[0]
    return "Yes, here" if middle > 0.01 else "Not here" if middle < -0.01 else "Hardly, here"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lay out rows; a column of figures, but the first, is set to the right."""
    body = [list(row) for row in rows]
    numbers = [column > 0 and all(_is_figure(row[column]) for row in body) for column in range(len(head))]
    lines = [head, ["---:" if number else "---" for number in numbers], *body]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _is_figure(cell: str) -> bool:
    return bool(NUMBER.fullmatch(cell)) and set(re.findall("[A-Za-z]+", cell)) <= WORDS_AMONG_NUMBERS


def picture(path: str, caption: str) -> str:
    return f"![{caption}]({path})"


def paragraphs(*blocks: str) -> str:
    return "\n\n".join(block for block in blocks if block)
