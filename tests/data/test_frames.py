"""Frames of animations: each shows what the format says, and a file is decoded in one pass over its frames."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import GifImagePlugin, Image, PngImagePlugin, WebPImagePlugin

from aecli.data import DataOptions, frames, image_files, load
from aecli.data.conversion import Conversion
from aecli.data.encoded import EncodedImage, FileOnDisk, UnreadableImageError
from aecli.data.formats.tiff import directories
from aecli.data.frames import frames_of
from aecli.data.image_files import quiet
from aecli.data.iteration import iterate_images
from tests.data.formats.animation_writing import apng, gif, random_parts, shown
from tests.data.formats.tiff_writing import gray_page, write_tiff

ALL, FIRST = DataOptions(pages="all"), DataOptions(pages="first")
COLOR = Conversion((3, None, None))
SIZE = (12, 17)
PALETTE = np.random.default_rng(0).integers(0, 256, (256, 3), dtype=np.uint8)
MANY = 60


@pytest.fixture(autouse=True)
def no_warnings() -> Iterator[None]:
    with quiet():
        yield


def write(path: Path, seed: int, count: int = 9) -> list[NDArray[np.uint8]]:
    """Write an animation with parts that are kept, cleared and removed; return what its frames show."""
    is_gif = path.suffix == ".gif"
    parts = random_parts(seed, SIZE, count, colors=256 if is_gif else 0)
    path.write_bytes(gif(parts, SIZE, PALETTE) if is_gif else apng(parts, SIZE))
    return shown(parts, SIZE, PALETTE if is_gif else None)


@pytest.mark.parametrize("suffix", ["gif", "png"])
@pytest.mark.parametrize("seed", range(5))
def test_frames_show_what_their_parts_make(tmp_path: Path, suffix: str, seed: int) -> None:
    path = tmp_path / f"a.{suffix}"
    expected = write(path, seed)
    with pytest.raises(UnreadableImageError, match="frames") as caught:
        load(str(path))
    assert "--pages" in caught.value.reason
    np.testing.assert_array_equal(load(str(path), ALL, COLOR).images, expected)
    np.testing.assert_array_equal(load(str(path), FIRST, COLOR).images, expected[:1])
    for page in (8, 0, 4):
        np.testing.assert_array_equal(image_files.decode(FileOnDisk(path, page), COLOR).pixels, expected[page])


def test_frames_of_a_webp_with_transparency(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    images = [Image.fromarray(generator.integers(0, 256, (12, 16, 4), dtype=np.uint8)) for _ in range(7)]
    path = tmp_path / "a.webp"
    images[0].save(path, save_all=True, append_images=images[1:], lossless=True, exact=True)
    found = load(str(path), ALL, COLOR).images
    with Image.open(path) as opened:
        assert opened.n_frames == len(found) == 7  # type: ignore[attr-defined]
        for number, (image, pixels) in enumerate(zip(images, found, strict=True)):
            opened.seek(number)
            for original in (image, opened.convert("RGBA")):
                expected = Image.alpha_composite(Image.new("RGBA", image.size, "white"), original).convert("RGB")
                np.testing.assert_allclose(pixels, np.asarray(expected).transpose(2, 0, 1), atol=1)


@pytest.mark.parametrize("suffix", ["gif", "png"])
def test_frames_in_any_order(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / f"a.{suffix}"
    expected = write(path, 1)
    order = np.random.default_rng(0).permutation(np.tile(np.arange(9), 3))
    for kept in (frames.KEPT_PIXELS, 2 * SIZE[0] * SIZE[1]):
        monkeypatch.setattr(frames, "KEPT_PIXELS", kept)
        files = frames_of(FileOnDisk(path), 9)
        for page in order.tolist():
            assert files[page].where == f"{path}#{page + 1}"
            np.testing.assert_array_equal(image_files.decode(files[page], COLOR).pixels, expected[page])


def counted(monkeypatch: pytest.MonkeyPatch, plugin: Any, method: str) -> list[int]:
    """Count the calls of a decoder's method, in the only item of the list that is returned."""
    calls, original = [0], getattr(plugin, method)

    def call(self: Any, *args: Any, **options: Any) -> Any:
        calls[0] += 1
        return original(self, *args, **options)

    monkeypatch.setattr(plugin, method, call)
    return calls


