"""What the page of the explorer holds: all points with what is known of them, safe for any name, and small."""

import json
import re
from base64 import b64decode
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from aecli.analyses.embedding import Embedding
from aecli.detection.score_file import ScoredImage, ScoreFile
from aecli.errors import InputError
from aecli.pages.explorer import explorer, write_explorer
from aecli.pages.explorer.fragment import NO_IMAGES
from aecli.pages.explorer.points import NEIGHBORS
from aecli.plots.embedding import Panel
from tests.pages.maps import digits_map

HOSTILE = [
    "<script>alert(1)</script>",
    "</script>",
    "<!--",
    '"><img src=x onerror=alert(1)>',
    "a\x00\n\u202eb",
    "\udcff",
]
TYPES = {"u2": "<u2", "u4": "<u4", "f4": "<f4"}


class Tags(HTMLParser):
    """Collects the elements of a page with their attributes."""

    def __init__(self, page: str):
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def data_of(*maps: tuple[Panel, Embedding], scores: ScoreFile | None = None) -> dict[str, Any]:
    """Return the data in the markup of an explorer."""
    panels, embeddings = zip(*maps, strict=True)
    markup = explorer(panels, embeddings, scores).markup
    (content,) = re.findall(r'<script type="application/json" class="explorer-data">(.*?)</script>', markup, re.DOTALL)
    data: dict[str, Any] = json.loads(content)
    return data


def unpacked(array: dict[str, str]) -> NDArray[Any]:
    return np.frombuffer(b64decode(array["bytes"]), TYPES[array["type"]])


def groups(data: dict[str, Any], name: str) -> list[str | None]:
    """Return the class, split or verdict of each item."""
    (grouping,) = [each for each in data["groupings"] if each["name"] == name]
    return [None if index == 0xFFFF else grouping["names"][index] for index in unpacked(grouping["of"]).tolist()]


def test_coordinates_names_classes_and_residuals_are_those_of_the_codes() -> None:
    panel, embedding = digits_map(60)
    data = data_of((panel, embedding))
    (packed,) = data["panels"]
    assert data["names"] == embedding.names.tolist()
    np.testing.assert_array_equal(unpacked(packed["coordinates"]).reshape(-1, 2), embedding.coordinates)
    assert embedding.labels is not None
    assert groups(data, "class") == [panel.class_names[label] for label in embedding.labels.tolist()]
    np.testing.assert_array_equal(unpacked(packed["measures"]["residual"]), embedding.codes.residual_l2)


