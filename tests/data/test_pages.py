"""--pages: frames and pages of image files as images."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from aecli.data import DataOptions, load
from aecli.data.conversion import Conversion
from aecli.data.encoded import UnreadableImageError
from aecli.data.formats.known import AVIF
from aecli.data.iteration import iterate_images
from aecli.errors import UsageError

RAMP = np.add.outer(np.arange(32), np.arange(32)).astype(np.uint8) * 4
FRAMES = [RAMP, RAMP.T[::-1].copy(), 255 - RAMP]
FIRST, ALL = DataOptions(pages="first"), DataOptions(pages="all")
SUFFIXES = ["tif", "gif", "png", "webp", *["avif"] * AVIF.is_available]


def save(path: Path) -> None:
    images = [Image.fromarray(frame) for frame in FRAMES]
    options: dict[str, Any] = {} if path.suffix == ".avif" else {"lossless": True}
    images[0].save(path, save_all=True, append_images=images[1:], duration=100, **options)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_frames_are_images(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    save(path)
    for refusing in (DataOptions(), DataOptions(pages="refuse")):
        with pytest.raises(UnreadableImageError) as caught:
            load(str(path), refusing)
        assert "--pages" in caught.value.reason
    for options, names in ((FIRST, [f"a.{suffix}"]), (ALL, [f"a.{suffix}#{number}" for number in (1, 2, 3)])):
        images = load(str(path), options, Conversion((1, 32, 32)))
        assert images.names.tolist() == names
        for pixels, frame in zip(images.images[:, 0], FRAMES, strict=False):
            assert np.abs(pixels.astype(int) - frame).mean() < 4


def test_pages_in_a_folder_keep_their_label(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    save(tmp_path / "a" / "stack.tif")
    Image.fromarray(RAMP).save(tmp_path / "b" / "one.png")
    (tmp_path / "b" / "damaged.gif").write_bytes(b"GIF89a")
    images = load(str(tmp_path), ALL, skip_damaged=True)
    assert images.names.tolist() == ["a/stack.tif#1", "a/stack.tif#2", "a/stack.tif#3", "b/one.png"]
    assert images.labels is not None
    assert images.labels.tolist() == [0, 0, 0, 1]
    assert [failure.name for failure in images.failures] == ["b/damaged.gif"]
    assert len(load(str(tmp_path), FIRST, skip_damaged=True)) == 2


def test_pages_stay_in_the_split_of_their_file(tmp_path: Path) -> None:
    for index in range(12):
        save(tmp_path / f"{index}.tif")
    files = [{name.split("#")[0] for name in load(f"{tmp_path}:{split}", ALL).names} for split in ("train", "test")]
    assert not files[0] & files[1]
    assert len(files[0] | files[1]) == 12


def test_pages_are_inspected_one_by_one(tmp_path: Path) -> None:
    save(tmp_path / "a.tif")
    gray = Conversion((1, 32, 32))
    readers = list(iterate_images(str(tmp_path / "a.tif"), gray, ALL))
    assert [reader.name for reader in readers] == [f"{tmp_path}/a.tif#{number}" for number in (1, 2, 3)]
    for reader, frame in zip(readers, FRAMES, strict=True):
        np.testing.assert_array_equal(reader.read().pixels[0], frame)
    (reader,) = iterate_images(str(tmp_path / "a.tif"), gray, FIRST)
    np.testing.assert_array_equal(reader.read().pixels[0], RAMP)
    with pytest.raises(UsageError):
        next(iterate_images("-", gray, ALL))


@pytest.mark.parametrize("suffix", ["gif", "tif"])
def test_the_reason_of_a_damaged_file_is_not_that_it_has_pages(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    save(path)
    content = bytearray(path.read_bytes())
    if suffix == "gif":
        del content[-60:]
    else:  # the second directory is beyond the end
        with Image.open(path) as image:
            first = int.from_bytes(content[4:8], "little")
            tags = int.from_bytes(content[first : first + 2], "little")
            assert getattr(image, "n_frames", 1) == len(FRAMES)
        content[first + 2 + 12 * tags : first + 6 + 12 * tags] = (1 << 24).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(UnreadableImageError) as caught:
        load(str(path), ALL)
    assert "--pages" not in caught.value.reason
    assert "--pages" not in (caught.value.hint or "")
