"""examples/scratches: heatmaps, maps and a page of photographs with scratches, with a small network."""

from pathlib import Path

import pytest
from PIL import Image

from tests.examples.conftest import MakeExample
from tests.tiny_backbone import BACKBONE, SETTINGS, write_weights

pytestmark = pytest.mark.slow


def test_the_drawn_photographs(make_example: MakeExample, tmp_path: Path) -> None:
    small = f"TRAIN=--set model.image_size=64 --set model.arguments.components={SETTINGS['components']} --no-export"
    weights = f"WEIGHTS={write_weights(tmp_path / 'weights.safetensors')}"
    words = (f"OUT={tmp_path / 'out'}", "COUNT=24", f"BACKBONE={BACKBONE}", weights, small)
    make_example("scratches", *words)
    out = tmp_path / "out"
    names = {path.stem for path in (out / "photographs" / "incoming").iterdir()}
    assert len(names) == 6
    assert len(list((out / "heatmaps").iterdir())) == len(list((out / "maps").iterdir())) == 6
    assert (out / "report.html").read_text("utf-8").count("<li data-score") == 6
    masks = sorted((out / "photographs" / "masks").iterdir())
    assert [path.stem for path in masks] == ["000", "003"]
    with Image.open(masks[0]) as mask:
        assert mask.getextrema() == (0, 255)
    assert "Nothing to be done" in make_example("scratches", *words)
