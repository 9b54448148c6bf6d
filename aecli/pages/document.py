"""The frame of every page: head, theme, content policy, escaping and embedded images.

A page is one file with one style and one script. Its policy names the hashes of both, so that a browser runs nothing
else, whatever stands in names and labels, and loads nothing from anywhere.
"""

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import Any

THEME = "theme.css"


@dataclass(frozen=True)
class Document:
    """An HTML page without its body."""

    title: str
    styles: Sequence[str] = ()
    """Style sheets that follow the theme; equal ones are included once."""
    scripts: Sequence[str] = ()
    """Scripts that run when the body is complete; equal ones are included once. Each is a function that is called."""

    @property
    def style(self) -> str:
        """The content of the style element."""
        return "\n".join(dict.fromkeys((asset(__package__, THEME), *self.styles)))

    @property
    def script(self) -> str:
        """The content of the script element."""
        return "\n".join(dict.fromkeys(self.scripts))

    @property
    def policy(self) -> str:
        """The Content-Security-Policy."""
        script = f"'{_hash(self.script)}'" if self.scripts else "'none'"
        return (
            f"default-src 'none'; img-src data:; style-src '{_hash(self.style)}'; script-src {script}; "
            "base-uri 'none'; form-action 'none'"
        )

    def start(self) -> Iterator[str]:
        """Yield the lines before the body's content."""
        yield "<!doctype html>"
        yield '<html lang="en">'
        yield "<head>"
        yield '<meta charset="utf-8">'
        yield f'<meta http-equiv="Content-Security-Policy" content="{self.policy}">'
        yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
        yield '<meta name="referrer" content="no-referrer">'
        yield f"<title>{text(self.title)}</title>"
        yield f"<style>{self.style}</style>"
        yield "</head>"
        yield "<body>"

    def end(self) -> Iterator[str]:
        """Yield the lines after the body's content."""
        if self.scripts:
            yield f"<script>{self.script}</script>"
        yield "</body>"
        yield "</html>"
        yield ""

    def page(self, body: Iterable[str]) -> bytes:
        """Return the whole page; `body` are the lines of its content."""
        return "\n".join([*self.start(), *body, *self.end()]).encode()


@dataclass(frozen=True)
class Fragment:
    """A part of a page that needs a style and a script, such as an explorer; a page may hold several."""

    markup: str
    """HTML for the body."""
    styles: tuple[str, ...] = ()
    """For `Document.styles`."""
    scripts: tuple[str, ...] = ()
    """For `Document.scripts`."""


@dataclass(frozen=True)
class Picture:
    """An encoded image."""

    kind: str
    """`jpeg`, `png` or `webp`."""
    content: bytes
    size: tuple[int, int]
    """(width, height)"""

    @property
    def source(self) -> str:
        """Its address: the content itself."""
        return f"data:image/{self.kind};base64,{b64encode(self.content).decode()}"


def text(value: str) -> str:
    """Return a text of unknown origin for HTML: escaped, with control characters and lone surrogates spelled out."""
    return escape(spelled(value))


def spelled(value: str) -> str:
    """Return a text of unknown origin in printable characters; others are spelled as in a Python string."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape", "backslashreplace").decode()
        for character in value
    )


def data_block(value: Any, css_class: str) -> str:
    """Return an element of this class that holds a value as JSON for a script of the page; nothing in it can end it."""
    content = json.dumps(value, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")
    return f'<script type="application/json" class="{css_class}">{content}</script>'


def asset(package: str, name: str) -> str:
    """Return the text of a file beside the modules of a package: a style sheet or a script."""
    return files(package).joinpath(name).read_text("utf-8")


def _hash(content: str) -> str:
    """Return the source expression that allows exactly this content in a Content-Security-Policy."""
    return f"sha256-{b64encode(sha256(content.encode()).digest()).decode()}"
