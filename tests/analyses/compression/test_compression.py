"""Sizes are those of real bytes, and each method restores images as it promises."""

import io
import lzma
import zlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from sklearn.decomposition import PCA

from aecli.analyses.compression.code_codecs import CodeCodec, fit_pca
from aecli.analyses.compression.image_codecs import image_codecs
from aecli.analyses.compression.report import CompressionReport, compress
from aecli.codes import Codes, CodesMeta
from aecli.codes.quantizer import fit_quantizers
from aecli.codes.storage import store
from aecli.data import load


def as_codes(values: NDArray[Any]) -> Codes:
    names = np.arange(len(values)).astype(np.str_)
    return Codes(values, names, np.zeros(len(values), np.float32), CodesMeta("sha256:aa", "digits", "sha256:bb"))


@pytest.fixture(scope="module")
def images() -> NDArray[Any]:
    return load("digits:test").images[:60]


@pytest.fixture(scope="module")
def training() -> NDArray[Any]:
    return load("digits:train").images


@pytest.fixture(scope="module")
def report(images: NDArray[Any], training: NDArray[Any]) -> CompressionReport:
    """Return the report on a codec whose codes are the pixels themselves."""
    quantizers = {quantizer.bits: quantizer for quantizer in fit_quantizers(training.astype(np.float32))}
    codec = CodeCodec(
        "codes", as_codes(images.astype(np.float32)), lambda codes: np.rint(codes).astype(np.uint8), quantizers, 100
    )
    return compress(images, [codec], fit_pca(training, images, codec.codes))


def test_float32_codes_of_128_values_save_a_third_of_28x28_pixels() -> None:
    codec = CodeCodec(
        "codes", as_codes(np.zeros((10_000, 128), np.float32)), lambda _: np.zeros((1, 1, 1, 1), np.uint8), {}, 0
    )
    compressed = codec.compress(32, entropy=False)
    assert compressed.bytes == 5_120_000
    assert round(100 * (1 - compressed.bytes / (10_000 * 28 * 28)), 2) == 34.69


def test_sizes_follow_from_the_bits_per_value(report: CompressionReport) -> None:
    rows = {row.method: row for row in report.rows}
    values = 60 * 64
    assert rows["8-bit pixels"].bytes == values
    assert rows["codes, float32"].bytes == 4 * values
    assert rows["codes, float16"].bytes == 2 * values
    for bits in (8, 6, 4, 3, 2):
        scale = 8 + (0 if bits == 8 else 4 * 8)  # offset and step of one channel; shape
        assert rows[f"codes, {bits} bits"].bytes == values * bits / 8 + scale
    row = rows["codes, 4 bits"]
    assert row.bits_per_pixel == pytest.approx(8 * row.bytes / values)
    assert row.ratio == pytest.approx(values / row.bytes)
    assert row.ratio_with_decoder == pytest.approx(values / (row.bytes + 100))


def test_fewer_bits_are_smaller_and_less_accurate(report: CompressionReport) -> None:
    rows = {row.method: row for row in report.rows}
    for suffix in ("", ", entropy-coded"):
        series = [rows[f"codes, {bits} bits{suffix}"] for bits in (8, 6, 4, 3, 2)]
        assert [row.bytes for row in series] == sorted((row.bytes for row in series), reverse=True)
        assert [row.quality.mse for row in series] == sorted(row.quality.mse for row in series)
    for bits in (8, 6, 4, 3, 2):
        assert rows[f"codes, {bits} bits"].quality == rows[f"codes, {bits} bits, entropy-coded"].quality


def test_the_header_of_entropy_coded_codes_is_what_all_files_have(images: NDArray[Any], training: NDArray[Any]) -> None:
    quantizers = {quantizer.bits: quantizer for quantizer in fit_quantizers(training.astype(np.float32))}
    few, many = (
        CodeCodec(
            "codes", as_codes(images[:count].astype(np.float32)), lambda codes: codes.astype(np.uint8), quantizers, 0
        )
        for count in (20, 60)
    )
    pca = fit_pca(training, images, many.codes)
    for codec in (few, many, pca):
        compressed = codec.compress(4, entropy=True)
        stored = store(codec.codes.codes, 4, codec.quantizers[4], entropy=True)
        beside_stream = compressed.bytes - compressed.header_bytes - stored["coded"].nbytes
        assert 0 < beside_stream < stored["frequencies"].nbytes + 64  # a random stream is stored with its header
        assert codec.compress(4, entropy=False).header_bytes == 0
    headers = [codec.compress(4, entropy=True).header_bytes for codec in (few, many)]
    assert headers[0] == headers[1] > 1000


