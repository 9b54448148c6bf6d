"""Names of files: their suffixes, which ones are passed over, and how notes list them."""

from collections.abc import Iterable, Mapping

SYSTEM_FOLDERS = frozenset(
    {"__MACOSX", "lost+found", "@eaDir", "#recycle", "#snapshot", "$RECYCLE.BIN", "System Volume Information"}
)
"""Folders that macOS, Linux, network storage and Windows add: copies of metadata, thumbnails, deleted files."""
MAX_LISTED = 8
"""The most suffixes or folders that a note or an error lists."""


def passed_over_note(counts: Mapping[str, int]) -> str | None:
    """Return the note on files that are not images, given their number by suffix; None for no files."""
    by_suffix = [f"{count:,} {suffix or 'without suffix'}" for suffix, count in counts.items()]
    return f"passed over: {listed(by_suffix)}" if counts else None


def listed(items: Iterable[str]) -> str:
    """Join items with commas; after the first ones only the number of the others is given."""
    texts = list(items)
    more = len(texts) - MAX_LISTED
    return ", ".join(texts[:MAX_LISTED]) + (f" and {more:,} more" if more > 0 else "")


def is_visible(name: str) -> bool:
    """Return whether a file or folder of this name is neither hidden nor one that a system keeps for itself."""
    return not name.startswith(".") and name not in SYSTEM_FOLDERS


def suffix_of(name: str) -> str:
    """Return the suffix of a posix path in lower case: `.png`, or "" for none."""
    file = name.rpartition("/")[2]
    stem, dot, suffix = file.rpartition(".")
    return f".{suffix.lower()}" if dot and stem and suffix else ""
