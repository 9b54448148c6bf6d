"""A part of the page, with its title and anchor."""

from collections.abc import Sequence
from dataclasses import dataclass

from aecli.pages.document import text


@dataclass(frozen=True)
class Section:
    """A part of the page."""

    anchor: str
    title: str
    body: Sequence[str]
    """Blocks of HTML."""
    styles: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()

    @property
    def markup(self) -> str:
        """The HTML of the part."""
        return "\n".join([f'<section id="{self.anchor}">', f"<h2>{text(self.title)}</h2>", *self.body, "</section>"])
