"""The plot of embeddings: names, legend and thumbnails are complete and do not overlap."""

import warnings
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from aecli.plots import embedding as plot
from aecli.plots.embedding import Panel
from aecli.plots.figure import CLASS_COLORS, image_pixels
from aecli.plots.label_placement import pushed_apart, without_overlap
from tests.plots.extents import boxes, overlaps


def panel(classes: int, count: int = 300, **changes: Any) -> Panel:
    """Return a panel of clusters, one for each class."""
    random = np.random.default_rng(0)
    labels = np.arange(count) % classes
    centers = random.uniform(-50, 50, (classes, 2))
    positions = (centers[labels] + random.normal(size=(count, 2))).astype(np.float32)
    names = [f"class {index}" for index in range(classes)]
    values: dict[str, Any] = {"title": "data", "note": "note", "coordinates": positions}
    return Panel(**(values | {"labels": labels, "class_names": names} | changes))


@pytest.mark.slow
@pytest.mark.parametrize("classes", [2, 10, 26, 100])
def test_class_names_and_legend_are_inside_and_do_not_overlap(classes: int, drawn: list[Any], tmp_path: Path) -> None:
    plot.draw([panel(classes)], tmp_path / "plot.png")
    (figure,) = drawn
    (axes,) = figure.axes
    names = boxes(axes.texts)
    assert len(names) == classes
    assert overlaps(names) == 0
    frame, (legend,) = axes.get_window_extent().extents, figure.legends
    assert (names[:, :2] >= frame[:2] - 1).all()
    assert (names[:, 2:] <= frame[2:] + 1).all()
    outside = legend.get_window_extent()
    assert outside.y1 < frame[1]
    assert outside.y0 >= 0
    assert outside.x0 >= 0
    assert outside.x1 <= figure.bbox.width
    labels = [text.get_text() for text in legend.get_texts()]
    if classes <= 30:
        assert labels == [f"class {index}" for index in range(classes)]
    else:  # so many names would bury the points
        assert labels == [f"{index + 1}  class {index}" for index in range(classes)]
        assert {text.get_text() for text in axes.texts} == {str(index + 1) for index in range(classes)}
        assert (names[:, 2:] - names[:, :2]).prod(axis=1).sum() < 0.03 * axes.get_window_extent().size.prod()
    title = axes.title.get_window_extent()
    assert title.y1 <= figure.bbox.height
    assert axes.get_aspect() == 1
    assert not len(axes.get_xticks())


@pytest.mark.slow
def test_every_class_has_its_own_style(drawn: list[Any], tmp_path: Path) -> None:
    plot.draw([panel(100)], tmp_path / "plot.png")
    styles = {(line.get_color(), line.get_marker()) for line in drawn[0].legends[0].legend_handles}
    assert len(styles) == 100
    assert {color for color, _ in styles} == set(CLASS_COLORS)


def test_a_class_has_the_same_style_in_all_panels(drawn: list[Any], tmp_path: Path) -> None:
    few = panel(3, class_names=["class 2", "class 0", "class 1"])
    plot.draw([panel(3), few], tmp_path / "plot.png")
    first, second = drawn[0].axes
    color = {
        name: {mpl.colors.to_hex(dots.get_facecolor()[0]) for dots in axes.collections}
        for name, axes in (("first", first), ("second", second))
    }
    assert color["first"] == color["second"]
    assert len(drawn[0].legends[0].get_texts()) == 3


@pytest.mark.parametrize("labels", [None, np.full(300, -1)], ids=["none", "all unknown"])
def test_unlabeled_codes_are_gray(labels: NDArray[Any] | None, drawn: list[Any], tmp_path: Path) -> None:
    plot.draw([panel(3, labels=labels)], tmp_path / "plot.png")
    (axes,) = drawn[0].axes
    assert {mpl.colors.to_hex(dots.get_facecolor()[0]) for dots in axes.collections} == {plot.UNLABELED_COLOR}
    assert [text.get_text() for text in drawn[0].legends[0].get_texts()] == ["unlabeled"]
    assert not axes.texts


def test_unlabeled_points_are_below_the_others(drawn: list[Any], tmp_path: Path) -> None:
    plot.draw([panel(3, labels=np.where(np.arange(300) < 200, -1, 1))], tmp_path / "plot.png")
    colors = [mpl.colors.to_hex(dots.get_facecolor()[0]) for dots in drawn[0].axes[0].collections]
    assert colors[0] == plot.UNLABELED_COLOR
    assert [text.get_text() for text in drawn[0].legends[0].get_texts()] == ["class 1", "unlabeled"]


@pytest.mark.slow
def test_too_many_classes_are_counted_instead_of_named(drawn: list[Any], tmp_path: Path) -> None:
    plot.draw([panel(150)], tmp_path / "plot.png")
    assert not drawn[0].legends
    assert "150 classes" in drawn[0].get_supxlabel()


def test_special_characters_in_names_are_shown_literally(drawn: list[Any], tmp_path: Path) -> None:
    names = ["$x_2$ and $", "日本", "a\nb"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plot.draw([panel(3, class_names=names, title="$HOME/_{ \x1b[1m" + "x" * 300)], tmp_path / "plot.png")
    texts = [text.get_text() for text in drawn[0].axes[0].texts]
    assert texts == ["$x_2$ and $", "日本", "a?b"]
    title = drawn[0].axes[0].title
    assert title.get_window_extent().width < drawn[0].bbox.width
    assert title.get_text().startswith("$HOME/_{ ?[1m")


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 8, 16)])
def test_thumbnails_do_not_overlap_and_show_the_images_of_their_points(
    shape: tuple[int, int, int], drawn: list[Any], tmp_path: Path
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (400, *shape)).astype(np.uint8)
    indices = np.random.default_rng(1).permutation(400)[:300]
    given = panel(5, images=images, image_indices=indices)
    plot.draw([given], tmp_path / "plot.png")
    thumbnails = drawn[0].axes[0].images
    assert len(thumbnails) > 5
    extents = np.array([thumbnail.get_window_extent().extents for thumbnail in thumbnails])
    assert overlaps(extents) == 0
    for thumbnail in thumbnails:
        left, right, bottom, top = thumbnail.get_extent()
        middle = (left + right) / 2, (bottom + top) / 2
        point = int(((given.coordinates - middle) ** 2).sum(axis=1).argmin())
        shown = np.asarray(thumbnail.get_array())
        assert (shown == image_pixels(images[indices[point]])).all()
        assert (right - left) / (top - bottom) == pytest.approx(shape[2] / shape[1], rel=1e-4)


