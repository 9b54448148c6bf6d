"""Archives of images: layouts, labels of WebDataset, shards, and damage."""

import io
import struct
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from aecli.data import DataOptions, load
from aecli.data.archives.tar_archive import TarArchive
from aecli.data.conversion import Conversion
from aecli.data.iteration import iterate_images
from aecli.data.loading import content_of, unsplit_content_of
from aecli.data.options import LabelsFrom
from aecli.data.registry import resolve
from aecli.errors import InputError, UnavailableError
from tests.data.archive_writing import write_tar, write_zip
from tests.data.image_sets import labels_of, png, values

Pack = Callable[[str, Mapping[str, bytes]], str]


@pytest.fixture(params=["zip", "tar", "tar.gz", "tgz", "tar.bz2", "tar.xz"])
def pack(request: pytest.FixtureRequest, tmp_path: Path) -> Pack:
    """Write files into an archive of each kind."""

    def write(name: str, files: Mapping[str, bytes]) -> str:
        path = tmp_path / f"{name}.{request.param}"
        if request.param == "zip":
            return str(write_zip(path, files))
        packed = write_tar(path.with_suffix(".tar.gz") if request.param == "tgz" else path, files)
        return str(packed.rename(path))

    return write


def test_a_folder_in_an_archive_is_its_root(pack: Pack) -> None:
    inner = {"cat/1.png": png(1), "dog/2.png": png(2), "notes.txt": b"x"}
    for data in (pack("inner", inner), pack("outer", {f"./photos/{name}": own for name, own in inner.items()})):
        images = load(data)
        assert images.names.tolist() == ["cat/1.png", "dog/2.png"]
        assert images.class_names == ("cat", "dog")
        assert values(data) == [1, 2]
        assert any("1 .txt" in note for note in images.notes)


def test_a_file_beside_the_folder_of_an_archive_does_not_make_it_a_class(pack: Pack) -> None:
    files = {"animals/cat/1.png": png(1), "animals/dog/2.png": png(2), "README.txt": b"x", "classes.json": b"[]"}
    files |= {"docs/paper.pdf": b"x", "clip.mp4": b"x", "cat/1.json": b'{"label": "of another image"}'}
    images = load(pack("animals", files))
    assert images.class_names == ("cat", "dog")
    assert images.names.tolist() == ["cat/1.png", "dog/2.png"]


def test_splits_and_masks_are_those_of_the_layout(pack: Pack) -> None:
    files = {"set/train/good/1.png": png(1), "set/test/good/2.png": png(2), "set/test/cut/3.png": png(3)}
    data = pack("mvtec", files | {"set/ground_truth/cut/3_mask.png": png(255)})
    assert values(f"{data}:train") == [1]
    assert values(f"{data}:test@cut") == [3]
    names = [image.name for image in iterate_images(data, Conversion((1, 4, 4)))]
    assert len(names) == 3
    assert names[0] == f"{data}:test/cut/3.png"


def test_hidden_files_and_unusual_names(pack: Pack) -> None:
    files = {
        "a/.hidden.png": b"x",
        "__MACOSX/a/1.png": b"x",
        "a/ä 1.png": png(1),
        "a/../b/2.png": png(2),
        "/c/3.png": png(3),
    }
    data = pack("names", files)
    assert sorted(load(data).names.tolist()) == ["a/ä 1.png", "b/2.png", "c/3.png"]


def test_an_archive_without_images_is_an_error(pack: Pack) -> None:
    with pytest.raises(InputError, match="no image"):
        load(pack("none", {"a.txt": b"x"}))


@pytest.mark.parametrize("kept", [0, 3, 0.3, 0.6])
def test_a_truncated_archive_is_one_error(pack: Pack, kept: float) -> None:
    random = np.random.default_rng(0)
    files = {f"{index}.png": random.bytes(5000) for index in range(20)}
    data = Path(pack("cut", files))
    content = data.read_bytes()
    data.write_bytes(content[: int(len(content) * kept) if kept < 1 else int(kept)])
    with pytest.raises(InputError) as caught:
        load(str(data))
    assert data.name in caught.value.message
    assert "\n" not in caught.value.message


