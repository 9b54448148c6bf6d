"""The frame of all pages: nothing but its own style and script runs, and texts stay texts."""

import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

from aecli.pages.document import Document, Picture, asset, data_block, spelled, text


class Attributes(HTMLParser):
    """Collects the tags of a page and the policy."""

    def __init__(self, page: str):
        super().__init__()
        self.tags: list[str] = []
        self.policy = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if dict(attrs).get("http-equiv") == "Content-Security-Policy":
            self.policy = dict(attrs)["content"] or ""


def page(**parts: list[str]) -> str:
    return Document("a <b> title", **parts).page(["<p>body</p>"]).decode()


def test_only_the_own_style_and_script_are_allowed() -> None:
    found = page(styles=["p { color: red; }"], scripts=["alert(1);"])
    policy = Attributes(found).policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    for tag, part in (("style", "p { color: red; }"), ("script", "alert(1);")):
        (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", found, re.DOTALL)
        assert part in content
        assert f"{tag}-src 'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'" in policy


def test_a_page_without_scripts_allows_none() -> None:
    found = page()
    assert "script-src 'none'" in found
    assert "script" not in Attributes(found).tags


def test_every_page_has_the_theme_first() -> None:
    theme = asset("aecli.pages", "theme.css")
    assert f"<style>{theme}" in page(styles=["p { color: red; }"])
    assert "prefers-color-scheme: dark" in theme
    assert "@media print" in theme


def test_equal_styles_and_scripts_are_included_once() -> None:
    found = page(styles=["i {}", "i {}", "b {}"], scripts=["f();", "f();"])
    assert (found.count("i {}"), found.count("b {}"), found.count("f();")) == (1, 1, 1)


def test_title_and_texts_are_escaped() -> None:
    assert "<title>a &lt;b&gt; title</title>" in page()
    assert text("\"<script>'&\x00\n\u202e\udcff") == "&quot;&lt;script&gt;&#x27;&amp;\\x00\\n\\u202e\\udcff"
    assert spelled("Ünïcödé 画像") == "Ünïcödé 画像"


def test_no_value_ends_a_data_block() -> None:
    value = ["</script><script>alert(1)</script>", "<!--", "\udcff", {"a": 1.5}]
    block = data_block(value, "points")
    content = block.partition(">")[2].removesuffix("</script>")
    assert "<" not in content
    assert json.loads(content) == value
    assert Attributes(block).tags == ["script"]


def test_an_image_is_its_own_address() -> None:
    assert Picture("png", b"abc", (1, 1)).source == "data:image/png;base64,YWJj"
