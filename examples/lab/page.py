"""Convert a report in Markdown to one self-contained HTML page: `page.py REPORT.md > REPORT.html`."""

import re
import sys
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from PIL import Image

from aecli.pages import blocks
from aecli.pages.document import Document, Picture, text

SMALL = 100
"""Images of fewer pixels on a side, such as single digits, are shown with sharp pixels."""


def page(markdown: str, folder: Path) -> str:
    """Return the page with the images, which are relative to `folder`, embedded."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(markdown)
    headings = _add_anchors(tokens)
    _add_cell_classes(tokens)
    body = parser.renderer.render(tokens, parser.options, {})
    body = re.sub(r'<img src="([^"]*)" alt="([^"]*)"[^>]*>', lambda match: _figure(folder, *match.groups()), body)
    body = re.sub(r"<p>(<figure>.*?</figure>)</p>", _gallery, body, flags=re.DOTALL)
    body = re.sub(r"<table>.*?</table>", lambda match: blocks.scrolling(match[0]), body, flags=re.DOTALL)
    contents = _contents([heading for heading in headings if heading[0] > 1])
    body = body.replace("<h2", f"{contents}\n<h2", 1)
    document = Document(headings[0][2], [blocks.STYLE])
    return document.page(['<main class="document">', body, "</main>"]).decode()


def _add_anchors(tokens: list[Token]) -> list[tuple[int, str, str]]:
    """Set the anchors of all headings; return level, anchor and text of each."""
    headings = []
    for token, inline in pairwise(tokens):
        if token.type == "heading_open":
            anchor = re.sub(r"\W+", "-", inline.content.lower()).strip("-")
            token.attrSet("id", anchor)
            headings.append((int(token.tag[1]), anchor, inline.content))
    return headings


def _add_cell_classes(tokens: list[Token]) -> None:
    """Replace the styles of table cells, which the policy of the page forbids, by classes."""
    for token, inline in pairwise(tokens):
        if token.type in {"td_open", "th_open"}:
            is_number = "right" in str(token.attrs.pop("style", ""))
            if name := blocks.cell_class(inline.content, is_number=is_number):
                token.attrSet("class", name)


def _contents(headings: list[tuple[int, str, str]]) -> str:
    lines, depth = ['<nav class="contents nested" aria-label="Contents">'], 1
    for level, anchor, title in headings:
        lines += ["<ul>"] * (level - depth) + ["</ul>"] * (depth - level)
        depth = level
        lines.append(f'<li><a href="#{anchor}">{text(title)}</a></li>')
    return "\n".join([*lines, *["</ul>"] * (depth - 1), "</nav>"])


def _figure(folder: Path, source: str, caption: str) -> str:
    """Return an image with its caption, which is escaped already."""
    path = folder / source
    with Image.open(path) as opened:
        size = opened.size
    drawn = blocks.image(Picture("png", path.read_bytes(), size), "", is_small=max(size) <= SMALL)
    return f"<figure>{drawn}<figcaption>{caption}</figcaption></figure>"


def _gallery(match: re.Match[str]) -> str:
    figures = match[1]
    return blocks.gallery([figures], "wide") if figures.count("<figure>") > 1 else figures


if __name__ == "__main__":
    report = Path(sys.argv[1])
    print(page(report.read_text("utf-8"), report.parent), end="")
