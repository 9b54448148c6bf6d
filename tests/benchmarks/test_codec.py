"""The codec benchmark: images that are trained on and measured, and the tables of a report."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.benchmarks import codec_images
from tests.benchmarks.cases import codec


def test_pieces_of_photographs_are_trained_on_or_tested(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photograph = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    monkeypatch.setattr(codec_images, "_photographs", lambda: [("one", photograph), ("two", photograph[:200])])
    folder = codec_images.write_pieces(tmp_path / "color")
    names = {part: {path.name for path in (folder / part).iterdir()} for part in ("train", "test")}
    assert not names["train"] & names["test"]
    assert (len(names["train"]), len(names["test"])) == (7, 2)
    with Image.open(folder / "test" / "one-002.png") as image:
        np.testing.assert_array_equal(np.asarray(image), photograph[:128, 256:384])


def test_odd_images_are_parts_of_a_mosaic(tmp_path: Path) -> None:
    paths = []
    for number in range(16):
        paths.append(tmp_path / f"{number:02}.png")
        Image.new("L", (300, 300), number).save(paths[-1])
    images = codec_images.odd_images(paths)
    assert [image.shape[1:] for image in images] == list(codec_images.ODD_SIZES)
    assert set(np.unique(images[-1]).tolist()) == set(range(16))


def row(family: str, size: float, psnr: float | None) -> dict[str, Any]:
    return {"family": family, "method": f"{family}, rate 0", "bytes_per_image": size, "psnr": psnr}


def test_the_table_shows_bytes_at_equal_quality_where_a_method_has_it() -> None:
    comparison = {"model": "codec", "other": "JPEG", "bd_rate_psnr": {"percent": -50.0}, "bd_rate_ssim": None}
    document = {
        "rows": [
            *(row("codec", 100, 30), row("codec", 200, 40)),
            *(row("JPEG", 200, 30), row("JPEG", 300, 35), row("PNG", 900, None)),
        ],
        "comparisons": [comparison | {"bd_rate_psnr_without_headers": None, "pays_off": {"images": 1234}}],
    }
    heading, _, ours, other = [line.split(" | ") for line in codec.quality_table(document).splitlines()]
    assert {len(heading)} == {len(ours), len(other)}
    assert (ours[1], other[1], other[5]) == ("100", "200", "")
    assert "-50.0%" in other
    assert "1,234" in other[-1]


def test_limits_of_zero_are_met_by_zero_only() -> None:
    assert codec._limit("files", 0, 0, "").verdict == "met"
    assert codec._limit("files", 1, 0, "").verdict == "not met"
    assert codec._limit("bytes", 10, 15, "bytes").verdict == "met"
    assert codec._limit("bytes", float("inf"), 15, "bytes").verdict == "not met"
