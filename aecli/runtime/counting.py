"""Counts with nouns, and rates, for messages."""


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """Return the count with its noun in the singular or plural: `1 code`, `2 codes`."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def rate_text(rate: float) -> str:
    """Return a rate in whole numbers, or with two digits below 1, as of large images in tiles."""
    return f"{rate:,.0f}" if rate >= 1 else f"{rate:.2g}"
