"""A recipe as a file to start from: every key with its value, below what it means and which values it may have."""

import json
import textwrap
from dataclasses import Field
from typing import Any

from aecli.recipes.schema import Recipe, recipe_keys
from aecli.storage.schema import type_name

WIDTH = 100


def recipe_template(recipe: Recipe, title: str) -> str:
    """Return the recipe as TOML that `load_recipe` reads as an equal one, with a comment before each key."""
    sections = recipe.to_dict()
    lines = [*_comment(title), "# To run it: aecli train DATA -o run --recipe FILE.toml. Keys may be left out."]
    for section, values in sections.items():
        lines += ["", f"[{section}]"]
        tables = {}
        for name, value in values.items():
            comment = _meaning(recipe_keys()[f"{section}.{name}"])
            if isinstance(value, dict):  # a table of its own, after the keys of its section
                tables[name] = comment, value
            else:
                lines += [*comment, f"{name} = {toml_text(value)}"]
        for name, (comment, table) in tables.items():
            lines += ["", *comment, f"[{section}.{name}]"]
            lines += [f"{key} = {toml_text(value)}" for key, value in table.items()]
    return "\n".join(lines) + "\n"


def toml_text(value: Any) -> str:
    """Return a value of a recipe as TOML in one line: a boolean, a number, a text or a list of these."""
    if isinstance(value, list):
        return f"[{', '.join(map(toml_text, value))}]"
    return json.dumps(value) if isinstance(value, bool | str) else repr(value)


def _meaning(entry: "Field[Any]") -> list[str]:
    """Return the comment on a key: its help, and the values that it may have."""
    values = ", ".join(map(str, filter(None, [type_name(entry.type), entry.metadata.get("range")])))
    return [*_comment(entry.metadata["help"]), *_comment(f"Values: {values}.")]


def _comment(text: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent="# ", subsequent_indent="# ", break_long_words=False, break_on_hyphens=False
    )
