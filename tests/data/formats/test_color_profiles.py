"""ICC profiles: colors become those of sRGB; a profile that cannot be used does not fail the image."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from aecli.data import image_files, load
from aecli.data.conversion import Conversion
from aecli.data.encoded import FileOnDisk
from aecli.data.formats.color_profiles import use_of
from aecli.data.formats.known import AVIF
from aecli.data.levels import Levels
from tests.data.formats.icc_writing import (
    ADOBE_PRIMARIES,
    P3_PRIMARIES,
    SRGB_PRIMARIES,
    cmyk_profile,
    gray_profile,
    rgb_profile,
    srgb_levels,
)
from tests.data.formats.test_deep_color import COLOR, write_png
from tests.data.formats.tiff_writing import page, write_tiff

PIXELS = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
RAMP = np.arange(256, dtype=np.uint8).reshape(8, 32)
P3 = rgb_profile(P3_PRIMARIES)
EXPECTED = srgb_levels(PIXELS, P3_PRIMARIES)
LEVELS = 3
"""Levels by which results of different arithmetic may differ."""


def decode(path: Path, conversion: Conversion | None = None) -> NDArray[np.int64]:
    """Return the pixels of a file, (H, W, C)."""
    pixels = image_files.decode(FileOnDisk(path), conversion or Conversion(levels="declared")).pixels
    return pixels.transpose(1, 2, 0).astype(np.int64)


def by_littlecms(image: Image.Image, profile: bytes) -> NDArray[np.int64]:
    """Return what littlecms makes of an image, from end to end."""
    converted = ImageCms.profileToProfile(
        image, ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"), outputMode="RGB"
    )
    assert converted is not None
    return np.asarray(converted).astype(np.int64)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "webp", *["avif"] * AVIF.is_available])
def test_wide_gamut_becomes_srgb(tmp_path: Path, suffix: str) -> None:
    options: dict[str, Any] = {"quality": 100, "subsampling": "4:4:4"} if suffix in ("jpg", "avif") else {}
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(PIXELS).save(path, icc_profile=P3, lossless=suffix == "webp", **options)
    stored = np.asarray(Image.open(path).convert("RGB"))
    np.testing.assert_allclose(decode(path), srgb_levels(stored, P3_PRIMARIES), atol=LEVELS)
    assert np.abs(decode(path) - stored).max() > 20


def test_adobe_rgb_and_its_gamma(tmp_path: Path) -> None:
    gamma = 563 / 256
    Image.fromarray(PIXELS).save(tmp_path / "a.png", icc_profile=rgb_profile(ADOBE_PRIMARIES, gamma))
    np.testing.assert_allclose(decode(tmp_path / "a.png"), srgb_levels(PIXELS, ADOBE_PRIMARIES, gamma), atol=LEVELS)


@pytest.mark.parametrize("of_littlecms", [False, True])
def test_levels_of_srgb_are_unchanged(tmp_path: Path, *, of_littlecms: bool) -> None:
    profile = rgb_profile(SRGB_PRIMARIES)
    if of_littlecms:
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(PIXELS).save(tmp_path / "a.png", icc_profile=profile)
    np.testing.assert_array_equal(decode(tmp_path / "a.png"), PIXELS)
    assert not load(str(tmp_path / "a.png")).notes


def test_gray_has_the_curve_of_its_profile(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(RAMP).save(path, icc_profile=gray_profile(1.0))
    expected = srgb_levels(RAMP[:, :, None].repeat(3, axis=2), SRGB_PRIMARIES, 1.0)[:, :, :1]
    np.testing.assert_allclose(decode(path), expected, atol=LEVELS)
    assert image_files.native_shape(FileOnDisk(path)) == (1, 8, 32)
    Image.fromarray(RAMP).save(path, icc_profile=P3)  # as programs do that forget the profile of a color image
    np.testing.assert_array_equal(decode(path)[:, :, 0], RAMP)
    assert not load(str(path)).notes


def test_transparency_stays_on_white(tmp_path: Path) -> None:
    alpha = np.where(np.arange(32) < 16, 0, 255).astype(np.uint8)[None].repeat(24, axis=0)
    rgba, keyed = Image.fromarray(np.dstack([PIXELS, alpha])), Image.fromarray(PIXELS)
    rgba.save(tmp_path / "rgba.png", icc_profile=P3)
    keyed.save(tmp_path / "keyed.png", icc_profile=P3, transparency=tuple(PIXELS[0, 0].tolist()))
    np.testing.assert_array_equal(decode(tmp_path / "rgba.png")[:, :16], 255)
    np.testing.assert_allclose(decode(tmp_path / "rgba.png")[:, 16:], EXPECTED[:, 16:], atol=LEVELS)
    np.testing.assert_array_equal(decode(tmp_path / "keyed.png")[0, 0], 255)
    np.testing.assert_allclose(decode(tmp_path / "keyed.png")[1:], EXPECTED[1:], atol=LEVELS)
    gray = Image.fromarray(RAMP)
    gray.putalpha(Image.fromarray(255 - RAMP // 255 * 255))
    gray.save(tmp_path / "la.png", icc_profile=gray_profile(1.0))
    assert decode(tmp_path / "la.png")[-1, -2:].ravel().tolist() == [255, 255]
    assert decode(tmp_path / "la.png")[0, 10, 0] > 40


def test_colors_of_a_palette(tmp_path: Path) -> None:
    image = Image.fromarray(PIXELS).quantize(16)
    image.save(tmp_path / "a.png", icc_profile=P3)
    expected = srgb_levels(np.asarray(image.convert("RGB")), P3_PRIMARIES)
    np.testing.assert_allclose(decode(tmp_path / "a.png"), expected, atol=LEVELS)


def test_deep_images(tmp_path: Path) -> None:
    deep = PIXELS.astype(np.uint16) * 257
    png = write_png(tmp_path / "a.png", deep, COLOR)
    Image.fromarray(PIXELS).save(tmp_path / "profile.png", icc_profile=P3)
    chunk = (tmp_path / "profile.png").read_bytes()
    start = chunk.index(b"iCCP") - 4
    chunk = chunk[start : start + 12 + int.from_bytes(chunk[start : start + 4])]
    png.write_bytes(png.read_bytes()[:33] + chunk + png.read_bytes()[33:])
    np.testing.assert_allclose(decode(png), EXPECTED, atol=LEVELS)
    planes = [np.ascontiguousarray(deep[:, :, index]).tobytes() for index in range(3)]
    tiff = write_tiff(tmp_path / "a.tif", page((24, 32), [16] * 3, 2, planes, t284=[2], t34675=list(P3)))
    np.testing.assert_allclose(decode(tiff), EXPECTED, atol=LEVELS)
    gray = tmp_path / "gray.png"
    Image.fromarray(RAMP.astype(np.uint16) * 16).save(gray, icc_profile=gray_profile(1.0))
    expected = srgb_levels(RAMP[:, :, None].repeat(3, axis=2), SRGB_PRIMARIES, 1.0)[:, :, :1]
    np.testing.assert_allclose(decode(gray, Conversion(levels=Levels(0, 255 * 16))), expected, atol=LEVELS)


@pytest.mark.parametrize("name", ["a.jpg", "jpeg.tif", "a.tif"])
def test_cmyk_by_its_profile(tmp_path: Path, name: str) -> None:
    inks = np.kron(np.random.default_rng(0).integers(0, 256, (2, 3, 4), dtype=np.uint8), np.ones((8, 8, 1), np.uint8))
    options: dict[str, Any] = {} if name == "a.tif" else {"quality": 100}
    if name == "jpeg.tif":
        options["compression"] = "jpeg"
    image, profile = Image.fromarray(inks, "CMYK"), cmyk_profile()
    image.save(tmp_path / name, icc_profile=profile, **options)
    expected = by_littlecms(image, profile)
    np.testing.assert_allclose(decode(tmp_path / name), expected, atol=LEVELS)
    assert np.abs(np.asarray(image.convert("RGB")) - expected).max() > 20  # without the profile
    image.save(tmp_path / name, icc_profile=b"", **options)
    np.testing.assert_allclose(decode(tmp_path / name), np.asarray(image.convert("RGB")).astype(int), atol=LEVELS)


@pytest.mark.parametrize(
    "profile",
    [b"no profile", P3[:200], P3[:36] + b"xxxx" + P3[40:], P3[:16] + b"CMYK" + P3[20:], P3[:12] + b"link" + P3[16:]],
    ids=["text", "truncated", "no signature", "other color space", "device link"],
)
def test_a_profile_that_cannot_be_used_is_reported_once(tmp_path: Path, profile: bytes) -> None:
    for name in "abc":
        Image.fromarray(PIXELS).save(tmp_path / f"{name}.png", icc_profile=profile)
    images = load(str(tmp_path))
    for pixels in images.images:
        np.testing.assert_array_equal(pixels, PIXELS.transpose(2, 0, 1))
    (note,) = [note for note in images.notes if "ICC" in note]
    assert "3 images" in note


def test_damaged_bytes_of_a_profile_never_fail_the_image(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    whole = np.frombuffer(rgb_profile(ADOBE_PRIMARIES, 2.2), np.uint8)
    for profile in (whole, np.frombuffer(cmyk_profile(), np.uint8)):
        for _ in range(60):
            damaged = profile.copy()
            damaged[generator.integers(0, len(profile), 6)] = generator.integers(0, 256, 6)
            Image.fromarray(PIXELS[:4, :4]).save(tmp_path / "a.png", icc_profile=damaged.tobytes())
            assert decode(tmp_path / "a.png").shape == (4, 4, 3)


def test_without_littlecms_levels_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Missing:
        def __getattr__(self, name: str) -> None:
            raise ImportError(name)

    monkeypatch.setattr(ImageCms, "core", Missing())
    Image.fromarray(PIXELS).save(tmp_path / "a.png", icc_profile=rgb_profile(P3_PRIMARIES, name="missing"))
    np.testing.assert_array_equal(decode(tmp_path / "a.png"), PIXELS)


def test_images_of_one_profile_share_its_conversion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built, create = [], ImageCms.createProfile

    def counted(name: Any) -> Any:
        built.append(name)
        return create(name)

    monkeypatch.setattr(ImageCms, "createProfile", counted)
    profile = rgb_profile(P3_PRIMARIES, name="shared")
    for index in range(20):
        Image.fromarray(PIXELS).save(tmp_path / f"{index}.png", icc_profile=profile)
        decode(tmp_path / f"{index}.png")
    assert len(built) == 1
    (note,) = load(str(tmp_path)).notes
    assert "20 images" in note


def test_masks_are_read_without_profiles(tmp_path: Path) -> None:
    classes = np.array([[0, 1, 2]], np.uint8)  # a curve could turn the first class black
    Image.fromarray(classes).save(tmp_path / "a.png", icc_profile=gray_profile(3.0))
    assert decode(tmp_path / "a.png").max() == 0
    np.testing.assert_array_equal(image_files.decode_mask(FileOnDisk(tmp_path / "a.png")), classes > 0)


def test_kinds_of_profiles() -> None:
    assert use_of(None, "RGB") is None
    assert use_of(P3, "RGBA") == use_of(P3, "P") == "applied"
    assert use_of(cmyk_profile(), "CMYK") == "applied"
    assert use_of(cmyk_profile(), "RGB") == "unusable"
