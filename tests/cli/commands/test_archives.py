"""`aecli encode` and `aecli decode` with a codec: archives of `.aec` files, and sets of images in one stream."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from aecli.data import load
from aecli.errors import ExitStatus
from tests.command_line import Run, succeed
from tests.fake_codec import FakeCodec


@pytest.fixture
def codec(monkeypatch: pytest.MonkeyPatch) -> FakeCodec:
    """Let every model be the same codec, for gray images of 8x8 pixels if they are a set."""
    fake = FakeCodec(size=(8, 8))
    monkeypatch.setattr("aecli.inference.codec.load_codec", lambda model, device="auto": fake)
    monkeypatch.setattr("aecli.checkpoint.ModelRef.is_codec", True)
    return fake


@pytest.fixture
def archive(codec: FakeCodec, conv_run: Path, image_folder: Path, tmp_path: Path) -> Path:
    """Return an archive of six images."""
    succeed("encode", image_folder, "--model", conv_run, "-o", tmp_path / "archive")
    return tmp_path / "archive"


def words(conv_run: Path, source: Path | str, output: Path, *more: object) -> tuple[object, ...]:
    return ("encode", source, "--model", conv_run, "-o", output, *more)


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*.aec"))


def test_a_folder_becomes_an_archive_and_returns(
    archive: Path, conv_run: Path, image_folder: Path, tmp_path: Path
) -> None:
    assert len(list(archive.rglob("*.png.aec"))) == 6
    report = succeed("decode", archive, "--model", conv_run, "-o", tmp_path / "restored", "--json").document
    assert (report["images"], report["failed"]) == (6, 0)
    for path in image_folder.rglob("*.png"):
        with Image.open(path) as image, Image.open(tmp_path / "restored" / path.relative_to(image_folder)) as restored:
            assert np.abs(np.asarray(image, int) - np.asarray(restored, int)).max() <= 1


def test_the_report_tells_bytes_and_quality(
    codec: FakeCodec, conv_run: Path, image_folder: Path, tmp_path: Path
) -> None:
    result = succeed(*words(conv_run, image_folder, tmp_path / "archive", "--json", "--rate", 1))
    report = result.document
    assert report["bytes"] == size_of(tmp_path / "archive")
    assert report["rates"] == {"1": 6}
    assert 30 < report["psnr"] < 60
    text = succeed(*words(conv_run, image_folder, tmp_path / "archive", "--overwrite")).out
    assert "dB" in text
    assert f"{size_of(tmp_path / 'archive'):,} bytes" in text


def test_each_image_can_be_listed(codec: FakeCodec, conv_run: Path, image_folder: Path, tmp_path: Path) -> None:
    rows = succeed(*words(conv_run, image_folder, tmp_path / "archive", "--list")).rows
    assert len(rows) == 6
    for file, size, rate, psnr in rows:
        assert Path(file).stat().st_size == int(size)
        assert (rate, float(psnr) > 30) == ("0", True)
    documents = succeed(
        *words(conv_run, image_folder, tmp_path / "archive", "--list", "--json", "--overwrite")
    ).documents
    assert len(documents) == 7
    assert "summary" in documents[-1]


@pytest.mark.parametrize("option", [("--rate", "2"), ("--psnr", "30")])
def test_options_for_fewer_bytes(
    option: tuple[str, str], codec: FakeCodec, conv_run: Path, image_folder: Path, tmp_path: Path
) -> None:
    succeed(*words(conv_run, image_folder, tmp_path / "best"))
    succeed(*words(conv_run, image_folder, tmp_path / "small", *option))
    assert size_of(tmp_path / "small") < size_of(tmp_path / "best")


def test_a_psnr_out_of_reach_is_partial(
    aecli: Run, codec: FakeCodec, conv_run: Path, image_folder: Path, tmp_path: Path
) -> None:
    result = aecli(*words(conv_run, image_folder, tmp_path / "archive", "--psnr", 99))
    assert result.status == ExitStatus.PARTIAL
    assert "99 dB" in result.err
    assert len(list((tmp_path / "archive").rglob("*.aec"))) == 6


def test_an_archive_is_not_replaced_unless_asked(aecli: Run, archive: Path, conv_run: Path, image_folder: Path) -> None:
    before = {path: path.read_bytes() for path in archive.rglob("*.aec")}
    result = aecli(*words(conv_run, image_folder, archive, "--rate", 2))
    assert result.status == ExitStatus.EXISTS
    assert "--resume" in result.err
    assert {path: path.read_bytes() for path in archive.rglob("*.aec")} == before
    report = succeed(*words(conv_run, image_folder, archive, "--resume", "--json")).document
    assert (report["images"], report["kept"]) == (0, 6)
    assert succeed(*words(conv_run, image_folder, archive, "--overwrite", "--json")).document["images"] == 6


def test_damaged_images_and_files_are_named(
    aecli: Run, codec: FakeCodec, conv_run: Path, image_folder: Path, tmp_path: Path
) -> None:
    (image_folder / "a" / "1.png").write_bytes(b"x")
    result = aecli(*words(conv_run, image_folder, tmp_path / "archive"))
    assert result.status == ExitStatus.PARTIAL
    assert "a/1.png" in result.err
    damaged = tmp_path / "archive" / "b" / "3.png.aec"
    damaged.write_bytes(damaged.read_bytes()[:20])
    restored = aecli("decode", tmp_path / "archive", "--model", conv_run, "-o", tmp_path / "restored")
    assert restored.status == ExitStatus.PARTIAL
    assert "3.png.aec" in restored.err
    assert len(list((tmp_path / "restored").rglob("*.png"))) == 4
    single = aecli("decode", damaged, "--model", conv_run, "-o", tmp_path / "x.png")
    assert single.status == ExitStatus.INPUT
    assert not (tmp_path / "x.png").exists()


def test_one_image_and_one_file(
    aecli: Run, codec: FakeCodec, conv_run: Path, image_folder: Path, tmp_path: Path
) -> None:
    succeed(*words(conv_run, image_folder / "a" / "0.png", tmp_path / "one.aec"))
    succeed("decode", tmp_path / "one.aec", "--model", conv_run, "-o", tmp_path / "one.png")
    with Image.open(tmp_path / "one.png") as image:
        assert image.size == (8, 8)
    for source in (tmp_path / "one.aec", image_folder):  # the file itself, and several images
        before = (tmp_path / "one.aec").read_bytes()
        assert aecli(*words(conv_run, source, tmp_path / "one.aec", "--overwrite")).status != ExitStatus.DONE
        assert (tmp_path / "one.aec").read_bytes() == before


def test_restored_images_are_not_replaced_unless_asked(
    aecli: Run, archive: Path, conv_run: Path, tmp_path: Path
) -> None:
    command = ("decode", archive, "--model", conv_run, "-o", tmp_path / "restored")
    succeed(*command)
    assert aecli(*command).status == ExitStatus.EXISTS
    succeed(*command, "--overwrite")


@pytest.mark.parametrize(
    "option",
    [
        *(("--bits", "8"), ("--entropy",), ("--keep-names",), ("--devices", "2"), ("--rate", "3")),
        *(("--rate", "1", "--psnr", "30"), ("--overwrite", "--resume"), ("--psnr", "0"), ("--psnr", "nan")),
    ],
)
def test_options_that_contradict_an_archive(
    option: tuple[str, ...], aecli: Run, codec: FakeCodec, conv_run: Path, image_folder: Path, tmp_path: Path
) -> None:
    result = aecli(*words(conv_run, image_folder, tmp_path / "archive", *option))
    assert result.status == ExitStatus.USAGE, result.err
    assert not (tmp_path / "archive").exists()


@pytest.mark.parametrize("option", [("--list",), ("--rate", "1"), ("--psnr", "30"), ("--resume",), ("--no-verify",)])
def test_options_of_archives_do_not_apply_to_codes(
    option: tuple[str, ...], aecli: Run, conv_run: Path, image_folder: Path, tmp_path: Path
) -> None:
    result = aecli(*words(conv_run, image_folder, tmp_path / "codes.npz", *option))
    assert result.status == ExitStatus.USAGE, result.err


@pytest.mark.parametrize("name", ["archive.zip", "archive.png", "codes.txt"])
def test_outputs_that_are_no_folder(
    name: str, aecli: Run, codec: FakeCodec, conv_run: Path, image_folder: Path, tmp_path: Path
) -> None:
    assert aecli(*words(conv_run, image_folder, tmp_path / name)).status == ExitStatus.USAGE
    assert not (tmp_path / name).exists()


def test_an_archive_does_not_lie_among_its_images(
    aecli: Run, codec: FakeCodec, conv_run: Path, image_folder: Path
) -> None:
    for output in (image_folder, image_folder / "archive"):
        assert aecli(*words(conv_run, image_folder, output)).status == ExitStatus.USAGE
    assert not list(image_folder.rglob("*.aec"))


# One stream of a set


def decoded(conv_run: Path, file: Path, folder: Path) -> dict[str, Any]:
    output = folder / "decoded.npz"
    succeed("decode", file, "--model", conv_run, "-o", output)
    with np.load(output) as arrays:
        return dict(arrays)


def test_a_set_becomes_one_stream_and_returns(codec: FakeCodec, conv_run: Path, tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    report = succeed(*words(conv_run, "digits:test", path, "--entropy", "--json")).document
    assert (report["images"], report["bytes"]) == (359, path.stat().st_size)
    arrays = decoded(conv_run, path, tmp_path)
    assert arrays.keys() == {"images", "names"}
    assert np.abs(arrays["images"].astype(int) - load("digits:test").images).max() <= 1


def test_names_and_labels_of_a_set_are_kept_if_requested(codec: FakeCodec, conv_run: Path, tmp_path: Path) -> None:
    for name, option in (("small", ()), ("named", ("--keep-names",))):
        succeed(*words(conv_run, "digits:test", tmp_path / f"{name}.npz", "--entropy", *option))
    assert (tmp_path / "named.npz").stat().st_size > (tmp_path / "small.npz").stat().st_size
    arrays, digits = decoded(conv_run, tmp_path / "named.npz", tmp_path), load("digits:test")
    assert arrays["names"].tolist() == digits.names.tolist()
    assert digits.labels is not None
    assert arrays["labels"].tolist() == digits.labels.tolist()


@pytest.mark.parametrize(("psnr", "rate"), [(20, 2), (35, 1), (99, 0)])
def test_the_psnr_of_a_set(psnr: int, rate: int, aecli: Run, codec: FakeCodec, conv_run: Path, tmp_path: Path) -> None:
    result = aecli(*words(conv_run, "digits:test", tmp_path / "set.npz", "--entropy", "--psnr", psnr, "--json"))
    assert result.document["rate"] == rate
    assert result.status == (ExitStatus.PARTIAL if psnr == 99 else ExitStatus.DONE)


def test_a_damaged_set_and_that_of_another_model_are_refused(
    aecli: Run, codec: FakeCodec, conv_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "set.npz"
    succeed(*words(conv_run, "digits:test", path, "--entropy"))
    command = ("decode", path, "--model", conv_run, "-o", tmp_path / "out")
    other = FakeCodec(size=(8, 8), name="other")
    monkeypatch.setattr("aecli.inference.codec.load_codec", lambda model, device="auto": other)
    result = aecli(*command)
    assert result.status == ExitStatus.INPUT
    assert "another model" in result.err
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert aecli(*command).status == ExitStatus.INPUT
    assert not list((tmp_path / "out").glob("*"))


@pytest.mark.parametrize(("keep", "hint"), [(None, "--model"), (20, "copy it again")])
def test_a_file_that_cannot_be_restored_is_named_with_what_to_do(
    keep: int | None, hint: str, archive: Path, codec: FakeCodec, conv_run: Path, aecli: Run, tmp_path: Path
) -> None:
    path = next(archive.rglob("*.aec"))
    if keep is None:
        codec.identity = "sha256:" + "0" * 64  # of another model
    else:
        path.write_bytes(path.read_bytes()[:keep])
    result = aecli("decode", path, "--model", conv_run, "-o", tmp_path / "restored")
    assert result.status == ExitStatus.INPUT
    assert "cannot restore" in result.err
    assert path.name in result.err
    assert hint in result.err
    assert not list((tmp_path / "restored").rglob("*.png"))
