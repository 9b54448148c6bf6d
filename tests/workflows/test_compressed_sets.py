"""Sets of images in one stream: what is reported of their quality."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aecli.data import Failure, ImageSet
from aecli.errors import UsageError
from aecli.workflows.archive_options import ArchiveOptions
from aecli.workflows.compressed_sets import CompressedSet, write_set
from tests.fake_codec import FakeCodec

NOISE = np.random.default_rng(0).integers(0, 256, (20, 1, 8, 8), np.uint8)
IMAGES = ImageSet(NOISE, np.arange(20).astype(np.str_), "noise")
"""At rate 0 of the fake codec, its PSNR is 51 dB."""


def write(folder: Path, *, codec: FakeCodec | None = None, images: ImageSet = IMAGES, **options: Any) -> CompressedSet:
    return write_set(codec or FakeCodec(size=(8, 8)), images, folder / "set.npz", ArchiveOptions(**options))


def test_a_set_as_requested_has_no_warnings(tmp_path: Path) -> None:
    report = write(tmp_path, psnr=35)
    assert report.warnings == []
    assert not report.is_partial
    assert report.bytes == (tmp_path / "set.npz").stat().st_size
    document = report.to_dict()
    assert (document["images"], document["failed"], document["rate"]) == (20, 0, report.rate)
    assert document["bytes_per_image"] == pytest.approx(report.bytes / 20, abs=0.001)
    assert f"{report.bytes:,}" in report.as_text()


def test_a_psnr_that_no_rate_reaches_is_partial(tmp_path: Path) -> None:
    report = write(tmp_path, psnr=70)
    (warning,) = report.warnings
    assert "70 dB" in warning
    assert report.is_partial


@pytest.mark.parametrize(("usual", "warns"), [(57.0, True), (53.0, False)])
def test_a_set_unlike_the_training_images_is_named(usual: float, warns: bool, tmp_path: Path) -> None:
    codec = FakeCodec(size=(8, 8))
    codec.psnr[0] = usual
    report = write(tmp_path, codec=codec)
    assert any("unlike" in warning for warning in report.warnings) is warns
    assert not report.is_partial


def test_a_set_without_some_of_its_images_is_partial(tmp_path: Path) -> None:
    report = write(tmp_path, images=replace(IMAGES, failures=(Failure("a.png", "damaged"),)))
    assert report.is_partial
    assert report.to_dict()["failed"] == 1


def test_an_infinite_psnr_is_null_in_json(tmp_path: Path) -> None:
    report = write(tmp_path, images=replace(IMAGES, images=NOISE // 2 * 2))
    assert report.to_dict()["psnr"] is None


def test_a_rate_that_the_model_does_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no rate 3"):
        write(tmp_path, rate=3)
    assert not list(tmp_path.iterdir())
