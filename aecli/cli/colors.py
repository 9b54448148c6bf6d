"""Colors of single words on a terminal, without importing rich."""

import os
from typing import Any, Literal

Style = Literal["error", "warning", "hint", "heading", "name"]

CODES: dict[Style, str] = {"error": "1;31", "warning": "33", "hint": "36", "heading": "1", "name": "36"}
"""Bold, red, yellow and cyan, in the terminal's own palette."""


def styled(text: str, style: Style, stream: Any) -> str:
    """Return the text in a color, for a stream that shows colors; for any other stream, the text itself."""
    return f"\x1b[{CODES[style]}m{text}\x1b[0m" if shows_colors(stream) else text


def shows_colors(stream: Any) -> bool:
    """Return whether a stream shows colors, by the rules of rich.

    A terminal does unless NO_COLOR is set or TERM is dumb. FORCE_COLOR makes every stream a terminal, or, empty, none.
    """
    if os.environ.get("NO_COLOR") or is_dumb_terminal():
        return False
    forced = os.environ.get("FORCE_COLOR")
    return bool(stream.isatty() if forced is None else forced)


def is_dumb_terminal() -> bool:
    """Return whether the terminal shows text only: no colors, and no lines that are drawn again."""
    return os.environ.get("TERM", "").lower() in {"dumb", "unknown"}
