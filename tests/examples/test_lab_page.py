"""examples/lab/page.py in Chromium: its tables stay readable on a phone."""

import importlib.util
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser import CHROMIUM, Page, browser

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")]

EXAMPLES = Path(__file__).parents[2] / "examples"
REPORT = """# The laboratory, measured

Some words.

## Summary

| | laboratory | here | what it says |
| --- | ---: | ---: | --- |
| classifier by hand, accuracy after the steps of 5 epochs | 0.84 | 0.9144 | a sentence of more words, on a result |
| bytes saved by codes of 128 float32 values | 34.69% | 34.69% | another sentence of more words, on a result |
| mean residual, `letters:test@<b>` | 12.945 | 11.2 | short |

### 1.1 Images

![first <b>plot</b>](tsne.png)
![second plot](confusion.png)

![a plot of its own](calibration.png)
"""
CELLS = """[...document.querySelectorAll('td')].map(cell => {
    const range = document.createRange();
    range.selectNodeContents(cell);
    const lines = new Set([...range.getClientRects()].map(box => Math.round(box.bottom))).size;
    return {text: cell.textContent, lines, width: cell.clientWidth};
})"""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Convert the report, with images of the gallery."""
    spec = importlib.util.spec_from_file_location("lab_page", EXAMPLES / "lab" / "page.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder = tmp_path_factory.mktemp("lab")
    for name in ("tsne.png", "confusion.png", "calibration.png"):
        shutil.copy(EXAMPLES / "images" / name, folder)
    path = folder / "report.html"
    path.write_text(module.page(REPORT, folder), "utf-8")
    return path


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


@pytest.mark.parametrize("width", [400, 1280])
def test_cells_are_not_squeezed_to_a_word_a_line(written: Path, window: Page, width: int) -> None:
    window.open(written.as_uri(), width, 800)
    assert window.evaluate("document.documentElement.scrollWidth") <= width
    cells: list[dict[str, Any]] = window.evaluate(CELLS)
    assert len(cells) == 12
    assert all(cell["lines"] <= 4 for cell in cells)
    assert all(cell["width"] >= 200 for cell in cells if len(cell["text"]) > 34)
    assert all(cell["lines"] == 1 for cell in cells if len(cell["text"]) < 20)
    assert not [event for event in window.events if event["method"] == "Log.entryAdded"]


def test_the_page_is_made_of_the_shared_parts(written: Path) -> None:
    page = written.read_text("utf-8")
    assert "Content-Security-Policy" in page
    assert page.count('<div class="scroll"') == 1
    assert 'class="number"' in page
    assert " style=" not in page
    assert page.count("<figure>") == 3
    assert page.count('class="gallery wide"') == 1
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
