"""Archives: one file for each image, restored under the original name, whatever happens to some of them."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from aecli.codes.aec import AecImage
from aecli.data import DataOptions, resolve
from aecli.data.own_size import OwnSizeImages, own_size_images
from aecli.errors import InputError, OutputExistsError, UsageError
from aecli.inference.archive_decoding import read_file
from aecli.inference.archive_encoding import Quality, encode_with
from aecli.workflows.archive_options import ArchiveOptions
from aecli.workflows.archive_reading import RestoreReport, find_files, require_new, restore_archive, restored_paths
from aecli.workflows.archive_writing import ArchiveReport, archive_paths, write_archive
from tests.fake_codec import STEPS, FakeCodec

SIZES = {"a/1.png": (8, 8), "a/2.jpg": (12, 20), "b/1.png": (8, 8), "b/2.png": (1, 1), "3.png": (33, 17)}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Return a folder of gray images of several sizes, in two classes."""
    folder, chance = tmp_path / "photos", np.random.default_rng(0)
    for name, (height, width) in SIZES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(chance.integers(0, 256, (height, width), np.uint8)).save(folder / name)
    return folder


def images_of(folder: Path, channels: int = 1) -> OwnSizeImages:
    return own_size_images(resolve(str(folder)), channels)


def write(folder: Path, archive: Path, codec: FakeCodec | None = None, **options: Any) -> ArchiveReport:
    codec = codec or FakeCodec()
    images = images_of(folder, codec.channels)
    return write_archive(codec, images, archive_paths(images, archive), ArchiveOptions(**options))


def restore(archive: Path, folder: Path, codec: FakeCodec | None = None) -> RestoreReport:
    files = find_files([archive])
    return restore_archive(codec or FakeCodec(), files, restored_paths(files, folder))


