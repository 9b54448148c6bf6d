"""`aecli.compress`, `aecli.restore` and `aecli.load_codec`."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import aecli
from aecli.data.formats import aec_images
from aecli.data.levels import Levels
from aecli.errors import AecliWarning, InputError, OutputExistsError, UsageError
from tests.fake_codec import FakeCodec


@pytest.fixture(autouse=True)
def codec(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let every model be the same codec; the tests give it, or the path of a model."""
    fake = FakeCodec()
    monkeypatch.setattr(aec_images, "_decoders", {})
    monkeypatch.setattr("aecli.inference.codec.load_codec", lambda model, device="auto": fake)
    return fake


def test_a_folder_is_compressed_and_restored(image_folder: Path, conv_run: Path, tmp_path: Path) -> None:
    report = aecli.compress(image_folder, conv_run, tmp_path / "archive", rate=1, progress=False)
    assert report.written == len(report.psnr_of) == 6
    assert report.bytes == sum(path.stat().st_size for path in (tmp_path / "archive").rglob("*.aec"))
    restored = aecli.restore(tmp_path / "archive", conv_run, tmp_path / "restored")
    assert restored.restored == 6
    assert (tmp_path / "restored" / "a" / "0.png").exists()
    with pytest.raises(OutputExistsError, match="6"):
        aecli.restore(tmp_path / "archive", conv_run, tmp_path / "restored")
    aecli.restore(str(tmp_path / "archive"), conv_run, tmp_path / "restored", overwrite=True)


def test_images_in_memory_are_compressed(codec: Any, tmp_path: Path) -> None:
    images = [Image.new("L", (8, 8), 10), Image.new("L", (20, 5), 200)]
    assert aecli.compress(images, codec, tmp_path / "images").written == 2
    assert aecli.compress(np.zeros((3, 1, 8, 8), np.uint8), codec, tmp_path / "arrays").written == 3


def test_options_are_keyword_arguments(codec: Any, image_folder: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    best = aecli.compress(image_folder, codec, archive).bytes
    with pytest.raises(OutputExistsError) as caught:
        aecli.compress(image_folder, codec, archive)
    assert "resume=True" in str(caught.value.hint)
    assert aecli.compress(image_folder, codec, archive, resume=True).kept == 6
    assert aecli.compress(image_folder, codec, archive, psnr=25, overwrite=True).bytes < best
    with pytest.raises(UsageError):
        aecli.compress(image_folder, codec, archive, psnr=25, rate=0)
    with pytest.raises(UsageError):
        aecli.compress(image_folder, codec, archive, rate=9, overwrite=True)


def test_failures_are_warnings(codec: Any, image_folder: Path, tmp_path: Path) -> None:
    (image_folder / "a" / "0.png").write_bytes(b"x")
    with pytest.warns(AecliWarning, match="0.png"):
        report = aecli.compress(image_folder, codec, tmp_path / "archive")
    assert [failure.name for failure in report.failures] == ["a/0.png"]
    (tmp_path / "archive" / "a" / "1.png.aec").write_bytes(b"x")
    with pytest.warns(AecliWarning, match="1.png"):
        assert len(aecli.restore(tmp_path / "archive", codec, tmp_path / "restored").failures) == 1
    with pytest.raises(InputError):
        aecli.restore(tmp_path / "archive" / "a" / "1.png.aec", codec, tmp_path / "restored")


def test_archives_are_images_once_their_codec_is_loaded(
    codec: Any, image_folder: Path, conv_run: Path, tmp_path: Path
) -> None:
    aecli.compress(image_folder, codec, tmp_path / "archive")
    with pytest.raises(InputError, match="identity"):
        aecli.load_images(str(tmp_path / "archive"))
    assert aecli.load_codec(conv_run) is codec
    images = aecli.load_images(str(tmp_path / "archive"))
    assert images.image_shape == (1, 8, 8)
    assert images.class_names == ("a", "b")


def test_deep_images_have_the_levels_of_the_codec(codec: Any, tmp_path: Path) -> None:
    """As on the command line: an image of 12 bits would otherwise be nearly black."""
    values = np.arange(64, dtype=np.uint16).reshape(8, 8) * 65
    Image.fromarray(values).save(tmp_path / "deep.png")
    codec.levels = Levels(0, 4095)
    aecli.compress(tmp_path / "deep.png", codec, tmp_path / "archive")
    aecli.restore(tmp_path / "archive", codec, tmp_path / "restored")
    (restored,) = (tmp_path / "restored").rglob("*.png")
    with Image.open(restored) as image:
        assert np.abs(np.asarray(image) - values / 4095 * 255).max() <= 2


def test_an_archive_is_not_among_its_images(codec: Any, image_folder: Path) -> None:
    with pytest.raises(UsageError, match="among the images"):
        aecli.compress(image_folder, codec, image_folder / "archive")
