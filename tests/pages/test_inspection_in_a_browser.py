"""The page in Chromium, on a desktop and on a phone: sort, filter, find, enlarge, by mouse and by keyboard."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aecli.data.image_set import Failure
from aecli.pages.inspection import markup, page
from aecli.pages.inspection.page import InspectionPage
from tests.browser import CHROMIUM, Page, browser
from tests.plots.detections import detection, detector, hot, model

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")]

DESKTOP, PHONE = (1280, 800), (390, 844)
HOSTILE = "<script>document.title='hacked'</script>.png"
SCORES = {"b.png": 9.0, "a10.png": 1.5, HOSTILE: 6.0, "a9.png": 3.0, "c.png": 5.0}
BY_SCORE = sorted(SCORES, key=SCORES.__getitem__, reverse=True)
VISIBLE = "[...document.querySelectorAll('#items > li')].filter(i => i.checkVisibility()).map(i => i.dataset.name)"
VIEWER = "document.getElementById('viewer')"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Write the page of five images, three of which are enlarged."""
    path = tmp_path_factory.mktemp("page") / "page.html"
    random = np.random.default_rng(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "VIEWS", 3)
        patch.setattr(markup, "SHOWN", 2)
        collected = InspectionPage(path, model(), detector())
        for name, score in SCORES.items():
            pixels = random.integers(80, 120, (3, 400, 300), dtype=np.uint8)
            collected.add(detection(hot(score), pixels, path=name))
        collected.add_failure(Failure("damaged.png", "<b>cut off</b>"))
        collected.finish()
    return path.as_uri()


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


def choose(window: Page, selector: str, value: str, event: str = "change") -> None:
    """Set the value of a field as a user does."""
    window.evaluate(
        f"(field => {{ field.value = {value!r}; field.dispatchEvent(new Event({event!r})) }})"
        f"(document.querySelector({selector!r}))"
    )


def natural_width(window: Page) -> Any:
    """Return the width of the image in the viewer, after it is decoded."""
    image = "document.querySelector('#stage img')"
    return window.evaluate(f"{image}.decode().then(() => {image}.naturalWidth)")


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_an_inspector_sorts_filters_and_enlarges(address: str, window: Page, size: tuple[int, int]) -> None:
    window.open(address, *size)
    assert window.evaluate("document.title") == "5 images, 3 anomalies"
    assert window.evaluate(VISIBLE) == BY_SCORE
    assert window.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert window.evaluate("Promise.all([...document.images].map(i => i.decode())).then(() => true)")

    choose(window, "#sort", "lowest")
    assert window.evaluate(VISIBLE) == BY_SCORE[::-1]
    choose(window, "#sort", "name")
    named = window.evaluate(VISIBLE)
    assert [name for name in named if name != HOSTILE] == ["a9.png", "a10.png", "b.png", "c.png"]
    choose(window, "#sort", "verdict")
    assert [SCORES[name] > 4 for name in window.evaluate(VISIBLE)] == [True] * 3 + [False] * 2
    choose(window, "#sort", "highest")

    window.click(".filters [data-verdict='normal']")
    assert window.evaluate(VISIBLE) == ["a9.png", "a10.png"]
    assert "2 of 5" in window.evaluate("document.getElementById('shown').textContent")
    window.click(".filters [data-verdict='anomaly']")
    assert window.evaluate(VISIBLE) == BY_SCORE[:3]
    choose(window, "#find", "SCRIPT", "input")
    assert window.evaluate(VISIBLE) == [BY_SCORE[1]]
    choose(window, "#find", "", "input")
    window.click(".filters [data-verdict='']")

    window.click("#items > li:nth-child(2) .open")
    assert window.evaluate(f"{VIEWER}.open")
    assert window.evaluate("document.getElementById('viewer-name').textContent") == BY_SCORE[1]
    assert natural_width(window) == 300  # the enlarged image, not the thumbnail of 168 pixels
    assert not window.evaluate("document.getElementById('viewer-note').checkVisibility()")
    box = window.evaluate("(b => [b.width, b.height])(document.querySelector('#stage').getBoundingClientRect())")
    assert box[0] == size[0]
    assert box[1] > 0.6 * size[1]

    window.click("#next")
    window.click("#next")
    assert window.evaluate("document.getElementById('viewer-name').textContent") == BY_SCORE[3]
    assert natural_width(window) == 168
    assert "3 images" in window.evaluate("document.getElementById('viewer-note').innerText")
    window.click("#close")
    assert not window.evaluate(f"{VIEWER}.open")
    assert window.evaluate(VISIBLE) == BY_SCORE
    assert_nothing_was_refused(window, address)