def pixels_of(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(image)


def files_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_images_of_any_size_return_under_their_names(photos: Path, tmp_path: Path) -> None:
    report = write(photos, tmp_path / "archive")
    assert (report.written, report.failures, report.pixels) == (5, [], sum(h * w for h, w in SIZES.values()))
    assert files_in(tmp_path / "archive") == sorted(f"{name}.aec" for name in SIZES)
    assert report.bytes == sum(path.stat().st_size for path in (tmp_path / "archive").rglob("*.aec"))
    assert report.original_bytes == sum((photos / name).stat().st_size for name in SIZES)
    assert restore(tmp_path / "archive", tmp_path / "restored").restored == 5
    assert files_in(tmp_path / "restored") == ["3.png", "a/1.png", "a/2.png", "b/1.png", "b/2.png"]
    for name in SIZES:
        original = pixels_of(photos / name)
        restored = pixels_of(tmp_path / "restored" / Path(name).with_suffix(".png"))
        assert restored.shape == original.shape
        assert np.abs(restored.astype(int) - original).max() <= STEPS[0] // 2


def test_images_of_a_list_are_files_of_their_own(photos: Path, tmp_path: Path) -> None:
    (photos / "list.csv").write_text("path,label\na/1.png,x\n3.png,y\n")
    report = write(photos / "list.csv", tmp_path / "archive")
    assert files_in(tmp_path / "archive") == ["a/x/1.png.aec", "y/3.png.aec"]
    assert report.original_bytes == sum((photos / name).stat().st_size for name in ("a/1.png", "3.png"))


def test_images_of_equal_size_are_encoded_together(photos: Path, tmp_path: Path) -> None:
    codec = FakeCodec()
    write(photos, tmp_path / "archive", codec)
    assert sorted(count for count, _ in codec.encoded) == [1, 1, 1, 2]


def test_the_rate_is_a_choice(photos: Path, tmp_path: Path) -> None:
    sizes = []
    for rate in range(3):
        report = write(photos, tmp_path / f"{rate}", rate=rate)
        sizes.append(report.bytes)
        assert report.rates == {rate: 5}
        assert {read_file(path).header.rate for path in (tmp_path / f"{rate}").rglob("*.aec")} == {rate}
    assert sizes == sorted(sizes, reverse=True)
    with pytest.raises(UsageError, match="rate 3"):
        write(photos, tmp_path / "3", rate=3)
    assert not (tmp_path / "3").exists()


@pytest.mark.parametrize(("psnr", "rate"), [(60, 0), (48, 0), (38, 1), (35, 1), (20, 2)])
def test_a_psnr_is_reached_with_the_fewest_bytes(psnr: float, rate: int, photos: Path, tmp_path: Path) -> None:
    report = write(photos, tmp_path / "archive", psnr=psnr)
    for name, reached in report.psnr_of.items():
        found = read_file(tmp_path / "archive" / f"{name}.aec").header.rate
        if photos.joinpath(name).suffix == ".png" and name != "b/2.png":
            assert found == rate
        assert reached >= psnr or (found == 0 and name in report.missed)
    assert report.is_partial is bool(report.missed)
    assert bool(report.missed) is (psnr == 60)


@pytest.mark.parametrize("estimate", [[50.0, 40.0, 28.0], [99.0, 99.0, 99.0], [0.0, 0.0, 0.0]])
def test_the_choice_does_not_depend_on_the_validation_images(estimate: list[float]) -> None:
    images = np.random.default_rng(1).integers(0, 256, (4, 1, 8, 8), np.uint8)
    images[1] = 128
    codec = FakeCodec()
    codec.psnr = estimate
    for psnr in (20, 40, 45, 90):
        chosen = encode_with(codec, images, Quality(psnr=psnr))
        at_rate = [codec.encode(images, rate) for rate in range(3)]
        for index, each in enumerate(chosen):
            reached = [rate for rate in range(3) if at_rate[rate][index].psnr >= psnr]
            assert each.coded.rate == max(reached, default=0)


def test_a_damaged_image_is_left_out_and_the_rest_is_kept(photos: Path, tmp_path: Path) -> None:
    (photos / "b" / "2.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    report = write(photos, tmp_path / "archive")
    assert [failure.name for failure in report.failures] == ["b/2.png"]
    assert len(files_in(tmp_path / "archive")) == 4
    assert report.is_partial


def test_no_readable_image_is_an_error(photos: Path, tmp_path: Path) -> None:
    for path in photos.rglob("*.*"):
        path.write_bytes(b"x")
    with pytest.raises(InputError, match="none of the 5"):
        write(photos, tmp_path / "archive")


def test_a_model_of_one_size_refuses_other_sizes(photos: Path, tmp_path: Path) -> None:
    report = write(photos, tmp_path / "archive", FakeCodec(size=(8, 8)))
    assert report.written == 2
    assert {failure.name for failure in report.failures} == {"a/2.jpg", "b/2.png", "3.png"}


def test_files_that_exist_are_kept_unless_they_are_to_be_replaced(photos: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    write(photos, archive, rate=0)
    first = (archive / "3.png.aec").read_bytes()
    with pytest.raises(OutputExistsError, match="5"):
        write(photos, archive, rate=2)
    assert (archive / "3.png.aec").read_bytes() == first
    write(photos, archive, rate=2, overwrite=True)
    assert read_file(archive / "3.png.aec").header.rate == 2


def test_an_interrupted_run_is_resumed(photos: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    images, codec = images_of(photos), FakeCodec()
    paths = archive_paths(images, archive)

    def stop(image: object, path: Path) -> None:
        if len(files_in(archive)) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_archive(codec, images, paths, ArchiveOptions(), on_image=stop)
    done = {path: path.stat().st_mtime_ns for path in archive.rglob("*.aec")}
    assert len(done) == 3
    report = write(photos, archive, resume=True)
    assert (report.written, report.kept) == (2, 3)
    assert all(path.stat().st_mtime_ns == time for path, time in done.items())
    whole = tmp_path / "whole"
    write(photos, whole)
    assert {name: (archive / name).read_bytes() for name in files_in(archive)} == {
        name: (whole / name).read_bytes() for name in files_in(whole)
    }


def test_resuming_replaces_what_does_not_hold_the_image(photos: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    write(photos, archive)
    damaged, foreign, newer = archive / "a/1.png.aec", archive / "a/2.jpg.aec", archive / "b/1.png.aec"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    header = read_file(foreign).header
    foreign.write_bytes(AecImage(header.__class__("00000000", 0, 1, 12, 20), np.zeros(1, np.uint32)).to_bytes())
    later = newer.stat().st_mtime + 10
    os.utime(photos / "b/1.png", (later, later))
    report = write(photos, archive, resume=True)
    assert (report.written, report.kept) == (3, 2)
    assert write(photos, archive, resume=True, rate=1).written == 5


def test_resuming_with_a_psnr_encodes_files_again_that_do_not_reach_it(photos: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    write(photos, archive, psnr=20)
    assert write(photos, archive, resume=True, psnr=20).kept == 5
    report = write(photos, archive, resume=True, psnr=38)
    assert report.written >= 3
    for name in report.psnr_of:
        assert report.psnr_of[name] >= 38
    assert write(photos, archive, resume=True, psnr=20).kept == 5
    assert write(photos, archive, resume=True).kept == 0


def test_resuming_says_again_which_images_do_not_reach_the_psnr(photos: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    first = write(photos, archive, psnr=70)
    assert first.missed
    report = write(photos, archive, resume=True, psnr=70)
    assert (report.kept, report.missed) == (5, first.missed)
    assert report.warnings == first.warnings
    assert report.is_partial


class Careless(FakeCodec):
    """A codec one of whose streams does not decode to what encoding said."""

    def encode(self, images: NDArray[np.uint8], rate: int) -> Any:
        encoded = super().encode(images, rate)
        if images.shape[2:] == (33, 17):
            encoded[0].pixels[0, 0, 0] ^= 128
        return encoded


def test_verification_keeps_wrong_files_out(photos: Path, tmp_path: Path) -> None:
    report = write(photos, tmp_path / "verified", Careless())
    assert [failure.name for failure in report.failures] == ["3.png"]
    assert "3.png.aec" not in files_in(tmp_path / "verified")
    assert write(photos, tmp_path / "unverified", Careless(), verify=False).failures == []


def test_images_unlike_the_training_images_are_named_and_stored(photos: Path, tmp_path: Path) -> None:
    codec = FakeCodec()
    codec.unlike_psnr = [57.0, 37.0, 25.0]
    report = write(photos, tmp_path / "archive", codec)
    assert set(report.unlike) >= {"3.png", "a/1.png"}
    assert "unlike" in report.warnings[0]
    assert "dB" in report.warnings[0]
    assert report.written == 5
    assert not report.is_partial


def test_color_images_of_a_gray_model_are_noted(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (8, 8), (200, 10, 10)).save(tmp_path / "photos" / "red.png")
    assert any("gray" in note for note in write(tmp_path / "photos", tmp_path / "archive").notes)


def test_gray_images_of_a_color_model_return_in_gray(photos: Path, tmp_path: Path) -> None:
    Image.new("RGB", (8, 8), (200, 10, 10)).save(photos / "red.png")
    codec = FakeCodec(channels=3)
    write(photos, tmp_path / "archive", codec)
    restore(tmp_path / "archive", tmp_path / "restored", codec)
    assert pixels_of(tmp_path / "restored" / "a" / "1.png").shape == (8, 8)
    assert pixels_of(tmp_path / "restored" / "red.png").tolist() == [[[200, 10, 10]] * 8] * 8


def test_a_damaged_file_is_left_out_and_the_rest_is_restored(photos: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    write(photos, archive)
    content = bytearray((archive / "a/1.png.aec").read_bytes())
    content[-1] ^= 1
    (archive / "a/1.png.aec").write_bytes(content)
    report = restore(archive, tmp_path / "restored")
    assert [failure.name for failure in report.failures] == [str(archive / "a/1.png.aec")]
    assert report.restored == 4
    assert "a/1.png" not in files_in(tmp_path / "restored")


def test_a_stream_that_the_model_refuses_does_not_stop_its_batch(photos: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    write(photos, archive)
    path = archive / "a/1.png.aec"
    path.write_bytes(AecImage(read_file(path).header, np.arange(9, dtype=np.uint32)).to_bytes())
    report = restore(archive, tmp_path / "restored")
    assert [failure.name for failure in report.failures] == [str(path)]
    assert report.restored == 4


def test_files_of_another_model_are_refused_by_name(photos: Path, tmp_path: Path) -> None:
    write(photos, tmp_path / "archive")
    with pytest.raises(InputError, match="another model"):
        restore(tmp_path / "archive", tmp_path / "restored", FakeCodec(name="other"))
    write(photos, tmp_path / "archive" / "more", FakeCodec(name="other"))
    report = restore(tmp_path / "archive", tmp_path / "restored")
    assert (report.restored, len(report.failures)) == (5, 5)


def test_images_that_exist_are_not_replaced(photos: Path, tmp_path: Path) -> None:
    write(photos, tmp_path / "archive")
    restore(tmp_path / "archive", tmp_path / "restored")
    paths = restored_paths(find_files([tmp_path / "archive"]), tmp_path / "restored")
    with pytest.raises(OutputExistsError, match="5"):
        require_new(paths, overwrite=False)
    require_new(paths, overwrite=True)


def test_files_of_several_folders_keep_apart(photos: Path, tmp_path: Path) -> None:
    for name in ("x", "y"):
        write(photos / "a", tmp_path / name)
    assert sorted(find_files([tmp_path / "x", tmp_path / "y"]).names) == [
        *("x/1.png.aec", "x/2.jpg.aec", "y/1.png.aec", "y/2.jpg.aec")
    ]
    single = find_files([tmp_path / "x" / "1.png.aec", tmp_path / "x"])
    assert single.names == ("1.png.aec", "2.jpg.aec")


def test_other_files_of_an_archive_are_passed_over(photos: Path, tmp_path: Path) -> None:
    write(photos, tmp_path / "archive")
    (tmp_path / "archive" / "notes.txt").write_text("x")
    assert any(".txt" in note for note in find_files([tmp_path / "archive"]).notes)
    with pytest.raises(InputError, match=r"no \.aec file"):
        find_files([photos])


def test_a_data_set_with_a_name_keeps_its_classes(tmp_path: Path) -> None:
    images = own_size_images(resolve("digits:test@3,5"), 1, options=DataOptions())
    paths = archive_paths(images, tmp_path)
    assert {path.parent.relative_to(tmp_path).as_posix() for path in paths} == {"test/3", "test/5"}
    report = write_archive(FakeCodec(), images, paths, ArchiveOptions())
    assert report.original_bytes is None
    assert (read_file(paths[0]).header.height, read_file(paths[0]).header.width) == (8, 8)


def test_progress_reaches_the_end(photos: Path, tmp_path: Path) -> None:
    calls: list[tuple[str, int, int]] = []
    images = images_of(photos)
    write_archive(
        FakeCodec(),
        images,
        archive_paths(images, tmp_path),
        ArchiveOptions(),
        progress=lambda *call: calls.append(call),
    )
    assert calls[-1][1:] == (5, 5)


def test_an_empty_file_among_others_is_named_and_the_others_return(photos: Path, tmp_path: Path) -> None:
    write(photos, tmp_path / "archive")
    good, empty = tmp_path / "archive" / "3.png.aec", tmp_path / "empty.aec"
    empty.touch()
    files = find_files([empty, good])
    report = restore_archive(FakeCodec(), files, restored_paths(files, tmp_path / "back"))
    assert [failure.name for failure in report.failures] == [str(empty)]
    assert files_in(tmp_path / "back") == ["3.png"]
    with pytest.raises(InputError, match="empty"):
        find_files([empty])


def test_nothing_is_created_if_nothing_can_be_restored(photos: Path, tmp_path: Path) -> None:
    write(photos, tmp_path / "archive")
    with pytest.raises(InputError, match="another model"):
        restore(tmp_path / "archive", tmp_path / "back", FakeCodec(name="other"))
    assert not (tmp_path / "back").exists()