def test_damage_of_one_image_leaves_the_others(pack: Pack) -> None:
    data = pack("one", {"1.png": png(1), "2.png": b"damaged", "3.png": b""})
    images = load(data, skip_damaged=True)
    assert images.names.tolist() == ["1.png"]
    assert [failure.name for failure in images.failures] == ["2.png", "3.png"]


# Single kinds


def test_an_encrypted_file_of_a_zip_is_named(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"1.png": png(1), "2.png": png(2)})
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    path.write_bytes(content)
    images = load(str(path), skip_damaged=True)
    assert [(failure.name, "encrypted" in failure.reason) for failure in images.failures] == [("1.png", True)]


def test_a_wrong_checksum_in_a_zip_is_damage_of_one_image(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"1.png": png(1), "2.png": png(2)}, zipfile.ZIP_STORED)
    content = path.read_bytes()
    path.write_bytes(content.replace(png(2), png(2)[:-1] + b"?", 1))
    assert [failure.name for failure in load(str(path), skip_damaged=True).failures] == ["2.png"]


def test_a_bomb_in_a_zip_is_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"1.png": png(1), "2.png": png(2)})
    content = bytearray(path.read_bytes())
    central = content.rindex(b"PK\x01\x02")
    content[central + 24 : central + 28] = struct.pack("<I", 2**31)
    path.write_bytes(content)
    assert [failure.name for failure in load(str(path), skip_damaged=True).failures] == ["2.png"]