def test_lossless_methods_restore_images_exactly(report: CompressionReport) -> None:
    for row in report.rows:
        if row.method in {"8-bit pixels", "codes, float32", "PNG", "WebP lossless"} or "one stream" in row.method:
            assert row.quality.mse == 0, row.method
            assert row.to_dict()["psnr"] is None


def test_the_size_of_png_is_that_of_one_file_per_image(images: NDArray[Any]) -> None:
    png = next(codec for codec in image_codecs(1) if codec.method == "PNG").compress(images)
    total = 0
    for image in images:
        content = io.BytesIO()
        Image.fromarray(image[0]).save(content, "PNG", optimize=True)
        total += len(content.getvalue())
    assert png.bytes == total


def test_a_stream_is_the_same_whatever_its_blocks(images: NDArray[Any]) -> None:
    for method, whole in (("zlib", zlib.compress(images.tobytes(), 9)), ("LZMA", lzma.compress(images.tobytes()))):
        codec = next(codec for codec in image_codecs(1) if codec.method.startswith(method))
        size = sum(codec.compress(images[start : start + 7]).bytes for start in range(0, len(images), 7))
        assert size + codec.finish() == len(whole)


def test_more_quality_is_more_bytes() -> None:
    side = np.arange(64)
    image = (128 + 100 * np.sin(side[:, None] / 5) * np.cos(side / 3)).astype(np.uint8)[None, None]
    sizes: dict[str, list[int]] = {}
    for codec in image_codecs(1):
        sizes.setdefault(codec.family, []).append(codec.compress(image).bytes)
    assert {"JPEG", "WebP", "JPEG 2000"} <= sizes.keys()
    for family, of_family in sizes.items():
        if len(of_family) > 2:
            assert of_family == sorted(of_family), family


def test_pca_equals_that_of_scikit_learn(images: NDArray[Any], training: NDArray[Any]) -> None:
    codec = fit_pca(training, images, as_codes(np.zeros((60, 2, 5), np.float32)))
    flat = training.reshape(len(training), -1).astype(np.float64)
    reference = PCA(10, svd_solver="full").fit(flat)
    coordinates = reference.transform(images.reshape(60, -1))
    np.testing.assert_allclose(np.abs(codec.codes.codes), np.abs(coordinates), rtol=1e-2, atol=0.2)
    expected = np.rint(reference.inverse_transform(coordinates)).clip(0, 255)
    restored = codec.decode(codec.codes.codes).reshape(60, -1)
    assert np.abs(restored - expected).max() <= 1
    assert codec.decoder_bytes == 4 * (64 + 10 * 64)


def test_every_image_codec_accepts_color_images() -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 3, 9, 7), dtype=np.uint8)
    for codec in image_codecs(3):
        restored = codec.compress(images).restored
        assert restored.shape == images.shape
        assert restored.dtype == np.uint8


def test_formats_of_color_images_may_keep_chroma_at_full_resolution() -> None:
    """Red and blue stripes of one pixel: at half the resolution they become purple, whatever the quality."""
    image = np.zeros((1, 3, 32, 32), np.uint8)
    image[:, 0, :, ::2] = image[:, 2, :, 1::2] = 255
    codecs = {codec.method: codec for codec in image_codecs(3)}
    full = {method for method in codecs if method.endswith("4:4:4")}
    assert {codecs[method].family for method in full} <= {"JPEG", "AVIF"}
    assert not any(codec.method.endswith("4:4:4") for codec in image_codecs(1))
    assert "JPEG 97 4:4:4" in full
    for method in full & {"JPEG 97 4:4:4", "AVIF 95 4:4:4"}:
        errors = [
            np.abs(codecs[name].compress(image).restored.astype(int) - image).mean()
            for name in (method, method.removesuffix(" 4:4:4"))
        ]
        assert errors[0] < 10 < errors[1]
