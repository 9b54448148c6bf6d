"""What a file of aecli says of itself: a dataclass, kept as one JSON string among the metadata."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar, Self

from aecli.errors import InputError, RecipeError
from aecli.storage.schema import build, parse_json


@dataclass(frozen=True)
class Header:
    """What is common to all kinds; each has the fields `kind` and `format`, so that a reader knows what it has."""

    KIND: ClassVar[str]
    FORMAT: ClassVar[int]
    """The newest that this version knows."""
    HINT: ClassVar[str | None] = None
    """How to make a file of this kind."""

    def check_ranges(self) -> None:
        """Raise ValueError where values do not fit one another."""

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str, path: Path) -> Self:
        """Parse what `to_json` wrote; `path` is named in errors.

        Raises:
            InputError: it is something else, or of a newer format.
        """
        try:
            values = parse_json(text)
            if values.get("kind") != cls.KIND:
                raise InputError(f"not a {cls.KIND} but a {values.get('kind')}: {path}", hint=cls.HINT)
            if values["format"] > cls.FORMAT:
                raise InputError(f"made by a newer aecli: {path}", hint="pip install --upgrade aecli")
            header = build(cls, values)
            header.check_ranges()
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, RecipeError) as error:
            raise InputError(f"damaged {cls.KIND}: {path}: its description cannot be read: {error}") from error
        return header
