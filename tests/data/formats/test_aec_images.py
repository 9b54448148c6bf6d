"""`.aec` files are images like any others, if the codec that made them is known."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aecli.checkpoint import resolve_model
from aecli.codes.aec import AecHeader, AecImage, pack
from aecli.data import DataOptions, load
from aecli.data.conversion import Conversion
from aecli.data.encoded import FileOnDisk, UnreadableImageError
from aecli.data.formats import aec_images
from aecli.data.image_files import decode, native_shape
from aecli.errors import ExitStatus
from aecli.inference.archive_images import read_archives_with
from tests.command_line import Run, succeed
from tests.fake_codec import FakeCodec


@pytest.fixture(autouse=True)
def no_codecs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the codecs that other tests have loaded."""
    monkeypatch.setattr(aec_images, "_decoders", {})


@pytest.fixture
def codec(monkeypatch: pytest.MonkeyPatch) -> FakeCodec:
    fake = FakeCodec()
    monkeypatch.setattr("aecli.inference.codec.load_codec", lambda model, device="auto": fake)
    return fake


@pytest.fixture
def archive(image_folder: Path, tmp_path: Path) -> Path:
    """Return the images of `image_folder`, compressed."""
    folder, fake = tmp_path / "archive", FakeCodec()
    for path in image_folder.rglob("*.png"):
        with Image.open(path) as image:
            (encoded,) = fake.encode(np.asarray(image)[None, None], 0)
        target = folder / f"{path.relative_to(image_folder)}.aec"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(pack(encoded.coded, fake.identity, 1))
    return folder


def test_a_folder_of_compressed_images_has_classes_and_pixels(
    archive: Path, image_folder: Path, codec: FakeCodec, conv_run: Path
) -> None:
    read_archives_with(resolve_model(conv_run))
    images, originals = load(str(archive)), load(str(image_folder))
    assert images.names.tolist() == [f"{name}.aec" for name in originals.names.tolist()]
    assert images.class_names == ("a", "b")
    assert np.abs(images.images.astype(int) - originals.images).max() <= 1
    resized = decode(FileOnDisk(archive / "a" / "0.png.aec"), Conversion((3, 4, 5)))
    assert resized.pixels.shape == (3, 4, 5)
    assert resized.native == (1, 8, 8)


def test_the_size_is_known_without_a_codec(archive: Path) -> None:
    assert native_shape(FileOnDisk(archive / "a" / "0.png.aec")) == (1, 8, 8)


def test_without_the_codec_the_identity_is_named(aecli: Run, archive: Path, conv_run: Path, tmp_path: Path) -> None:
    with pytest.raises(UnreadableImageError, match=FakeCodec().identity[7:15]):
        decode(FileOnDisk(archive / "a" / "0.png.aec"))
    result = aecli("encode", archive, "--model", conv_run, "-o", tmp_path / "codes.npz")
    assert result.status == ExitStatus.INPUT


def test_images_are_read_once_their_codec_is_loaded(
    archive: Path, image_folder: Path, codec: FakeCodec, conv_run: Path
) -> None:
    """Also if they are cached without those that could not be read."""
    shutil.copy(image_folder / "a" / "0.png", archive / "a" / "plain.png")
    small = DataOptions(memory_budget=1)
    assert load(str(archive), small, skip_damaged=True).names.tolist() == ["a/plain.png"]
    read_archives_with(resolve_model(conv_run))
    assert load(str(archive), small, skip_damaged=True).failures == ()


def test_the_codec_of_another_image_does_not_decode_it(
    archive: Path, conv_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = FakeCodec(name="other")
    monkeypatch.setattr("aecli.inference.codec.load_codec", lambda model, device="auto": other)
    read_archives_with(resolve_model(conv_run))
    with pytest.raises(UnreadableImageError, match="not loaded"):
        decode(FileOnDisk(archive / "a" / "0.png.aec"))


def test_damage_is_named(archive: Path, codec: FakeCodec, conv_run: Path) -> None:
    read_archives_with(resolve_model(conv_run))
    path = archive / "a" / "0.png.aec"
    content = path.read_bytes()
    for damaged in (content[:-1], content[:10], b"x" + content[1:]):
        path.write_bytes(damaged)
        with pytest.raises(UnreadableImageError, match=r"damaged|not an image"):
            decode(FileOnDisk(path))
    header = AecHeader(codec.identity[7:15], 0, 1, 8, 8)
    path.write_bytes(AecImage(header, np.arange(9, dtype=np.uint32)).to_bytes())  # a stream that no codec has made
    with pytest.raises(UnreadableImageError, match="stream"):
        decode(FileOnDisk(path))


@pytest.mark.parametrize("command", ["detect", "encode"])
def test_commands_take_archives_and_a_codec(
    command: str,
    archive: Path,
    image_folder: Path,
    codec: FakeCodec,
    conv_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("aecli.checkpoint.ModelRef.is_codec", True)
    output = ("-o", tmp_path / "codes.npz") if command == "encode" else ()
    results = [
        succeed(command, folder, "--model", conv_run, *output, "--codec", conv_run)
        for folder in (archive, image_folder)
    ]
    if command == "detect":
        scores = [[float(row[1]) for row in result.rows] for result in results]
        np.testing.assert_allclose(scores[0], scores[1], rtol=0.05)


def test_a_model_that_is_no_codec_is_refused_at_once(aecli: Run, archive: Path, conv_run: Path) -> None:
    result = aecli("detect", archive, "--model", conv_run, "--codec", conv_run)
    assert result.status == ExitStatus.INPUT
    assert "--codec" in result.err


def test_a_codec_that_decodes_the_images_is_not_replaced(
    aecli: Run, archive: Path, codec: FakeCodec, conv_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aecli.checkpoint.ModelRef.is_codec", True)
    run = shutil.copytree(conv_run, tmp_path / "codec")
    before = (run / "model.safetensors").read_bytes()
    for words in (
        ("train", archive, "-o", run, "--recipe", "mlp", "--overwrite"),
        ("calibrate", "--normal", archive, "--model", conv_run, "-o", run / "model.safetensors"),
    ):
        result = aecli(*words, "--codec", run)
        assert result.status == ExitStatus.USAGE, result.err
        assert "replace" in result.err
        assert (run / "model.safetensors").read_bytes() == before
