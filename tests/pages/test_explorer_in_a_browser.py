"""The explorer in Chromium: point, click, zoom, legend, lasso, and the lists that come out."""

import csv
import io
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aecli.pages.document import Document
from aecli.pages.explorer import explorer, write_explorer
from tests.benchmarks.cases.explorer import DRAG, ZOOM, frame_rate, load_seconds
from tests.browser import CHROMIUM, Page, browser
from tests.command_line import Run
from tests.pages.maps import digits_map

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")]

DESKTOP, PHONE = (1280, 900), (400, 850)
ROOT = "document.querySelector('section.explorer')"
HOSTILE = "<script>document.title='hacked'</script>"
FRAME = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
COUNT = 300


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the image files of the map in `photos`, in which pages are written."""
    folder = tmp_path_factory.mktemp("explorer")
    panel, _ = digits_map(COUNT)
    assert panel.images is not None
    for name, pixels in zip(names(), panel.images, strict=True):
        file = folder / "photos" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels[0]).save(file)
    return folder


def names() -> list[str]:
    """Return the names of the images; some of them need care in a list."""
    special = ['a, "b".png', "c d.png", "Ünï.png"]
    return [f"x/{name}" for name in (*special, *(f"{index:03}.png" for index in range(COUNT - len(special))))]


@pytest.fixture(scope="module")
def address(folder: Path) -> str:
    """Write a map of digits whose images are files, one class of which has a hostile name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        classes = [HOSTILE, *"123456789"]
        panel, embedding = digits_map(COUNT, data="photos", names=names(), class_names=classes)
        write_explorer([panel], [embedding], Path("map.html"))
    return (folder / "map.html").as_uri()


def place_of(window: Page, point: int, panel: int = 0) -> tuple[float, float]:
    x, y = window.evaluate(f"{ROOT}.explorer.position({panel}, {point})")
    return x, y


def mouse(window: Page, kind: str, x: float, y: float, modifiers: int = 0) -> None:
    pressed = {} if kind == "mouseMoved" else {"button": "left", "clickCount": 1}
    window.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, modifiers=modifiers, **pressed)
    window.evaluate(FRAME)


def draw(window: Page, corners: list[tuple[float, float]], modifiers: int = 0) -> None:
    """Draw a line with the mouse."""
    mouse(window, "mousePressed", *corners[0], modifiers)
    for corner in corners[1:]:
        window.call("Input.dispatchMouseEvent", type="mouseMoved", x=corner[0], y=corner[1], button="left", buttons=1)
    mouse(window, "mouseReleased", *corners[-1], modifiers)


def around(window: Page, reach: float = 1.0) -> list[tuple[float, float]]:
    """Return the corners of a part of the map's window, around its middle."""
    left, top, width, height = window.evaluate(
        f"(b => [b.x, b.y, b.width, b.height])({ROOT}.querySelector('.stage').getBoundingClientRect())"
    )
    x, y = round(left + width / 2), round(top + height / 2)  # the browser may round the places of events
    dx, dy = round(reach * width / 2 - 3), round(reach * height / 2 - 3)
    return [(x - dx, y - dy), (x + dx, y - dy), (x + dx, y + dy), (x - dx, y + dy), (x - dx, y - dy + 1)]


def text(window: Page, selector: str) -> str:
    return str(window.evaluate(f"{ROOT}.querySelector({selector!r}).innerText"))


def selected(window: Page) -> list[int]:
    return sorted(window.evaluate(f"[...{ROOT}.explorer.selected]"))


def isolated_point(window: Page) -> int:
    """Return a point with no other one nearby on the screen."""
    places = np.array([place_of(window, point) for point in range(0, COUNT)])
    distances = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    return int(distances.min(axis=1).argmax())