def test_of_many_images_some_are_listed_until_more_are_wanted(window: Page, tmp_path: Path) -> None:
    collected, count = InspectionPage(tmp_path / "many.html", model(), detector()), markup.SHOWN + 30
    for index in range(count):
        collected.add(detection(None, np.zeros((1, 8, 8), np.uint8), path=f"{index}.png", score=float(index)))
    collected.finish()
    window.open((tmp_path / "many.html").as_uri(), *DESKTOP)
    listed = "document.querySelectorAll('#items > li').length"
    assert window.evaluate(listed) == markup.SHOWN
    choose(window, "#sort", "lowest")
    assert window.evaluate(VISIBLE)[:2] == ["0.png", "1.png"]
    assert window.evaluate(listed) == markup.SHOWN
    window.click("#more")
    assert window.evaluate(listed) == count
    assert not window.evaluate("document.getElementById('more').checkVisibility()")
    choose(window, "#find", f"{count - 1}.png", "input")
    assert window.evaluate(VISIBLE) == [f"{count - 1}.png"]


def test_the_keyboard_is_enough(address: str, window: Page) -> None:
    window.open(address, *DESKTOP)
    window.evaluate("document.querySelector('#items .open').focus()")
    window.press("ArrowRight")
    window.press("Enter")
    assert window.evaluate(f"{VIEWER}.open")
    name = "document.getElementById('viewer-name').textContent"
    assert window.evaluate(name) == BY_SCORE[1]
    window.press("ArrowLeft")
    assert window.evaluate(name) == BY_SCORE[0]
    window.press("ArrowLeft")
    assert window.evaluate(name) == BY_SCORE[0]
    overlay = "document.querySelector('#stage .overlay').checkVisibility()"
    assert window.evaluate(overlay)
    window.press("c")
    assert not window.evaluate(overlay)
    assert not window.evaluate("document.getElementById('colors').checked")
    window.press("c")
    window.press("ArrowRight")
    window.press("Escape")
    assert not window.evaluate(f"{VIEWER}.open")
    assert window.evaluate("document.activeElement.closest('li').dataset.name") == BY_SCORE[1]
    assert_nothing_was_refused(window, address)


def test_dark_and_light_differ_and_both_can_be_read(address: str, window: Page) -> None:
    colors = []
    for scheme in ("light", "dark"):
        window.open(address, *DESKTOP, scheme=scheme)
        style = window.evaluate("(s => [s.color, s.backgroundColor])(getComputedStyle(document.body))")
        ink, paper = (sum(map(int, color[4:-1].split(","))) / 3 for color in style)
        assert abs(ink - paper) > 150
        colors.append(paper)
    assert colors[0] > 200 > 60 > colors[1]


def test_the_printed_page_has_all_images(address: str, window: Page) -> None:
    window.open(address, *DESKTOP)
    printed = window.pdf()
    assert printed.startswith(b"%PDF")
    assert printed.count(b"/Subtype /Image") >= len(SCORES)


def assert_nothing_was_refused(window: Page, address: str) -> None:
    """Check that no script failed, that no rule was violated, and that nothing was requested but the page."""
    methods = [event["method"] for event in window.events]
    assert "Runtime.exceptionThrown" not in methods
    entries = [event["params"]["entry"]["text"] for event in window.events if event["method"] == "Log.entryAdded"]
    assert not entries
    requested = {
        event["params"]["request"]["url"] for event in window.events if event["method"] == "Network.requestWillBeSent"
    }
    assert {url for url in requested if not url.startswith("data:")} == {address}
