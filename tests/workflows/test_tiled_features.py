"""`aecli train --recipe features --tile`: images are cut, but thresholds are those of whole images."""

from pathlib import Path

import pytest

from aecli.checkpoint import read_header
from tests.command_line import Run
from tests.tiny_backbone import FEATURES, write_photographs


@pytest.mark.slow
def test_the_threshold_of_tiles_is_that_of_images(aecli: Run, backbone_weights: Path, tmp_path: Path) -> None:
    normal = write_photographs(tmp_path / "normal", 6, (80, 70))
    validation = write_photographs(tmp_path / "validation", 5, (64, 90))
    run = tmp_path / "run"
    words = ("--val", validation, "--tile", "32", "--overlap", "8", "--init-from", backbone_weights)
    result = aecli("train", normal, "-o", run, *FEATURES, *words)
    assert result.status == 0, result.err
    assert "54 tiles" in result.err
    header = read_header(run / "model.safetensors")
    assert (header.image_shape, header.data.images, header.validation.images) == ((3, 32, 32), 6, 5)
    rows = aecli("detect", validation, "--model", run).rows
    assert header.score_quantiles is not None
    assert max(float(row[1]) for row in rows) == pytest.approx(header.score_quantiles.values[-1], rel=1e-3)
    assert min(float(row[1]) for row in rows) == pytest.approx(header.score_quantiles.values[0], rel=1e-3)
