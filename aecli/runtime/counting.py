"""Counts with nouns, for messages."""


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """Return the count with its noun in the singular or plural: `1 code`, `2 codes`."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"