@pytest.mark.parametrize(("count", "least", "most"), [(9, 100, 160), (90, 55, 120), (2000, 30, 50)])
def test_thumbnails_are_larger_if_they_are_few_and_none_is_cut_off(
    count: int, least: int, most: int, drawn: list[Any], tmp_path: Path
) -> None:
    positions = np.random.default_rng(0).normal(size=(count, 2)).astype(np.float32)
    images = np.zeros((count, 1, 8, 8), np.uint8)
    plot.draw([Panel("data", "note", positions, images=images, image_indices=np.arange(count))], tmp_path / "plot.png")
    (axes,) = drawn[0].axes
    extents = np.array([thumbnail.get_window_extent().extents for thumbnail in axes.images])
    assert least < (extents[:, 2] - extents[:, 0]).mean() < most, "pixels"
    frame = axes.get_window_extent().extents
    assert (extents[:, :2] >= frame[:2] - 1).all()
    assert (extents[:, 2:] <= frame[2:] + 1).all()


def test_names_cover_none_of_few_points(drawn: list[Any], tmp_path: Path) -> None:
    given = panel(5, 60)
    plot.draw([given], tmp_path / "plot.png")
    (axes,) = drawn[0].axes
    pixels = axes.transData.transform(given.coordinates)
    for left, bottom, right, top in boxes(axes.texts):
        assert not ((pixels > (left, bottom)) & (pixels < (right, top))).all(axis=1).any()


@pytest.mark.slow
@pytest.mark.parametrize("panels", [1, 2, 3, 4, 5])
def test_panels_do_not_overlap(panels: int, drawn: list[Any], tmp_path: Path) -> None:
    plot.draw([panel(3, title=f"panel {index}") for index in range(panels)], tmp_path / "plot.png")
    shown = [axes for axes in drawn[0].axes if axes.get_title()]
    assert [axes.get_title().split("\n")[0] for axes in shown] == [f"panel {index}" for index in range(panels)]
    assert overlaps(np.array([axes.get_tightbbox().extents for axes in shown])) == 0


def test_the_map_is_pale_below_the_placed_points_and_in_view(drawn: list[Any], tmp_path: Path) -> None:
    onto = panel(
        3,
        class_names=["class 1", "class 0", "class 2"],
        coordinates=np.random.default_rng(0).normal(size=(300, 2)) * 90,
    )
    plot.draw([panel(2, onto=onto)], tmp_path / "plot.png")
    (axes,) = drawn[0].axes
    pale = [dots for dots in axes.collections if dots.get_alpha() < 0.3]
    strong = [dots for dots in axes.collections if dots.get_alpha() > 0.7]
    assert sum(len(dots.get_offsets()) for dots in pale) == sum(len(dots.get_offsets()) for dots in strong) == 300
    assert max(dots.get_zorder() for dots in pale) < min(dots.get_zorder() for dots in strong)
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    points = np.concatenate([dots.get_offsets() for dots in axes.collections])
    assert ((points > (left, bottom)) & (points < (right, top))).all()
    colors = [{mpl.colors.to_hex(dots.get_facecolor()[0]) for dots in layer} for layer in (pale, strong)]
    assert colors[1] < colors[0]
    assert [text.get_text() for text in drawn[0].legends[0].get_texts()] == ["class 1", "class 0", "class 2"]


@pytest.mark.parametrize(
    "positions", [np.zeros((5, 2)), np.array([[0.0, i] for i in range(5)]), np.eye(5)[:, :2] * 1e-9]
)
def test_equal_or_collinear_points_can_be_drawn(positions: NDArray[Any], tmp_path: Path) -> None:
    plot.draw([Panel("data", "note", positions.astype(np.float32))], tmp_path / "plot.png")
    assert np.ptp(np.asarray(Image.open(tmp_path / "plot.png"))) > 0


def test_the_same_points_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        plot.draw([panel(5)], tmp_path / f"{name}.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_boxes_are_chosen_in_order_if_they_do_not_overlap() -> None:
    centers = np.array([[0, 0], [0.5, 0], [1.5, 0], [0, 1.2], [-0.9, -0.9]])
    assert without_overlap(centers, (1, 1), np.arange(5)).tolist() == [0, 2, 3]
    assert without_overlap(centers, (1, 1), np.array([1, 0, 2, 3, 4])).tolist() == [1, 2, 3, 4]


def test_boxes_are_pushed_away_from_each_other_and_from_fixed_ones() -> None:
    centers = np.array([[50, 50], [51, 50], [50, 51], [50, 50]], float)
    fixed = np.array([False, False, False, True])
    placed = pushed_apart(centers, np.full((4, 2), 10.0), (0, 0, 100, 100), fixed)
    assert overlaps(np.concatenate([placed - 5, placed + 5], axis=1)) == 0
    assert (placed[3] == centers[3]).all()
    assert np.linalg.norm(placed - centers, axis=1).max() < 40
