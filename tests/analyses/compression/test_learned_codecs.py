"""Models with several rates beside formats: bytes of files, qualities, decoders, images of several sizes."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from aecli.analyses.compression.blocks import ImageBlocks, grouped
from aecli.analyses.compression.report import CompressionReport, compress
from aecli.codes.aec import HEADER_BYTES, pack
from aecli.codes.aec_set import AecSet, AecSetMeta
from aecli.data import load
from aecli.reports.compression.models import learned_codec
from tests.fake_codec import FakeCodec

SIZES = [(20, 30), (20, 30), (1, 1), (33, 17)]


def smooth(height: int, width: int, seed: int) -> NDArray[np.uint8]:
    random = np.random.default_rng(seed)
    column, row = np.arange(width)[None], np.arange(height)[:, None]
    waves = 100 + 60 * np.sin(column / random.uniform(3, 9)) + 60 * np.cos(row / random.uniform(3, 9))
    pixels: NDArray[np.uint8] = (waves + random.normal(0, 3, waves.shape)).clip(0, 255).astype(np.uint8)
    return pixels[None]


@pytest.fixture(scope="module")
def photos() -> list[NDArray[np.uint8]]:
    return [smooth(*size, seed) for seed, size in enumerate(SIZES)]


@pytest.fixture(scope="module")
def report(photos: list[NDArray[np.uint8]]) -> CompressionReport:
    codec, blocks = FakeCodec(), ImageBlocks(len(photos), 1, lambda: grouped(photos))
    return compress(blocks, [learned_codec("codec", codec, codec.identity)])


def test_images_of_several_sizes_are_a_file_each(report: CompressionReport, photos: list[NDArray[np.uint8]]) -> None:
    codec, rows = FakeCodec(), {row.method: row for row in report.rows}
    pixels = sum(image.size for image in photos)
    for rate in range(3):
        encoded = [codec.encode(image[None], rate)[0] for image in photos]
        row = rows[f"codec, rate {rate}"]
        assert row.bytes == sum(len(pack(each.coded, codec.identity, 1)) for each in encoded)
        assert row.header_bytes == len(photos) * HEADER_BYTES
        errors = [each.pixels.astype(float) - image for each, image in zip(encoded, photos, strict=True)]
        squared = sum(np.square(error).sum() for error in errors)
        assert row.quality.mse == pytest.approx(squared / pixels)
        assert row.bits_per_pixel == pytest.approx(8 * row.bytes / pixels)
        assert row.bytes_per_image_of(1000) == pytest.approx(row.bytes_per_image + 1)
    assert rows["8-bit pixels"].bytes == pixels
    assert rows["PNG"].quality.mse == 0


def test_a_model_of_one_size_writes_one_stream() -> None:
    images = load("digits:test").images[:50]
    codec = FakeCodec(size=(8, 8))
    report = compress(images, [learned_codec("codec", codec, codec.identity, "digits:test", is_stream=True)])
    for rate in range(3):
        words, _ = codec.encode_set(images, rate)
        meta = AecSetMeta(codec.identity, rate, 50, (1, 8, 8), "digits:test")
        row = next(row for row in report.rows if row.method == f"codec, rate {rate}")
        assert row.bytes == len(AecSet(meta, words).to_bytes())
        assert row.header_bytes < row.bytes
    assert codec.encoded == []


def test_headers_of_formats_are_the_bytes_of_flat_images(report: CompressionReport) -> None:
    rows = {row.method: row for row in report.rows}
    for method in ("JPEG 50", "WebP 50", "JPEG 2000 34 dB"):
        assert 0 < rows[method].header_bytes < rows[method].bytes
    assert rows["LZMA, one stream"].header_bytes == 0
    pair = {each.other: each for each in report.comparisons}["JPEG"]
    assert pair.psnr
    assert pair.psnr_without_headers
    assert pair.psnr.percent != pair.psnr_without_headers.percent


def test_a_model_is_compared_with_each_format_and_the_next_model(photos: list[NDArray[np.uint8]]) -> None:
    models = [learned_codec(name, FakeCodec(name=name), FakeCodec(name=name).identity) for name in "ab"]
    report = compress(ImageBlocks(len(photos), 1, lambda: grouped(photos)), models)
    pairs = {(each.model, each.other) for each in report.comparisons}
    assert {("a", "JPEG"), ("b", "JPEG"), ("a", "WebP"), ("a", "b")} <= pairs
    assert ("b", "a") not in pairs
    same = next(each for each in report.comparisons if (each.model, each.other) == ("a", "b"))
    assert same.psnr
    assert same.psnr.percent == pytest.approx(0)
    assert same.pays_off
    assert same.pays_off.images is None


def test_a_decoder_pays_off_when_its_bytes_are_saved() -> None:
    images = np.stack([smooth(48, 48, seed) for seed in range(4)])
    codec = FakeCodec()
    report = compress(images, [learned_codec("codec", codec, codec.identity)])
    for pair in report.comparisons:
        if not pair.pays_off or pair.pays_off.images is None:
            continue
        low, high = pair.pays_off.images - 1, pair.pays_off.images
        ours = {count: codec.decoder_bytes / count for count in (low, high) if count}
        saved = _bytes_at(report, pair.other, pair.pays_off.psnr) - _bytes_at(report, "codec", pair.pays_off.psnr)
        assert ours[high] <= saved
        assert not low or ours[low] > saved


def _bytes_at(report: CompressionReport, family: str, psnr: float) -> float:
    from aecli.analyses.compression.bd_rate import Curve

    curve = Curve.through((row.bytes_per_image, row.quality.psnr) for row in report.rows if row.family == family)
    assert curve
    return curve.bytes_at(psnr)


def test_a_format_that_does_not_take_an_image_is_left_out() -> None:
    image = np.zeros((1, 1, 16_400, 1), np.uint8)
    codec = FakeCodec()
    codec.batch_size = lambda height, width: 1  # type: ignore[method-assign]
    report = compress(image, [learned_codec("codec", codec, codec.identity)])
    methods = {row.family for row in report.rows}
    assert "WebP" not in methods
    assert {"JPEG", "codec", "PNG"} <= methods
    assert any("WebP" in reason for reason in report.left_out)


def test_a_model_that_fails_is_not_left_out() -> None:
    class Broken(FakeCodec):
        def encode(self, images: NDArray[np.uint8], rate: int) -> list[Any]:
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        compress(np.zeros((1, 1, 8, 8), np.uint8), [learned_codec("codec", Broken(), Broken().identity)])


def test_blocks_are_of_one_size_and_bounded(monkeypatch: pytest.MonkeyPatch, photos: list[NDArray[np.uint8]]) -> None:
    assert [block.shape[0] for block in grouped(photos)] == [2, 1, 1]
    monkeypatch.setattr("aecli.analyses.compression.blocks.MAX_VALUES", 700)
    assert [block.shape[0] for block in grouped(photos)] == [1, 1, 1, 1]
    images = np.zeros((5, 1, 10, 30), np.uint8)
    assert [len(block) for block in ImageBlocks.of(images).read()] == [2, 2, 1]
