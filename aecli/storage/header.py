"""The metadata of aecli's files: a dataclass that is stored as one JSON string."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar, Self

from aecli.errors import InputError, RecipeError
from aecli.storage.schema import build, parse_json


@dataclass(frozen=True)
class Header:
    """Base class of the metadata of all kinds of files; subclasses have the fields `kind` and `format`."""

    KIND: ClassVar[str]
    FORMAT: ClassVar[int]
    """The newest format that this version can read."""
    HINT: ClassVar[str | None] = None
    """How to make a file of this kind."""

    def check_ranges(self) -> None:
        """Raise ValueError if the values are not consistent with each other."""

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str, path: Path) -> Self:
        """Parse the output of `to_json`; errors name `path`.

        Raises:
            InputError: the text is damaged, or describes another kind of file or a newer format.
        """
        try:
            values = parse_json(text)
            if values.get("kind") != cls.KIND:
                raise InputError(f"not a {cls.KIND} but a {values.get('kind')}: {path}", hint=cls.HINT)
            if values["format"] > cls.FORMAT:
                raise InputError(f"made by a newer version of aecli: {path}", hint="pip install --upgrade aecli")
            header = build(cls, values)
            header.check_ranges()
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, RecipeError) as error:
            raise InputError(f"damaged {cls.KIND}: {path}: invalid metadata: {error}") from error
        return header


def versions_text(versions: Mapping[str, str]) -> str:
    """Return the packages that made a file, and their versions, such as `aecli 0.2.0, torch 2.9.0`."""
    return ", ".join(f"{name} {number}" for name, number in versions.items())
