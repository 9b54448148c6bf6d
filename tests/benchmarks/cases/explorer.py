"""Size, load time and frame rate of the page of `aecli tsne -o map.html`, of digits of 28x28 pixels.

The images are those of mnist5k, and shifted copies of them; the points are their principal components, because the
page does not depend on the method. Chromium draws without a graphics processor, in a window of 1280x900 pixels. A page
is loaded when its points are drawn. The frame rate is the number of frames that were shown, at most 60 a second, while
each frame zooms or drags the map; the first time, thumbnails are decoded and the script is compiled.
"""

import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from aecli.pages.explorer import write_explorer
from tests.benchmarks.measuring import Effort, Row, compare, log
from tests.browser import CHROMIUM, Page, browser
from tests.pages.maps import digits_map

COUNTS = 1_000, 10_000, 100_000
WINDOW = 1280, 900
FRAMES = 120
ROOT = "document.querySelector('section.explorer').explorer"
DRAWN = "performance.getEntriesByName('explorer drawn')[0]?.startTime ?? -1"
FRAME_TIMES = f"""new Promise((done) => {{
  const explorer = {ROOT}, view = explorer.views[0], box = view.stage.getBoundingClientRect(), times = [];
  const place = {{ clientX: box.x + box.width / 2, clientY: box.y + box.height / 2, bubbles: true, cancelable: true }};
  const pointer = (name, x) => view.stage.dispatchEvent(
    new PointerEvent(name, {{ ...place, clientX: place.clientX + x, pointerId: 9, pointerType: "mouse" }}));
  function frame(time) {{
    const number = times.push(time);
    if (number > {FRAMES}) return done(times);
    KIND
    requestAnimationFrame(frame);
  }}
  requestAnimationFrame(frame);
}})"""
ZOOM = f"view.stage.dispatchEvent(new WheelEvent('wheel', {{ ...place, deltaY: number < {FRAMES / 2} ? -20 : 20 }}));"
DRAG = f"""if (number === 1) pointer("pointerdown", 0);
    pointer("pointermove", 200 * Math.sin(number / 10));
    if (number === {FRAMES}) pointer("pointerup", 0);"""


DRAW_TIMES = f"""Array.from({{ length: 60 }}, () => {{
  const started = performance.now();
  {ROOT}.views[0].draw();
  return performance.now() - started;
}})"""


def frame_rate(page: Page, action: str) -> tuple[float, float]:
    """Return the frames a second, and the CPU milliseconds of a frame, while each frame does `ZOOM` or `DRAG`.

    The latter are those of all processes of the browser; other programs disturb them less.
    """
    before = page.cpu_seconds()
    times = page.evaluate(FRAME_TIMES.replace("KIND", action))
    used = page.cpu_seconds() - before
    return 1000 * (len(times) - 1) / (times[-1] - times[0]), 1000 * used / (len(times) - 1)


def draw_milliseconds(page: Page) -> float:
    """Return the shortest time that drawing all points takes, which other programs disturb least."""
    milliseconds = page.evaluate(DRAW_TIMES)
    return float(min(milliseconds))


def load_seconds(page: Page, path: Path) -> float:
    """Open the page and return the seconds from the start of the navigation until the points are drawn."""
    page.open(path.as_uri(), *WINDOW)
    while (drawn := page.evaluate(DRAWN)) < 0:
        time.sleep(0.05)
    return float(drawn) / 1000


def measure(effort: Effort) -> list[Row]:
    """Make the pages of 1,000, 10,000 and 100,000 digits, and open them; with --small not the last."""
    if CHROMIUM is None:
        sys.exit("explorer needs Chromium")
    counts = COUNTS[:-1] if effort.small else COUNTS
    return [row for count in counts for row in measure_one(count, effort)]


def measure_one(count: int, effort: Effort) -> list[Row]:
    """Make the page of `count` digits, and open it."""
    panel, embedding = digits_map(count, "mnist5k")
    loads, rates, draws = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "map.html"
        started = time.perf_counter()
        size = write_explorer([panel], [embedding], path)
        seconds = time.perf_counter() - started
        for repeat in range(effort.repeats_or(3)):
            with browser(Path(folder) / f"profile-{repeat}") as page:
                loads.append(load_seconds(page, path))
                rates.append((*frame_rate(page, ZOOM), *frame_rate(page, ZOOM), *frame_rate(page, DRAG)))
                draws.append(draw_milliseconds(page))
        log(f"{count:,}: loads {loads}, frames/s {rates}, draws {draws} ms")
    first, first_cpu, zoomed, zoom_cpu, dragged, drag_cpu = (median(each) for each in zip(*rates, strict=True))
    note = f"zoomed {zoomed:.0f} frames/s, {zoom_cpu:.1f} CPU ms a frame, the first time {first:.0f}, {first_cpu:.1f}"
    note += f"; dragged {dragged:.0f}, {drag_cpu:.1f}"
    fields: dict[str, Any] = {"note": f"{note}; {min(draws):.1f} ms to draw the points"}
    return [
        compare(f"explorer of {count:,} digits, load", loads, [], **fields),
        compare(f"explorer of {count:,} digits, making the page", [seconds], []),
        compare(f"explorer of {count:,} digits, file", [size / 1e6], [], unit="MB"),
    ]


CASES = {"explorer": measure}