def assert_nothing_was_refused(window: Page) -> None:
    """Check that no error was reported, nothing was loaded, and no text ran as a script."""
    assert window.evaluate("document.title") != "hacked"
    assert not [event for event in window.events if event["method"] in {"Log.entryAdded", "Runtime.exceptionThrown"}]
    requested = [
        event["params"]["request"]["url"] for event in window.events if event["method"] == "Network.requestWillBeSent"
    ]
    assert all(url.startswith(("file:", "data:", "blob:")) for url in requested), requested


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pointing_at_a_dot_shows_its_image_name_and_nearest_codes(address: str, window: Page, scheme: str) -> None:
    window.open(address, *DESKTOP, scheme=scheme)
    window.evaluate(FRAME)
    point = isolated_point(window)
    mouse(window, "mouseMoved", *place_of(window, point))
    tip = text(window, ".tip")
    assert names()[point] in tip
    assert "residual" in tip
    assert window.evaluate(f"{ROOT}.querySelector('.tip canvas').isDrawn")
    assert names()[point] in text(window, ".card")
    assert window.evaluate(f"{ROOT}.querySelectorAll('.card .item').length") == 10
    expected = window.evaluate(f"[...{ROOT}.explorer.neighborsOf({ROOT}.explorer.data.panels[0], {point})]")
    shown = window.evaluate(f"[...{ROOT}.querySelectorAll('.card .item')].map(button => button.title)")
    assert shown == [names()[neighbor] for neighbor in expected]

    mouse(window, "mouseMoved", *around(window)[0])
    assert window.evaluate(f"{ROOT}.querySelector('.tip').hidden")
    x, y = place_of(window, point)
    mouse(window, "mousePressed", x, y)
    mouse(window, "mouseReleased", x, y)
    mouse(window, "mouseMoved", *around(window)[0])
    assert names()[point] in text(window, ".card")  # a click keeps it
    window.click("section.explorer .card .item")
    assert names()[expected[0]] in text(window, ".card h2")
    assert_nothing_was_refused(window)


def test_the_wheel_zooms_around_the_pointer_and_dragging_moves(address: str, window: Page) -> None:
    window.open(address, *DESKTOP)
    window.evaluate(FRAME)
    point, other = 5, 6
    before, apart = place_of(window, point), np.subtract(place_of(window, other), place_of(window, point))
    for _ in range(4):
        window.call("Input.dispatchMouseEvent", type="mouseWheel", x=before[0], y=before[1], deltaX=0, deltaY=-120)
    window.evaluate(FRAME)
    zoomed = place_of(window, point)
    assert np.allclose(zoomed, before, atol=4)  # the browser rounds the place of the pointer
    assert np.allclose(np.subtract(place_of(window, other), zoomed), apart * 4, rtol=0.02, atol=1)
    draw(window, [before, (before[0] + 50, before[1] + 10), (before[0] + 100, before[1] + 20)])
    assert np.allclose(place_of(window, point), np.add(zoomed, (100, 20)), atol=0.5)
    assert window.evaluate(f"{ROOT}.explorer.views[0].hasThumbnails")
    assert selected(window) == []
    window.click("section.explorer .tools [aria-label^='Show all']")
    assert np.allclose(place_of(window, point), before, atol=0.5)


def test_the_legend_hides_and_shows_classes_and_keeps_names_text(address: str, window: Page) -> None:
    window.open(address, *DESKTOP)
    window.evaluate(FRAME)
    drawn = f"{ROOT}.explorer.views[0].drawn.length"
    chip = "section.explorer [data-group='0']"
    assert HOSTILE in text(window, ".legend")
    assert not window.evaluate("document.querySelectorAll('section.explorer script').length")
    of_class = int(text(window, "[data-group='0'] .number"))
    assert window.evaluate(drawn) == COUNT
    window.click(chip)
    assert window.evaluate(drawn) == COUNT - of_class
    assert window.evaluate(f"document.querySelector({chip!r}).getAttribute('aria-pressed')") == "false"
    draw(window, around(window), modifiers=8)  # with Shift: a lasso around everything selects what is shown
    assert len(selected(window)) == COUNT - of_class
    window.click(chip)
    assert window.evaluate(drawn) == COUNT
    window.evaluate(f"{ROOT}.querySelector(\"[data-group='3']\").ondblclick()")
    assert window.evaluate(drawn) == int(text(window, "[data-group='3'] .number"))
    window.click("section.explorer .head button")
    assert window.evaluate(drawn) == COUNT
    assert_nothing_was_refused(window)


