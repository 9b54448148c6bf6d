"""The formats of plots: by suffix, deterministic, with text as text, and the resolution that was asked for."""

import re
import warnings
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from aecli.errors import UsageError
from aecli.plots import embedding, fonts
from aecli.plots.embedding import Panel
from aecli.plots.figure import MAX_VECTOR_POINTS, figure
from aecli.plots.formats import SUFFIXES, format_of, require_plot

NAMES = ["$x_1$ & <b>", "日本", "plain"]
IMAGE = "{http://www.w3.org/2000/svg}image"


def draw(path: Path, dpi: int | None = None, points: int = 60) -> Path:
    positions = np.random.default_rng(0).normal(size=(points, 2)).astype(np.float32)
    panel = Panel("$a_1$ <data>", "note", positions, np.arange(points) % 3, NAMES)
    embedding.draw([panel], path, dpi)
    return path


def test_the_suffix_chooses_the_format(tmp_path: Path) -> None:
    starts = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}
    for suffix in SUFFIXES:
        for name in (f"plot{suffix}", f"PLOT{suffix.upper()}"):
            assert draw(tmp_path / name).read_bytes().startswith(starts[suffix])
    assert format_of(Path("-")) == "png"
    with pytest.raises(UsageError, match="svg"), figure(tmp_path / "plot.gif", (1, 1)):
        pass
    assert not (tmp_path / "plot.gif").exists()


def test_names_are_text_in_a_valid_svg_file(tmp_path: Path) -> None:
    root = ElementTree.parse(draw(tmp_path / "plot.svg")).getroot()
    texts = {"".join(element.itertext()).strip() for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {*NAMES, "$a_1$ <data>"} <= texts


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_resolution_is_that_of_the_pixels(suffix: str, tmp_path: Path) -> None:
    sizes = []
    for dpi in (50, 100):
        path = draw(tmp_path / f"{dpi}{suffix}", dpi, MAX_VECTOR_POINTS + 1)
        if suffix == ".png":
            with Image.open(path) as image:
                sizes.append(image.width)
        elif suffix == ".svg":
            (image_element,) = ElementTree.parse(path).getroot().iter(IMAGE)
            sizes.append(len(image_element.get("{http://www.w3.org/1999/xlink}href") or ""))
        else:
            sizes.append(max(map(int, re.findall(rb"/Width (\d+)", path.read_bytes()))))
    assert sizes[1] > 1.5 * sizes[0]
    if suffix == ".png":
        assert sizes[1] == 2 * sizes[0]


def test_few_points_are_vectors(tmp_path: Path) -> None:
    assert not list(ElementTree.parse(draw(tmp_path / "plot.svg")).getroot().iter(IMAGE))


@pytest.mark.slow
@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.long
def test_another_process_at_another_time_writes_the_same_bytes(
    suffix: str, python: Callable[..., str], tmp_path: Path
) -> None:
    paths = [tmp_path / f"{name}{suffix}" for name in ("first", "second")]
    code = "import sys; from pathlib import Path; from tests.plots.test_formats import draw; draw(Path(sys.argv[1]))"
    for seed, path in enumerate(paths, 1):
        python(code, path, PYTHONHASHSEED=str(seed))
    assert paths[0].read_bytes() == paths[1].read_bytes()


@pytest.mark.parametrize("dpi", [0, 19, 601])
def test_the_resolution_has_limits(dpi: int, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--dpi must be 20 to 600"):
        require_plot(tmp_path / "plot.png", dpi)


def test_a_resolution_without_a_plot_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--dpi applies to a plot"):
        require_plot(None, 100)
    with pytest.raises(UsageError, match="--dpi does not apply"):
        require_plot(tmp_path / "page.html", 100, other_suffixes=[".html"])
    assert require_plot(None, None) is None


def test_a_figure_that_does_not_fit_into_memory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="pixels") as raised, figure(tmp_path / "plot.png", (100, 100), 600):
        pass
    assert "--dpi" in str(raised.value.hint)


def test_a_legend_that_takes_long_on_a_busy_machine_prints_no_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("matplotlib.legend.time", SimpleNamespace(perf_counter=partial(next, count(step=2))))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with figure(tmp_path / "plot.png", (3, 3)) as drawn:
            axes = drawn.add_subplot()
            axes.plot([1, 2], label="line")
            axes.legend()
    assert not caught


@pytest.mark.parametrize("suffix", [".png", ".pdf"])
def test_a_script_that_the_first_font_lacks_is_drawn_with_another_font(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drawn_with(*fallbacks: str) -> bytes:
        monkeypatch.setattr(fonts, "FALLBACKS", fallbacks)
        fonts.fallback_fonts.cache_clear()
        with figure(path := tmp_path / f"plot{suffix}", (1, 1)) as drawn:
            drawn.text(0.5, 0.5, "Ⓐ")
        return path.read_bytes()

    try:
        assert (drawn_with("no such font", "STIXGeneral") != drawn_with("no such font")) == (suffix == ".png")
    finally:
        fonts.fallback_fonts.cache_clear()