def test_windows_separators_in_a_zip(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("cat/1.png", "dog/2.png"):
            member = zipfile.ZipInfo(name)
            member.filename = name.replace("/", "\\")
            archive.writestr(member, png(1))
    assert load(str(path)).class_names == ("cat", "dog")


def test_links_in_a_tar(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", {"1.png": png(1)})
    with tarfile.open(path, "a") as archive:
        for name, kind in (("2.png", tarfile.LNKTYPE), ("3.png", tarfile.SYMTYPE)):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "1.png"
            archive.addfile(member)
    assert load(str(path)).names.tolist() == ["1.png", "2.png"]
    assert values(str(path)) == [1, 1]


def test_the_last_of_two_files_of_a_name_counts(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", {"1.png": png(1)})
    with tarfile.open(path, "a") as archive:
        member = tarfile.TarInfo("1.png")
        member.size = len(png(7))
        archive.addfile(member, io.BytesIO(png(7)))
    assert values(str(path)) == [7]


def test_a_compressed_tar_needs_a_writable_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_tar(tmp_path / "a.tar.gz", {"1.png": png(1)})
    (tmp_path / "file").touch()
    monkeypatch.setenv("AECLI_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(UnavailableError, match="decompress"):
        load(str(path))


def test_a_large_set_in_an_archive_is_cached(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", {f"{index}.png": png(index) for index in range(5)})
    small = DataOptions(memory_budget=10)
    assert isinstance(load(str(path), small).images, np.memmap)
    write_tar(path, {f"{index}.png": png(index + 10) for index in range(5)})
    assert load(str(path), small).images[:, 0, 0, 0].tolist() == [10, 11, 12, 13, 14], "the archive was changed"


# WebDataset


@pytest.mark.parametrize("label", [".cls", ".json"])
def test_labels_beside_the_images(tmp_path: Path, label: str) -> None:
    files = {}
    for index, number in enumerate((10, 9, 2)):
        files[f"{index:03}.png"] = png(index)
        files[f"{index:03}{label}"] = str(number).encode() if label == ".cls" else f'{{"label": {number}}}'.encode()
    files["003.png"] = png(3)
    images = load(str(write_tar(tmp_path / "a.tar", files)))
    assert images.class_names == ("2", "9", "10")
    assert labels_of(images) == [2, 1, 0, -1]
    assert not any("passed over" in note for note in images.notes)


def test_a_label_belongs_to_the_image_of_its_whole_name(tmp_path: Path) -> None:
    files = {}
    for index, label in enumerate(["ok", "crack", "ok"]):
        files[f"day/2024.01.15_{index:03}.png"] = png(index)
        files[f"day/2024.01.15_{index:03}.json"] = f'{{"label": "{label}"}}'.encode()
    files |= {"day/2024.01.15_003.png": png(3), "day/7.seg.png": png(4), "day/7.cls": b"key", "day/8.png": png(5)}
    files["day/8.png.cls"] = b"full"
    images = load(str(write_tar(tmp_path / "a.tar", files)))
    assert images.class_names == ("crack", "full", "key", "ok")
    assert labels_of(images) == [3, 0, 3, -1, 2, 1]


def test_a_json_file_that_is_too_long_for_a_label_is_none(tmp_path: Path) -> None:
    """Such as those of labelme, which hold the image."""
    files = {f"{index}.png": png(index) for index in range(2)}
    files |= {"0.json": b'{"imageData": "' + bytes(1 << 20) + b'"}', "1.json": b'{"label": "cat"}'}
    images = load(str(write_tar(tmp_path / "a.tar", files)))
    assert images.class_names == ("cat",)
    assert labels_of(images) == [-1, 0]


def test_label_files_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = {"png": png(1), "cls": b"a"}
    files = {f"{split}/1.{suffix}": content for split in ("train", "test") for suffix, content in one.items()}
    ref = resolve(str(write_tar(tmp_path / "a.tar", files)))
    real = TarArchive.read
    read: list[str] = []

    def counted(archive: TarArchive, name: str) -> bytes:
        read.append(name)
        return real(archive, name)

    monkeypatch.setattr(TarArchive, "read", counted)
    for split in ("train", "test", "all"):
        assert content_of(replace(ref, split=split))[0].class_names == ("a",)
    assert sorted(read) == ["test/1.cls", "train/1.cls"]


def test_labels_in_files_count_unless_none_are_requested(tmp_path: Path) -> None:
    files = {"1.png": png(1), "1.cls": b"a", "2.png": png(2), "2.cls": b"b"}
    ref = resolve(str(write_tar(tmp_path / "a.tar", files)))
    for labels_from, classes in (("folder", ("a", "b")), ("prefix", ("a", "b")), ("none", ())):
        options = DataOptions(labels_from=cast(LabelsFrom, labels_from))
        assert load(ref, options).class_names == classes
        assert unsplit_content_of(ref, options).class_names == classes, "as in an archive of compressed images"


def test_images_without_need_of_labels_do_not_read_them(tmp_path: Path) -> None:
    data = str(write_tar(tmp_path / "a.tar", {"1.png": png(1), "1.cls": b"\xff"}))
    with pytest.raises(InputError, match="label"):
        load(data)
    assert len(list(iterate_images(data, Conversion((1, 4, 4))))) == 1


@pytest.mark.parametrize(("written", "named"), [("a.tar", "b.tar.gz"), ("a.tar.gz", "b.tar")])
def test_compression_follows_from_the_content(tmp_path: Path, written: str, named: str) -> None:
    path = write_tar(tmp_path / written, {"1.png": png(9)})
    assert values(str(path.rename(tmp_path / named))) == [9]


def test_a_damaged_header_in_a_tar_is_an_error(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", {f"{index}.png": png(index) for index in range(4)})
    content = bytearray(path.read_bytes())
    content[2 * 1024] ^= 1  # the name of the third file: each takes one block for the header and one for the content
    path.write_bytes(content)
    with pytest.raises(InputError, match="damaged"):
        load(str(path))


def test_descriptions_without_labels_leave_those_of_the_folders(pack: Pack) -> None:
    files = {f"{name}/1.png": png(1) for name in ("a", "b")} | {"a/1.json": b'{"width": 4}'}
    assert load(pack("described", files)).class_names == ("a", "b")


@pytest.mark.parametrize("suffix", [".7z", ".rar", ".tar.zst"])
def test_archives_that_are_not_read_are_named(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"x")
    with pytest.raises(InputError, match=suffix):
        load(str(path))
