"""The page of all results: complete, self-contained, in order, and safe for any file name."""

import re
from base64 import b64decode, b64encode
from hashlib import sha256
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aecli.data.image_set import Failure
from aecli.detection.detector import Detector
from aecli.errors import UnavailableError
from aecli.pages.inspection import page
from aecli.pages.inspection.distribution import HEIGHT, distribution
from aecli.pages.inspection.limits import VIEWS
from aecli.pages.inspection.page import InspectionPage, PageSummary
from tests.plots.detections import THRESHOLD, detection, detector, hot, model

HOSTILE = [
    "<script>alert(1)</script>.png",
    '"><img src=x onerror=alert(1)>.png',
    "' onclick='alert(1)'.png",
    "&lt;b&gt;.png",
    "</template></li></ul>.png",
    "a\x00b\x1b[31m\n\u202egpj.png",
    "lone\udcff surrogate.png",
    "画像/Ünïcödé.png",
]


class Elements(HTMLParser):
    """Collects all elements with their attributes, and the text."""

    def __init__(self, text: str):
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def of(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        """Return the attributes of all elements with this tag and these attributes."""
        return [found for name, found in self.found if name == tag and attributes.items() <= found.items()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "page.html"


def written(path: Path, scores: list[float], names: list[str] | None = None, by: Detector | None = None) -> PageSummary:
    """Write a page of images with these scores, two of which differ in their maps; return its summary."""
    collected = InspectionPage(path, model(), by or detector())
    for index, score in enumerate(scores):
        name = names[index] if names else f"{index}.png"
        collected.add(detection(hot(score), path=name, score=score))
    summary = collected.finish()
    assert summary is not None
    return summary


def test_there_is_an_item_per_image_with_the_highest_score_first(path: Path) -> None:
    summary = written(path, [3.0, 9.0, 1.0, 9.0])
    items = Elements(path.read_text("utf-8")).of("li")
    assert [item["data-name"] for item in items] == ["1.png", "3.png", "0.png", "2.png"]
    assert [item["data-verdict"] for item in items] == ["anomaly", "anomaly", "normal", "normal"]
    assert [float(item["data-score"] or 0) for item in items] == [9, 9, 3, 1]
    assert (summary.images, summary.views, summary.bytes) == (4, 4, path.stat().st_size)


def test_counts_threshold_score_and_model_are_on_top(path: Path) -> None:
    written(path, [3.0, 9.0, 1.0], by=detector(quantile=0.99))
    text = path.read_text("utf-8").partition('<ul id="items">')[0]
    for expected in (
        "3 images",
        "1 anomaly",
        "2 normal",
        "position",
        f"{THRESHOLD:g}, from 100 validation images (good)",
        "run, features",
    ):
        assert expected in text, expected


def test_images_and_colors_are_embedded(path: Path) -> None:
    written(path, [9.0, 1.0])
    elements = Elements(path.read_text("utf-8"))
    sources = [image["src"] or "" for image in elements.of("img")]
    assert sources
    for source in sources:
        kind, _, content = source.partition(";base64,")
        with Image.open(BytesIO(b64decode(content))) as image:
            image.load()
            assert kind == f"data:image/{(image.format or '').lower()}"
    assert len(elements.of("img", **{"class": "overlay"})) == 2  # of the anomaly: in the thumbnail, and enlarged


def test_nothing_is_loaded_from_elsewhere_and_no_other_script_runs(path: Path) -> None:
    written(path, [9.0, 1.0], HOSTILE[:2])
    text = path.read_text("utf-8")
    elements = Elements(text)
    (policy,) = [meta["content"] or "" for meta in elements.of("meta", **{"http-equiv": "Content-Security-Policy"})]
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "unsafe" not in policy
    assert text.count("<script>") == text.count("<style>") == 1
    for tag in ("script", "style"):
        (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        assert f"'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'" in policy
    links = [value or "" for _, found in elements.found for name, value in found.items() if name in {"src", "href"}]
    assert all(link.startswith("data:image/") for link in links)
    assert not [name for _, found in elements.found for name in found if name.startswith("on") or name == "style"]


def test_names_stay_text(path: Path) -> None:
    collected = InspectionPage(path, model(), detector())
    for name in HOSTILE:
        collected.add(detection(hot(9.0), path=name))
        collected.add_failure(Failure(name, "<b>damaged</b>"))
    collected.finish()
    elements = Elements(path.read_text("utf-8"))
    shown = [item["data-name"] for item in elements.of("li") if "data-name" in item]
    spelled = dict(zip(HOSTILE, shown, strict=True))
    for name in (*HOSTILE[:5], HOSTILE[-1]):
        assert spelled[name] == name
        assert name in elements.text
    assert all(name is not None and name.isprintable() for name in shown)
    assert len(elements.of("script")) == 1
    assert not elements.of("b")


def test_images_that_could_not_be_read_are_listed_up_to_a_limit(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "LISTED_FAILURES", 2)
    collected = InspectionPage(path, model(), detector())
    collected.add(detection(hot(9.0)))
    for index in range(5):
        collected.add_failure(Failure(f"bad-{index}.png", "damaged"))
    collected.finish()
    text = path.read_text("utf-8")
    assert "5 images could not be read" in text
    assert "bad-1.png: damaged" in text
    assert "bad-2.png" not in text
    assert "3 more" in text


def test_only_the_highest_scores_are_enlarged(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "VIEWS", 3)
    summary = written(path, [5.0, 1.0, 8.0, 2.0, 7.0, 3.0, 6.0])
    text = path.read_text("utf-8")
    items = text.partition('<ul id="items">')[2].split("</li>")
    assert [("<template>" in item) for item in items] == [True] * 3 + [False] * 5
    assert summary.views == 3
    assert "3 images with the highest scores" in text


def test_memory_does_not_grow_with_the_number_of_images(path: Path) -> None:
    import tracemalloc

    shown = detection(hot(1.0), np.random.default_rng(0).integers(0, 256, (3, 200, 200), dtype=np.uint8))
    collected = InspectionPage(path, model(), detector())
    used = []
    tracemalloc.start()
    for index in range(VIEWS + 80):
        collected.add(shown)
        if index in {VIEWS + 20, VIEWS + 79}:
            used.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    collected.finish()
    assert used[1] - used[0] < 20_000  # 59 thumbnails have 600 KB
    assert path.stat().st_size > 1_000_000


def test_without_images_a_page_says_so_and_replaces_an_earlier_one(path: Path) -> None:
    path.write_text("the previous page")
    collected = InspectionPage(path, model(), detector())
    collected.add_failure(Failure("bad.png", "damaged"))
    assert collected.finish().images == 0
    found = Elements(path.read_text("utf-8"))
    assert "0 images" in found.text
    assert "bad.png: damaged" in found.text
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_an_unfinished_page_leaves_nothing(path: Path) -> None:
    path.write_text("the previous page")
    InspectionPage(path, model(), detector()).add(detection(hot(9.0)))
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert path.read_text() == "the previous page"


def test_a_folder_that_cannot_be_written_is_an_error(path: Path) -> None:
    with pytest.raises(UnavailableError):
        InspectionPage(path.parent / "none" / "page.html", model(), detector())


def test_equal_results_give_equal_bytes(path: Path) -> None:
    written(path, [9.0, 1.0])
    first = path.read_bytes()
    written(path, [9.0, 1.0])
    assert path.read_bytes() == first


# The distribution of the scores


@pytest.mark.parametrize("threshold", [-5.0, 0.0, 2.5, 7.0, 1e9])
def test_bars_above_the_threshold_have_another_color(threshold: float) -> None:
    scores = np.array([1.0, 2.0, 2.5, 2.500001, 3.0, 6.0])
    lines = list(distribution(scores, threshold))
    bars = [line for line in lines if line.startswith("<rect")]
    assert any('class="above"' in bar for bar in bars) == (threshold < scores.max())
    assert any('class="above"' not in bar for bar in bars) == (threshold >= scores.min())
    assert max(int(re.findall(r'height="(\d+)"', bar)[0]) for bar in bars) == HEIGHT


def test_equal_scores_have_no_distribution() -> None:
    assert list(distribution(np.array([]), 1.0)) == []
    assert list(distribution(np.full(3, 2.0), 2.0)) == []