@pytest.mark.parametrize(
    ("suffix", "plugin", "method"),
    [
        ("gif", GifImagePlugin.GifImageFile, "_seek"),
        ("png", PngImagePlugin.PngImageFile, "_seek"),
        ("webp", WebPImagePlugin.WebPImageFile, "_get_next"),
    ],
)
def test_a_file_is_decoded_in_one_pass(
    tmp_path: Path, suffix: str, plugin: Any, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"a.{suffix}"
    if suffix == "webp":
        noise = np.random.default_rng(0).integers(0, 256, (MANY, 12, 16, 3), dtype=np.uint8)
        images = [Image.fromarray(pixels) for pixels in noise]
        images[0].save(path, save_all=True, append_images=images[1:], lossless=True)
    else:
        write(path, 0, MANY)
    calls = counted(monkeypatch, plugin, method)
    ways: list[Callable[[], int]] = [
        lambda: len(load(str(path), ALL, Conversion((3, 12, 16)))),
        lambda: len(load(str(path), ALL, COLOR)),  # which reads all sizes first
        lambda: sum(reader.read().native[0] > 0 for reader in iterate_images(str(path), Conversion((3, 12, 16)), ALL)),
    ]
    for read in ways:
        calls[0] = 0
        assert read() == MANY
        assert calls[0] < 5 * MANY  # and not MANY * MANY / 2


@pytest.mark.parametrize("suffix", ["gif", "png"])
def test_frames_before_damage_are_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    expected = write(path, 3)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    one_by_one = [outcome(FileOnDisk(path, page)) for page in range(9)]
    assert [outcome(frame) for frame in frames_of(FileOnDisk(path), 9)] == one_by_one
    read = [pixels for pixels in one_by_one if not isinstance(pixels, str)]
    assert 0 < len(read) < 9
    assert read == [frame.tolist() for frame in expected[: len(read)]]


def outcome(file: EncodedImage) -> Any:
    """Return the pixels of a file as lists, or the reason why they cannot be read."""
    try:
        return image_files.decode(file, COLOR).pixels.tolist()
    except UnreadableImageError as error:
        return error.reason


def test_a_file_that_is_replaced_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    write(path, 0)
    files = frames_of(FileOnDisk(path), 9)
    path.write_bytes(b"GIF89a")
    for file in files:
        with pytest.raises(UnreadableImageError):
            image_files.decode(file, COLOR)
    path.unlink()
    with pytest.raises(UnreadableImageError, match="no such"):
        image_files.decode(files[0], COLOR)


def test_pages_of_different_sizes(tmp_path: Path) -> None:
    pages = [np.full(size, 40 * index, np.uint8) for index, size in enumerate([(6, 8), (12, 5), (6, 8)], start=1)]
    path = write_tiff(tmp_path / "a.tif", *(gray_page(page) for page in pages))
    files = frames_of(FileOnDisk(path), 3)
    for file, page in zip(files, pages, strict=True):
        np.testing.assert_array_equal(image_files.decode(file).pixels[0], page)
    with pytest.raises(UnreadableImageError.__base__, match="differ in size"):  # type: ignore[arg-type]
        load(str(path), ALL)
    images = load(str(path), ALL, Conversion((1, 6, 8)))
    assert images.images[:, 0, 3, 3].tolist() == [40, 80, 120]
    np.testing.assert_array_equal(load(str(path), FIRST).images[0, 0], pages[0])


def test_a_frame_of_a_gif_that_is_larger_than_the_first_one(tmp_path: Path) -> None:
    parts = random_parts(0, SIZE, 3, colors=256)
    content = gif(parts, SIZE, PALETTE).replace(b"GIF89a\x11\0\x0c\0", b"GIF89a\x09\0\x06\0", 1)
    (tmp_path / "a.gif").write_bytes(content)
    images = load(str(tmp_path / "a.gif"), ALL, Conversion((3, 12, 17)))
    expected = shown(parts, SIZE, PALETTE)
    np.testing.assert_array_equal(images.images, expected)


def test_directories_of_a_tiff_are_followed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = [gray_page(np.full((6, 8), 4 * number, np.uint8)) for number in range(MANY)]
    reduced = gray_page(np.zeros((3, 4), np.uint8), t254=[1])
    path = write_tiff(tmp_path / "a.tif", *(part for one in pages for part in (one, reduced)))
    calls = counted(monkeypatch, directories.Directory, "__init__")
    images = load(str(path), ALL, Conversion((1, 6, 8)))
    assert images.images[:, 0, 0, 0].tolist() == [4 * number for number in range(MANY)]
    assert calls[0] < 8 * MANY
