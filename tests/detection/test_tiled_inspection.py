"""Images that are scored by their tiles."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from aecli.data.tiled_image import TiledImage
from aecli.data.tiling import Tiling
from aecli.detection import tiled_inspection
from aecli.detection.detector import Detector, default_detector
from aecli.detection.inspection import AnomalyInspector, Detection
from aecli.detection.scores import find_score
from aecli.detection.tile_options import TileOptions
from aecli.errors import UsageError
from aecli.inference.model import Model, ModelOutput
from aecli.plots.inspected_view import map_of
from aecli.workflows.detection import open_inspector
from aecli.workflows.detection_files import open_files
from aecli.workflows.detection_options import FileOptions

TILING = Tiling(8, 2)


@pytest.fixture
def residual(model: Model) -> Detector:
    """Return a detector without maps that cuts images into tiles."""
    return default_detector(model.header, model.fingerprint).with_tiles(TILING)


@pytest.fixture
def local(model: Model, output: ModelOutput, residual: Detector) -> Detector:
    """Return a detector with maps that cuts images into tiles."""
    score = find_score("local")
    header = replace(default_detector(model.header, model.fingerprint).header, score="local")
    statistics = score.fit(score.measure(output), 0)
    return Detector(header, statistics).with_tiles(TILING)


@pytest.fixture
def mosaic(digits: NDArray[np.uint8], tmp_path: Path) -> Path:
    """Return an image file of 20x37 pixels, of several digits."""
    rows = [np.concatenate([digits[5 * row + column, 0] for column in range(5)], 1) for row in range(3)]
    Image.fromarray(np.concatenate(rows, 0)[:20, :37]).save(tmp_path / "mosaic.png")
    return tmp_path / "mosaic.png"


def inspect(model: Model, detector: Detector, *words: Path) -> list[Detection]:
    results = [result for chunk in AnomalyInspector(model, detector).inspect(list(map(str, words))) for result in chunk]
    return [result for result in results if isinstance(result, Detection)]


def cut(model: Model, detector: Detector, path: Path) -> TiledImage:
    with Image.open(path) as image:
        return TiledImage.of(np.asarray(image)[None], AnomalyInspector(model, detector).conversion)


def test_without_maps_the_score_is_the_largest_of_a_tile(model: Model, residual: Detector, mosaic: Path) -> None:
    (result,) = inspect(model, residual, mosaic)
    tiles = cut(model, residual, mosaic).tiles()
    scores = model.score(tiles)
    assert result.score == pytest.approx(scores.max(), rel=1e-4)
    assert result.score_map is None
    assert np.array_equal(result.output.images[0], tiles[scores.argmax()])
    assert result.path == str(mosaic)


def test_the_map_covers_the_whole_image(model: Model, local: Detector, mosaic: Path) -> None:
    (result,) = inspect(model, local, mosaic)
    assert result.score_map is not None
    assert result.original is not None
    cells = [side / own for side, own in zip(result.score_map.shape, (20, 37), strict=True)]
    assert cells[0] == pytest.approx(cells[1], rel=0.1)
    assert result.score == pytest.approx(result.score_map.max())
    assert result.original.place(result.score_map, (20, 37)).shape == (20, 37)
    assert np.isfinite(result.original.place(result.score_map, (20, 37))).all()


def test_a_map_that_extends_beyond_the_image_says_so(
    model: Model, local: Detector, mosaic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aecli.detection.scores.local.overhang", lambda header: (0.5, 0.25))
    for detector, shape in ((local, (19, 36)), (local.with_tiles(None), (8, 8))):
        (result,) = inspect(model, detector, mosaic)
        assert result.overhang == (0.5, 0.25)
        assert result.score_map is not None
        assert result.score_map.shape == shape


def test_a_defect_changes_the_map_where_it_is(model: Model, local: Detector, mosaic: Path) -> None:
    with Image.open(mosaic) as image:
        pixels = np.array(image)
    pixels[10:16, 26:32] = np.random.default_rng(0).integers(0, 256, (6, 6))
    Image.fromarray(pixels).save(mosaic.with_name("defect.png"))
    normal, defect = inspect(model, local, mosaic, mosaic.with_name("defect.png"))
    assert defect.score_map is not None
    assert normal.score_map is not None
    change = np.abs(defect.score_map - normal.score_map)
    row, column = np.unravel_index(change.argmax(), change.shape)
    scale = 20 / defect.score_map.shape[0]
    assert 8 <= (row + 0.5) * scale <= 18
    assert 24 <= (column + 0.5) * scale <= 34


def test_the_size_of_a_batch_does_not_change_the_result(
    model: Model, local: Detector, mosaic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (whole,) = inspect(model, local, mosaic)
    read: list[int] = []
    tiles = TiledImage.tiles

    def recording(image: TiledImage, start: int = 0, stop: int | None = None) -> NDArray[np.uint8]:
        found = tiles(image, start, stop)
        read.append(len(found))
        return found

    monkeypatch.setattr(TiledImage, "tiles", recording)
    monkeypatch.setattr(
        tiled_inspection, "batches", lambda count, shape: (slice(at, min(at + 4, count)) for at in range(0, count, 4))
    )
    (batched,) = inspect(model, local, mosaic)
    assert max(read) == 4
    assert sum(read) == len(cut(model, local, mosaic).corners)
    assert batched.score == pytest.approx(whole.score, rel=1e-5)


def test_images_smaller_than_a_tile_are_scored(model: Model, local: Detector, mosaic: Path) -> None:
    with Image.open(mosaic) as image:
        image.crop((0, 0, 5, 12)).save(mosaic)
    inspector = AnomalyInspector(model, local)
    ((result,),) = inspector.inspect([str(mosaic)])
    assert isinstance(result, Detection)
    assert np.isfinite(result.score)
    assert any("mirror" in note for note in inspector.report().notes)


def test_an_image_from_standard_input_can_be_shown(
    model: Model, local: Detector, mosaic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(mosaic.read_bytes())))
    ((result,),) = AnomalyInspector(model, local).inspect(["-"])
    assert isinstance(result, Detection)
    assert result.original is not None
    pixels = result.original.pixels((20, 37))
    assert pixels is not None
    with Image.open(mosaic) as image:
        assert np.array_equal(pixels[0], np.asarray(image))


def test_unreadable_images_keep_their_place(model: Model, local: Detector, mosaic: Path) -> None:
    mosaic.with_name("cut.png").write_bytes(mosaic.read_bytes()[:40])
    inspector = AnomalyInspector(model, local)
    words = [str(mosaic), str(mosaic.with_name("cut.png")), "none.png", str(mosaic)]
    results = [result for chunk in inspector.inspect(words) for result in chunk]
    assert [isinstance(result, Detection) for result in results] == [True, False, False, True]
    assert (inspector.scored, inspector.failed) == (2, 2)


def test_other_tiles_than_those_of_the_threshold_are_warned_of(model: Model) -> None:
    detector = default_detector(model.header, model.fingerprint)
    assert detector.header.tiles is None
    inspector, warnings = open_inspector(model, detector, tiles=TileOptions(8, 2))
    assert inspector.conversion.tiles == TILING
    assert any("tiles" in warning for warning in warnings)
    assert not open_inspector(model, detector, threshold=1.0, tiles=TileOptions(8, 2))[1]
    same, warnings = open_inspector(model, detector.with_tiles(TILING), tiles=TileOptions())
    assert same.conversion.tiles == TILING
    assert not any("tiles" in warning for warning in warnings)
    whole, _ = open_inspector(model, detector.with_tiles(TILING), tiles=TileOptions(0))
    assert whole.conversion.tiles is None


@pytest.mark.parametrize("options", [TileOptions(-1), TileOptions(8, 8), TileOptions(8, -1), TileOptions(None, 2)])
def test_impossible_tiles_are_refused(options: TileOptions) -> None:
    with pytest.raises(UsageError, match=r"--tile|--overlap"):
        options.check()


def test_maps_of_tiles_need_a_score_of_maps(
    model: Model, residual: Detector, local: Detector, mosaic: Path, tmp_path: Path
) -> None:
    """Before the first image, and not at the first anomaly."""
    for options in (FileOptions(maps=tmp_path / "maps"), FileOptions(heatmaps=tmp_path / "heatmaps")):
        with pytest.raises(UsageError, match="each tile") as refused:
            open_files(options, model, residual)
        assert "--score local" in (refused.value.hint or "")
        files = open_files(options, model, local)
        (result,) = inspect(model, local, mosaic)
        assert Path(next(iter(files.write(result).values()))).exists()


def test_whole_images_of_a_model_of_tiles_have_error_maps(
    model: Model, residual: Detector, digits: NDArray[np.uint8], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --tile 0."""
    conversion = replace(model.conversion, tiles=TILING)
    monkeypatch.setattr(type(model), "conversion", property(lambda self: conversion))
    Image.fromarray(digits[0, 0]).save(tmp_path / "digit.png")
    (result,) = inspect(model, residual.with_tiles(None), tmp_path / "digit.png")
    assert map_of(result) is not None
