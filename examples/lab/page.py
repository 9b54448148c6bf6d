"""Convert a report in Markdown to one self-contained HTML page: `page.py REPORT.md > REPORT.html`."""

import base64
import re
import sys
from html import escape
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 62rem; color: #1d2329; background: #fff;
  font: 1rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif; }
p, li { max-width: 46rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0.5rem 0 1rem; }
h2 { font-size: 1.4rem; margin: 3rem 0 1rem; padding-bottom: 0.3rem; border-bottom: 2px solid #dfe4e8; }
h3 { font-size: 1.1rem; margin: 2rem 0 0.5rem; }
a { color: #0b5394; }
code { font: 0.9em/1 ui-monospace, "DejaVu Sans Mono", monospace; background: #f1f4f6; padding: 0.15em 0.3em;
  border-radius: 3px; }
nav { margin: 1.5rem 0; padding: 0.8rem 1rem; background: #f6f8f9; border-radius: 6px; font-size: 0.95rem; }
nav ul { margin: 0; padding-left: 1.2rem; columns: 20rem 2; column-gap: 2rem; }
nav ul ul { columns: auto; }
nav > ul > li { break-inside: avoid-column; }
.table { overflow-x: auto; margin: 1rem 0 1.2rem; }
table { border-collapse: collapse; font-size: 0.92rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.35rem 1.2rem 0.35rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid #e4e8eb; }
td[style] { white-space: nowrap; }
th { font-weight: 600; border-bottom-color: #9aa5ae; vertical-align: bottom; }
figure { margin: 1.2rem 0; }
figure img { display: block; max-width: 100%; height: auto; }
figure img.small { image-rendering: pixelated; }
figcaption { color: #56616a; font-size: 0.9rem; margin-top: 0.3rem; }
.gallery { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 0 1.5rem; }
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; }
  h2 { margin-top: 1.5rem; }
  h2, h3 { break-after: avoid; }
  figure, tr { break-inside: avoid; }
  .gallery { grid-template-columns: 1fr 1fr; }
  .table { overflow: visible; }
}
"""


def page(markdown: str, folder: Path) -> str:
    """Return the page with the images, which are relative to `folder`, embedded."""
    parser = MarkdownIt("commonmark").enable("table")
    tokens = parser.parse(markdown)
    headings = _add_anchors(tokens)
    contents = _contents([heading for heading in headings if heading[0] > 1])
    body = parser.renderer.render(tokens, parser.options, {})
    body = re.sub(r'<img src="([^"]*)" alt="([^"]*)"[^>]*>', lambda match: _figure(folder, *match.groups()), body)
    body = re.sub(r"<p>(<figure>.*?</figure>)</p>", _gallery, body, flags=re.DOTALL)
    body = re.sub(r"<table>.*?</table>", lambda match: f'<div class="table">{match[0]}</div>', body, flags=re.DOTALL)
    body = body.replace("<h2", f"{contents}\n<h2", 1)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(headings[0][2])}</title>
<style>{STYLE}</style>
</head>
<body>
{body}</body>
</html>"""


def _add_anchors(tokens: list[Token]) -> list[tuple[int, str, str]]:
    """Set the anchors of all headings; return level, anchor and text of each."""
    headings = []
    for token, inline in pairwise(tokens):
        if token.type == "heading_open":
            anchor = re.sub(r"\W+", "-", inline.content.lower()).strip("-")
            token.attrSet("id", anchor)
            headings.append((int(token.tag[1]), anchor, inline.content))
    return headings


def _contents(headings: list[tuple[int, str, str]]) -> str:
    lines, depth = ["<nav>"], 1
    for level, anchor, text in headings:
        lines += ["<ul>"] * (level - depth) + ["</ul>"] * (depth - level)
        depth = level
        lines.append(f'<li><a href="#{anchor}">{escape(text)}</a></li>')
    return "\n".join([*lines, *["</ul>"] * (depth - 1), "</nav>"])


def _figure(folder: Path, source: str, caption: str) -> str:
    data = base64.b64encode((folder / source).read_bytes()).decode()
    return (
        f'<figure><img src="data:image/png;base64,{data}" alt="{caption}"><figcaption>{caption}</figcaption></figure>'
    )


def _gallery(match: re.Match[str]) -> str:
    figures = match[1]
    return f'<div class="gallery">{figures}</div>' if figures.count("<figure>") > 1 else figures


if __name__ == "__main__":
    report = Path(sys.argv[1])
    print(page(report.read_text("utf-8"), report.parent))
