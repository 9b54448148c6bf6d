"""Parse the values of options that are numbers or words."""

import re
from typing import Any

from aecli.errors import UsageError


def parse_image_size(text: str) -> Any:
    """Parse `64`, `96x64` (width x height), `native` or `any`; return the value of the recipe key.

    Raises:
        UsageError: the text is not a size.
    """
    if text in {"native", "any"}:
        return text
    if not (match := re.fullmatch(r"(\d{1,9})(?:[xX](\d{1,9}))?", text.strip())):
        raise UsageError(f"not an image size: {text}", hint="for example --image-size 64, or 96x64 for width x height")
    return [int(match[2]), int(match[1])] if match[2] else int(match[1])


def parse_batch_size(text: str) -> Any:
    """Parse a number of images or `auto`; return the value of the recipe key.

    Raises:
        UsageError: the text is neither.
    """
    return _number_or_auto(text, "a batch size", "--batch-size 16")


def parse_overlap(text: str) -> Any:
    """Parse a number of pixels or `auto`; return the value of the recipe key.

    Raises:
        UsageError: the text is neither.
    """
    return _number_or_auto(text, "an overlap of tiles", "--overlap 32")


def _number_or_auto(text: str, what: str, example: str) -> int | str:
    if text != "auto" and not text.strip().lstrip("+-").isdecimal():
        raise UsageError(f"not {what}: {text}", hint=f"for example {example}, or auto")
    return text if text == "auto" else int(text)
