"""Image files that are cut into tiles: in memory, in the cache, in batches, and those that are smaller than a tile."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from aecli.data import load
from aecli.data.conversion import Conversion
from aecli.data.encoded import FileOnDisk
from aecli.data.image_files import decode_tiled
from aecli.data.iteration import iterate_images
from aecli.data.options import DataOptions
from aecli.data.tiled_image import TiledImage
from aecli.data.tiling import Tiling
from aecli.errors import InputError

TILES = Conversion((1, 8, 8), tiles=Tiling(8, 2))


def noise(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """Return a gray image, (H, W)."""
    return np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with two classes of gray images of different sizes."""
    for index, (name, size) in enumerate([("a/1", (20, 30)), ("a/2", (8, 8)), ("b/3", (14, 9))]):
        path = tmp_path / "images" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise(*size, seed=index)).save(path)
    return tmp_path / "images"


def test_tiles_are_parts_of_the_image() -> None:
    pixels = noise(20, 30)
    image = TiledImage.of(pixels[None], TILES)
    tiles = image.tiles()
    assert tiles.shape == (len(image.corners), 1, 8, 8)
    for (top, left), tile in zip(image.corners, tiles, strict=True):
        assert np.array_equal(tile[0], pixels[top : top + 8, left : left + 8])
    assert np.array_equal(np.concatenate([image.tiles(0, 5), image.tiles(5, 99)]), tiles)


def test_tiles_are_resized_and_colored_as_the_model_takes_them() -> None:
    image = TiledImage.of(noise(20, 30)[None], Conversion((3, 4, 4), tiles=Tiling(8, 2)))
    assert image.tiles().shape == (len(image.corners), 3, 4, 4)
    assert image.native == (1, 20, 30)


@pytest.mark.parametrize("size", [(5, 20), (20, 5), (1, 1), (3, 2)])
def test_an_image_smaller_than_a_tile_is_extended_by_its_mirror_image(size: tuple[int, int]) -> None:
    pixels = noise(*size)
    image = TiledImage.of(pixels[None], TILES)
    first = image.tiles()[0, 0]
    height, width = (min(side, 8) for side in size)
    assert np.array_equal(first[:height, :width], pixels[:height, :width])
    mirrored = np.pad(pixels, [(0, max(0, 8 - side)) for side in size], mode="symmetric")
    assert np.array_equal(first, mirrored[:8, :8])


def test_a_file_is_decoded_upright_in_its_own_size(tmp_path: Path) -> None:
    pixels = noise(20, 30)
    turned = Image.fromarray(pixels)
    turned.save(tmp_path / "turned.png", exif=_orientation(6))
    tiled = decode_tiled(FileOnDisk(tmp_path / "turned.png"), TILES)
    assert tiled.native == (1, 30, 20)
    assert np.array_equal(tiled.tiles(0, 1)[0, 0], np.rot90(pixels, -1)[:8, :8])


def test_a_folder_is_loaded_as_tiles_with_the_labels_of_its_images(folder: Path) -> None:
    images = load(str(folder), conversion=TILES)
    assert images.tiles is not None
    assert len(images) == len(images.tiles) == 15 + 1 + 4
    assert images.image_count == 3
    assert images.names.tolist()[:2] == ["a/1.png#tile1", "a/1.png#tile2"]
    assert len({*images.names.tolist()}) == len(images)
    assert images.labels is not None
    assert np.bincount(images.labels).tolist() == [16, 4]
    assert {*images.image_names} == {"a/1.png", "a/2.png", "b/3.png"}
    last = images.tiles.corner(len(images) - 1)
    assert np.array_equal(images.images[-1, 0], noise(14, 9, seed=2)[last[0] : last[0] + 8, last[1] : last[1] + 8])
    assert any("3 images" in note and "tiles" in note for note in images.notes)


def test_tiles_in_the_cache_are_those_in_memory(folder: Path) -> None:
    (folder / "a" / "damaged.png").write_bytes(b"damaged")
    in_memory = load(str(folder), conversion=TILES, skip_damaged=True)
    for _ in range(2):  # written, then read
        cached = load(str(folder), DataOptions(memory_budget=1), TILES, skip_damaged=True)
        assert isinstance(cached.images, np.memmap)
        assert np.array_equal(cached.images, in_memory.images)
        assert cached.names.tolist() == in_memory.names.tolist()
        assert cached.fingerprint == in_memory.fingerprint
        assert cached.tiles is not None
        assert in_memory.tiles is not None
        assert cached.tiles.sizes.tolist() == in_memory.tiles.sizes.tolist()
        assert [failure.name for failure in cached.failures] == ["a/damaged.png"]


def test_small_images_are_reported(folder: Path) -> None:
    notes = load(str(folder), conversion=Conversion((1, 16, 16), tiles=Tiling(16, 4))).notes
    assert any("2 images" in note and "mirror" in note for note in notes)


def test_images_of_more_than_8_bits_are_measured_together(tmp_path: Path) -> None:
    for index, white in enumerate((1000, 4000)):
        Image.fromarray(np.linspace(0, white, 200).reshape(10, 20).astype(np.uint16)).save(tmp_path / f"{index}.png")
    images = load(str(tmp_path), conversion=TILES)
    assert images.levels is not None
    assert images.levels.white == 4095
    assert images.images.max() == round(4000 / 4095 * 255)


def test_too_many_tiles_are_refused(tmp_path: Path) -> None:
    Image.fromarray(noise(1200, 1200)).save(tmp_path / "large.png")
    conversion = Conversion((1, 8, 8), tiles=Tiling(8, 7))
    with pytest.raises(InputError, match="tiles"):
        decode_tiled(FileOnDisk(tmp_path / "large.png"), conversion)
    with pytest.raises(InputError, match="tiles"):
        TiledImage.of(noise(1200, 1200)[None], conversion)


def test_arrays_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", noise(20, 30)[None])
    with pytest.raises(InputError, match="tiles"):
        load(str(tmp_path / "images.npy"), conversion=TILES)


def test_one_image_after_the_other(folder: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", noise(20, 30)[None])
    for word, sizes in ((folder, [(20, 30), (8, 8), (14, 9)]), (tmp_path / "images.npy", [(20, 30)])):
        read = [reader.read_tiles for reader in iterate_images(str(word), TILES)]
        assert [one().native[1:] for one in read if one] == sizes


def _orientation(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif
