"""The page of a run in Chromium: on a desktop, on a phone, in the dark and on paper."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aecli.pages.run import save_run_page
from aecli.reports.run.files import resolve_run
from aecli.reports.run.measured import measure_run
from aecli.reports.run.options import RunReportOptions
from tests.browser import CHROMIUM, Page, browser
from tests.command_line import succeed

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")]

SIZES = {"desktop": (1280, 800), "phone": (400, 800)}
CELLS = """[...document.querySelectorAll('table td, table th')].map(cell => {
    const range = document.createRange();
    range.selectNodeContents(cell);
    const lines = new Set([...range.getClientRects()].map(box => Math.round(box.top))).size;
    return {text: cell.textContent, lines, is_prose: cell.className === 'prose', width: cell.clientWidth};
})"""


@pytest.fixture(scope="module")
def address(conv_run: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Write the page of a calibrated run whose folder has a hostile name."""
    folder = tmp_path_factory.mktemp("pages")
    run = folder / "<img src=x onerror=document.title='hacked'>"
    shutil.copytree(conv_run, run)
    succeed("calibrate", "--model", run, "--normal", "digits:test@0,1", "--anomalous", "digits:test@7,8")
    options = RunReportOptions(sample=60, examples=3, labels="10,100")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aecli.reports.run.sizes.MOST_IMAGES", 4)
        save_run_page(measure_run(resolve_run(run), options=options), folder / "page.html")
    return (folder / "page.html").as_uri()


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_nothing_is_cut_off_or_squeezed(address: str, window: Page, size: tuple[int, int], scheme: str) -> None:
    window.open(address, *size, scheme=scheme)
    assert window.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert window.evaluate("document.title") != "hacked"
    cells = window.evaluate(CELLS)
    assert len(cells) > 50
    for cell in cells:
        assert cell["lines"] <= (4 if cell["is_prose"] else 3), cell
    assert all(cell["lines"] <= 1 for cell in cells if any(digit in cell["text"] for digit in "0123456789±"))
    assert window.evaluate("Promise.all([...document.images].map(i => i.decode())).then(() => true)")
    assert not violations(window)


def violations(window: Page) -> list[Any]:
    """Return what the browser reported about the page's policy, its scripts and its requests."""
    kinds = {"Log.entryAdded", "Runtime.exceptionThrown"}
    requests = [event for event in window.events if event["method"] == "Network.requestWillBeSent"]
    urls = [event["params"]["request"]["url"] for event in requests]
    foreign = [url for url in urls if not url.startswith(("data:", "file:"))]
    return [event for event in window.events if event["method"] in kinds] + foreign


def test_a_wide_table_scrolls_inside_of_the_page(address: str, window: Page) -> None:
    window.open(address, *SIZES["phone"])
    table = "document.querySelector('#bytes .scroll')"
    assert window.evaluate(f"{table}.scrollWidth > {table}.clientWidth")
    window.evaluate(f"{table}.focus({{preventScroll: true}})")
    assert window.evaluate(f"document.activeElement === {table}")
    window.evaluate(f"{table}.scrollLeft = 1000")
    assert window.evaluate(f"{table}.scrollLeft > 0")


def test_the_map_is_drawn_and_the_recipe_unfolds(address: str, window: Page) -> None:
    window.open(address, *SIZES["desktop"])
    assert window.evaluate("document.querySelectorAll('#codes canvas').length") >= 1
    folded = "document.querySelector('#recipe details')"
    assert not window.evaluate(f"{folded}.open")
    window.click("#recipe summary")
    assert window.evaluate(f"{folded}.open")
    assert "[training]" in window.evaluate(f"{folded}.textContent")


def test_the_contents_lead_to_a_section(address: str, window: Page) -> None:
    window.open(address, *SIZES["desktop"])
    window.click(".contents a[href='#detector']")
    assert window.evaluate("location.hash") == "#detector"
    assert window.evaluate("document.querySelector('#detector').getBoundingClientRect().top") < 400


def test_dark_colors_follow_the_system(address: str, window: Page) -> None:
    colors = []
    for scheme in ("light", "dark"):
        window.open(address, *SIZES["desktop"], scheme=scheme)
        colors.append(
            window.evaluate(
                "[document.body, document.querySelector('.chart .s0')].map(e => "
                "[getComputedStyle(e).backgroundColor, getComputedStyle(e).stroke])"
            )
        )
    assert colors[0][0][0] != colors[1][0][0]
    assert colors[0][1][1] != colors[1][1][1]


def test_the_page_prints(address: str, window: Page) -> None:
    window.open(address, *SIZES["desktop"])
    printed = window.pdf()
    assert printed.startswith(b"%PDF")
    assert 2 <= printed.count(b"/Type /Page\n") + printed.count(b"/Type /Page ") + printed.count(b"/Type /Page/") <= 12