def test_box_and_lasso_select_what_is_inside(address: str, window: Page) -> None:
    window.open(address, *DESKTOP)
    window.evaluate(FRAME)
    window.click("section.explorer [data-tool='box']")
    corners = around(window, 0.4)
    places = [place_of(window, point) for point in range(COUNT)]
    (left, top), (right, bottom) = corners[0], corners[2]
    inside = [point for point, (x, y) in enumerate(places) if left < x < right and top < y < bottom]
    assert 10 < len(inside) < COUNT - 10
    draw(window, [corners[0], corners[2]])
    assert selected(window) == inside
    assert f"{len(inside)} of {COUNT}" in text(window, ".selection .count")
    window.press("l")
    draw(window, corners)
    assert selected(window) == inside
    draw(window, around(window), modifiers=2)  # with Ctrl: added
    assert len(selected(window)) == COUNT
    draw(window, corners, modifiers=1)  # with Alt: removed
    assert selected(window) == sorted(set(range(COUNT)) - set(inside))
    window.press("Escape")
    assert selected(window) == []


def test_what_is_selected_is_read_by_detect_and_as_data(
    address: str,
    window: Page,
    folder: Path,
    aecli: Run,
    conv_run: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(folder)
    window.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
    window.open(address, *DESKTOP)
    window.evaluate(FRAME)
    draw(window, around(window), modifiers=8)
    window.evaluate(f"[...{ROOT}.querySelectorAll('.buttons button')].find(b => b.textContent === 'Save list').click()")
    window.evaluate(f"[...{ROOT}.querySelectorAll('.buttons button')].find(b => b.textContent === 'Save CSV').click()")
    files = [folder / "selected.txt", folder / "selected.csv"]
    deadline = time.monotonic() + 30
    while not all(file.exists() and file.stat().st_size for file in files):
        assert time.monotonic() < deadline
        window.evaluate("new Promise(done => setTimeout(done, 100))")
    paths = files[0].read_text("utf-8").splitlines()
    assert paths == [f"photos/{name}" for name in names()]
    rows = list(csv.DictReader(io.StringIO(files[1].read_text("utf-8"))))
    assert [row["path"] for row in rows] == paths
    assert {row["label"] for row in rows} == {HOSTILE, *"123456789"}
    found = aecli("detect", "--files-from", "selected.txt", "--model", conv_run, "--threshold", 1)
    assert [row[0] for row in found.rows][-COUNT:] == paths, found.err
    info = aecli("info", "selected.csv", "--json")
    assert info.document["images"] == COUNT, info.err
    assert_nothing_was_refused(window)


def test_the_list_is_copied(address: str, window: Page) -> None:
    window.open(address, *DESKTOP)
    window.call("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    choose = (
        f"(field => {{ field.value = '/00'; field.dispatchEvent(new Event('input')) }})({ROOT}.querySelector('input'))"
    )
    window.evaluate(choose)
    expected = [f"photos/{name}" for name in names() if "/00" in name]
    assert len(selected(window)) == len(expected) == 10
    window.call("Page.bringToFront")
    window.evaluate(f"{ROOT}.explorer.selection.copy()")
    assert "Copied 10 lines" in text(window, ".note")
    assert window.evaluate("navigator.clipboard.readText()").splitlines() == expected


def test_points_are_colored_by_what_is_known(address: str, window: Page) -> None:
    window.open(address, *DESKTOP)
    options = window.evaluate(f"[...{ROOT}.querySelector('.color-by select').options].map(option => option.value)")
    assert options == ["class", "residual", "none"]
    colors = set()
    for option in options:
        window.evaluate(
            f"(list => {{ list.value = {option!r}; list.dispatchEvent(new Event('change')) }})"
            f"({ROOT}.querySelector('.color-by select'))"
        )
        window.evaluate(FRAME)
        colors.add(window.evaluate(f"{ROOT}.explorer.views[0].canvas.toDataURL()"))
    assert len(colors) == 3


def test_the_keyboard_does_everything(address: str, window: Page) -> None:
    window.open(address, *DESKTOP)
    window.evaluate(f"{ROOT}.querySelector('.stage').focus()")
    before = place_of(window, 0)
    window.press("ArrowLeft")
    assert np.allclose(place_of(window, 0), np.add(before, (60, 0)), atol=0.5)
    window.press("+")
    assert window.evaluate(f"{ROOT}.explorer.views[0].zoom") == 1.5
    window.press("0")
    assert np.allclose(place_of(window, 0), before, atol=0.5)
    window.press("Enter")
    assert window.evaluate(f"{ROOT}.explorer.pinned.point") >= 0
    assert window.evaluate(f"{ROOT}.querySelectorAll('.card .item').length") == 10
    window.evaluate(f"{ROOT}.querySelector('.card .item').focus()")
    window.press("Enter")
    assert window.evaluate(f"{ROOT}.explorer.pinned.point") >= 0
    window.press("l")
    assert window.evaluate(f"{ROOT}.explorer.tool") == "lasso"
    window.press("Escape")
    assert window.evaluate(f"{ROOT}.explorer.pinned") is None


def test_escape_on_the_map_lets_go_of_the_image_first_and_then_of_the_selection(address: str, window: Page) -> None:
    window.open(address, *DESKTOP)
    draw(window, around(window), modifiers=8)
    window.evaluate(f"{ROOT}.querySelector('.stage').focus()")
    window.press("Enter")
    window.press("Escape")
    assert window.evaluate(f"{ROOT}.explorer.pinned") is None
    assert len(selected(window)) == COUNT
    window.press("Escape")
    assert selected(window) == []


def test_names_of_hidden_classes_are_not_found(address: str, window: Page) -> None:
    window.open(address, *DESKTOP)
    window.evaluate(f"{ROOT}.explorer.search('/00')")
    found = selected(window)
    window.click("section.explorer [data-group='3']")
    window.evaluate(f"{ROOT}.explorer.search('/00')")
    shown = window.evaluate(f"{ROOT}.explorer.data.names.map((_, item) => !{ROOT}.explorer.isHidden(item))")
    assert selected(window) == [item for item in found if shown[item]]
    assert len(selected(window)) < len(found)


def test_the_legend_stays_where_it_was_scrolled_to(address: str, window: Page) -> None:
    window.open(address, *DESKTOP)
    chips = f"{ROOT}.querySelector('.chips')"
    window.evaluate(f"{chips}.style.height = '3rem'")
    window.evaluate("document.styleSheets[0].insertRule('.chips { height: 3rem }', 0)")
    window.evaluate(f"{chips}.scrollTop = 40")
    before = window.evaluate(f"{chips}.scrollTop")
    assert before > 0
    window.evaluate(f"{ROOT}.querySelector(\"[data-group='9']\").click()")
    assert window.evaluate(f"{chips}.scrollTop") == before


def test_names_that_are_not_utf_8_are_in_the_list_only(address: str, window: Page) -> None:
    window.open(address, *DESKTOP)
    window.evaluate(
        f"{ROOT}.explorer.data.fileOf = item => item === 1 ? 'photos/caf\\udce9.png' : `photos/${{item}}.png`"
    )
    window.evaluate(f"{ROOT}.explorer.select([0, 1, 2], 'replace')")
    table = window.evaluate(f"{ROOT}.explorer.selection.table()")
    assert [line.partition(",")[0] for line in table.splitlines()] == ["path", "photos/0.png", "photos/2.png"]
    assert window.evaluate(f"{ROOT}.explorer.selection.lines().length") == 3
    assert "not UTF-8" in text(window, ".note")


def test_two_fingers_zoom_and_one_moves_on_a_phone(address: str, window: Page) -> None:
    window.open(address, *PHONE)
    window.evaluate(f"{ROOT}.querySelector('.stage').scrollIntoView({{block: 'center'}})")
    window.evaluate(FRAME)
    assert window.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    (left, top), _, (right, bottom), *_ = around(window)
    x, y = (left + right) / 2, (top + bottom) / 2

    def touch(kind: str, *fingers: tuple[float, float]) -> None:
        points = [{"x": at[0], "y": at[1], "id": index} for index, at in enumerate(fingers)]
        window.call("Input.dispatchTouchEvent", type=kind, touchPoints=points)

    before = place_of(window, 0)
    touch("touchStart", (x, y))
    touch("touchMove", (x + 20, y + 10))
    touch("touchMove", (x + 60, y + 30))
    touch("touchEnd")
    assert np.allclose(np.subtract(place_of(window, 0), before), (60, 30), atol=1)
    touch("touchStart", (x - 40, y), (x + 40, y))
    touch("touchMove", (x - 80, y), (x + 80, y))
    touch("touchEnd")
    assert window.evaluate(f"{ROOT}.explorer.views[0].zoom") == pytest.approx(2, rel=0.05)
    spot = place_of(window, isolated_point(window))
    touch("touchStart", spot)
    touch("touchEnd")
    assert window.evaluate(f"{ROOT}.explorer.pinned !== null || {spot[0]} < 0 || {spot[0]} > {PHONE[0]}")
    assert selected(window) == []


def test_pointing_in_one_panel_marks_the_same_image_in_the_other(window: Page, tmp_path: Path) -> None:
    first = digits_map(60, data="photos:all", names=names()[:60])
    second = digits_map(60, data="photos:all", names=names()[:60][::-1])
    write_explorer([first[0], second[0]], [first[1], second[1]], tmp_path / "map.html")
    window.open((tmp_path / "map.html").as_uri(), *DESKTOP)
    window.evaluate(FRAME)
    shown = f"{ROOT}.explorer.views[1].canvas.toDataURL()"
    before = window.evaluate(shown)
    mouse(window, "mouseMoved", *place_of(window, 7))
    assert window.evaluate(f"{ROOT}.explorer.current.item") >= 0
    assert window.evaluate(shown) != before


def test_two_explorers_in_one_page_are_independent(window: Page, tmp_path: Path) -> None:
    fragments = [explorer([panel], [embedding]) for panel, embedding in (digits_map(40), digits_map(50))]
    document = Document(
        "two",
        [style for each in fragments for style in each.styles],
        [code for each in fragments for code in each.scripts],
    )
    (tmp_path / "two.html").write_bytes(document.page([each.markup for each in fragments]))
    window.open((tmp_path / "two.html").as_uri(), *DESKTOP)
    roots = "[...document.querySelectorAll('section.explorer')]"
    assert window.evaluate(f"{roots}.map(root => root.explorer.data.names.length)") == [40, 50]
    window.evaluate(f"{roots}[1].querySelector('.chip').click()")
    assert window.evaluate(f"{roots}.map(root => root.querySelectorAll('[aria-pressed=false].chip').length)") == [0, 1]
    assert_nothing_was_refused(window)


@pytest.mark.long
def test_a_large_map_loads_and_moves_fluently(window: Page, tmp_path: Path) -> None:
    panel, embedding = digits_map(10_000, "mnist5k")
    write_explorer([panel], [embedding], tmp_path / "map.html")
    assert load_seconds(window, tmp_path / "map.html") < 20
    rates = [frame_rate(window, action) for action in (ZOOM, DRAG)]
    assert min(rate for rate, _ in rates) > 3, rates  # on a busy machine: see tests/benchmarks for measured ones