def test_neighbors_are_those_by_code_and_not_in_the_plane() -> None:
    panel, embedding = digits_map(80)
    found = unpacked(data_of((panel, embedding))["panels"][0]["neighbors"]).reshape(80, NEIGHBORS)
    codes = embedding.codes.codes.astype(np.float64)
    distances = np.linalg.norm(codes[:, None] - codes[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    np.testing.assert_array_equal(found[:, 0], distances.argmin(axis=1))
    expected = np.sort(distances, axis=1)[:, :NEIGHBORS]
    np.testing.assert_allclose(np.take_along_axis(distances, found.astype(int), axis=1), expected, rtol=1e-4, atol=1e-4)


def test_fewer_codes_than_neighbors_have_all_others() -> None:
    data = data_of(digits_map(4))
    assert sorted(unpacked(data["panels"][0]["neighbors"])[:3].tolist()) == [1, 2, 3]


def test_splits_come_from_names_and_from_data_words() -> None:
    data = data_of(digits_map(40))
    assert groups(data, "split") == [name.partition("/")[0] for name in data["names"]]
    names = [f"{index}.png" for index in range(10)]
    trained = digits_map(10, data="photos:train", names=names)
    tested = digits_map(10, data="photos:test@-3", names=[f"b{name}" for name in names])
    assert groups(data_of(trained, tested), "split") == ["train"] * 10 + ["test"] * 10


def test_a_property_that_all_points_share_is_no_choice() -> None:
    names = [f"{index}.png" for index in range(10)]
    data = data_of(digits_map(10, data="photos:train", names=names, labels=None))
    assert data["groupings"] == []


def test_panels_of_the_same_images_share_their_items_and_others_do_not() -> None:
    names = [f"{index}.png" for index in range(10)]
    first, second = digits_map(10, data="a:train", names=names), digits_map(10, data="a:all", names=names[::-1])
    data = data_of(first, second)
    assert data["names"] == names
    assert unpacked(data["panels"][1]["items"]).tolist() == list(range(10))[::-1]
    other = digits_map(10, data="b", names=names)
    assert len(data_of(first, other)["names"]) == 20


def test_scores_and_verdicts_are_those_of_detect() -> None:
    panel, embedding = digits_map(5)
    names = embedding.names.tolist()
    lines = {f"digits:{name}": ScoredImage(float(index), 2.5) for index, name in enumerate(names[:4])}
    data = data_of((panel, embedding), scores=ScoreFile(Path("verdicts.tsv"), lines))
    scores = unpacked(data["panels"][0]["measures"]["score"])
    assert scores[:4].tolist() == [0, 1, 2, 3]
    assert np.isnan(scores[4])
    assert groups(data, "verdict") == ["normal", "normal", "normal", "anomaly", None]


def test_scores_of_other_images_are_an_error() -> None:
    with pytest.raises(InputError, match="no score of these images"):
        data_of(digits_map(5), scores=ScoreFile(Path("x.tsv"), {"other.png": ScoredImage(1.0, 2.0)}))


def test_paths_of_files_are_known_if_the_images_are_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = ["a/0.png", "b/1.png", "b/2.png#tile1", "b/3.tif#2"]
    for name in ("a/0.png", "b/1.png", "b/2.png", "b/3.tif"):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / name).touch()
    files = data_of(digits_map(4, data="./photos/:all", names=names))["files"]
    assert files == ["photos/a/0.png", "photos/b/1.png", "photos/b/2.png", "photos/b/3.tif"]
    assert data_of(digits_map(2, data="photos", names=names[:2]))["files"] == "photos/"
    assert data_of(digits_map(2, data="gone", names=names[:2]))["files"] is None
    assert data_of(digits_map(2))["files"] is None


def test_no_name_or_class_becomes_markup(tmp_path: Path) -> None:
    path = tmp_path / "map.html"
    panel, embedding = digits_map(60, names=[*HOSTILE, *map(str, range(54))], class_names=[*HOSTILE, *"abcd"])
    write_explorer([panel], [embedding], path)
    tags = Tags(path.read_text("utf-8"))
    assert [attributes.get("type") for tag, attributes in tags.found if tag == "script"] == ["application/json", None]
    assert not [tag for tag, _ in tags.found if tag == "img"]
    data = data_of((panel, embedding))
    assert data["names"][: len(HOSTILE)] == HOSTILE
    assert set(HOSTILE) <= set(data["groupings"][0]["names"])


def test_the_page_loads_nothing_and_allows_only_its_own_script(tmp_path: Path) -> None:
    path = tmp_path / "map.html"
    panel, embedding = digits_map(20)
    write_explorer([panel], [embedding], path)
    text = path.read_text("utf-8")
    assert "default-src 'none'; img-src data:;" in text
    assert "unsafe" not in text.partition("</head>")[0]
    attributes = [found for _, found in Tags(text).found]
    assert not [
        name for found in attributes for name in found if name in {"src", "href", "style"} or name.startswith("on")
    ]
    assert not re.search(r"https?://", text)


def test_a_page_without_images_says_so(tmp_path: Path) -> None:
    for with_images in (True, False):
        panel, embedding = digits_map(20, with_images=with_images)
        write_explorer([panel], [embedding], tmp_path / "map.html")
        assert (NO_IMAGES in (tmp_path / "map.html").read_text("utf-8")) == (not with_images)


def test_several_fragments_fit_into_one_page() -> None:
    first, second = (explorer([panel], [embedding]) for panel, embedding in (digits_map(20), digits_map(30)))
    assert (first.styles, first.scripts) == (second.styles, second.scripts)
    assert not re.search(r"\sid=", first.markup)


def test_the_same_points_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.html", "b.html"):
        panel, embedding = digits_map(50)
        assert write_explorer([panel], [embedding], tmp_path / name) == (tmp_path / name).stat().st_size
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_thumbnails_are_the_images_of_the_points() -> None:
    from io import BytesIO

    panel, embedding = digits_map(30)
    sprites = data_of((panel, embedding))["sprites"]
    (sheet,) = sprites["sheets"]
    with Image.open(BytesIO(b64decode(sheet.partition(",")[2]))) as image:
        pixels = np.asarray(image.convert("L"))
    assert panel.images is not None
    for item in (0, 7, 29):
        index = int(unpacked(sprites["of"])[item])
        row, column = index // sprites["across"] * 8, index % sprites["across"] * 8
        difference = np.abs(pixels[row : row + 8, column : column + 8].astype(int) - panel.images[item, 0])
        assert difference.mean() < 12


@pytest.mark.slow
def test_ten_thousand_digits_take_at_most_four_megabytes(tmp_path: Path) -> None:
    panel, embedding = digits_map(10_000, "mnist5k")
    assert write_explorer([panel], [embedding], tmp_path / "map.html") < 4_000_000
